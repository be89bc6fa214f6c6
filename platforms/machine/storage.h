/* SPDX-License-Identifier: Apache-2.0 */
/** @file storage.h  On what kind of device a file lies, and how fast it reads. */
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
/** Of the file system that a file or folder lies on; NULL: the working folder. */
bnc_storage bnc_storage_read(const char *path);
/** Bytes per second that such a device reads, roughly, as data sheets and reviews have it; 0: not known. */
double bnc_storage_usual_rate(bnc_storage_kind kind);
/** Reads a file past the system's cache for up to 0.4 s; bytes per second. 0: its file system cannot, or it holds less than 1 MiB. */
double bnc_storage_measure(const char *path);

#endif
