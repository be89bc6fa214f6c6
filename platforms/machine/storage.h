/* SPDX-License-Identifier: Apache-2.0 */
/** @file storage.h  On what kind of device a file system lies. */
#ifndef BINOCLE_PLATFORMS_MACHINE_STORAGE_H
#define BINOCLE_PLATFORMS_MACHINE_STORAGE_H

typedef enum bnc_storage_kind {
  BNC_STORAGE_UNKNOWN,
  BNC_STORAGE_SD,      /* an SD card: some 20 to 90 MB/s */
  BNC_STORAGE_EMMC,    /* soldered flash behind the same interface */
  BNC_STORAGE_NVME,    /* an SSD on PCIe */
  BNC_STORAGE_DISK,    /* SATA, USB, UFS or virtual */
  BNC_STORAGE_ROTATING /* a disk that turns */
} bnc_storage_kind;

typedef struct bnc_storage {
  char device[32]; /* "mmcblk0"; "": not known */
  bnc_storage_kind kind;
} bnc_storage;

/** "SD card" and so on; "unknown". */
const char *bnc_storage_kind_name(bnc_storage_kind kind);
/** Of the file system that the root folder lies on. */
bnc_storage bnc_storage_read(void);

#endif
