/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/machine/storage.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "platforms/file/sysfs.h"

const char *bnc_storage_kind_name(bnc_storage_kind kind) {
  static const char *const names[] = {"unknown", "SD card", "eMMC", "NVMe", "disk", "rotating disk"};
  return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : names[0];
}

/* "mmcblk0p2" is a part of "mmcblk0", "sda1" of "sda". */
static void strip_partition(char *name) {
  size_t n = strlen(name), digits = n;
  while (digits > 0 && name[digits - 1] >= '0' && name[digits - 1] <= '9') digits--;
  if (digits == n || digits == 0) return;
  const bool numbered = strncmp(name, "mmcblk", 6) == 0 || strncmp(name, "nvme", 4) == 0;
  if (!numbered)
    name[digits] = 0;
  else if (name[digits - 1] == 'p')
    name[digits - 1] = 0;
}

/* What is mounted on the root folder, last of all: "/dev/mmcblk0p2 / ext4 rw 0 0". */
static void find_root(char device[32]) {
  bnc_sysfs_reader reader;
  char line[400];
  device[0] = 0;
  if (!bnc_sysfs_reader_open(&reader, "/proc/mounts")) return;
  while (bnc_sysfs_reader_line(&reader, line, sizeof line)) {
    char *place = strchr(line, ' ');
    if (!place || strncmp(place, " / ", 3) != 0) continue;
    *place = 0;
    snprintf(device, 32, "%s", strncmp(line, "/dev/", 5) == 0 ? line + 5 : "");
  }
  bnc_sysfs_reader_close(&reader);
}

/* The kernel calls the device that it started from "root" and tells no more: of boards with one card or chip that must be it. */
static void guess_root(char device[32]) {
  char names[2][BNC_SYSFS_NAME];
  device[0] = 0;
  if (bnc_sysfs_list("/sys/block", "mmcblk[0-9]", names, 2) == 1) snprintf(device, 32, "%.31s", names[0]);
}

bnc_storage bnc_storage_read(void) {
  bnc_storage s = {.kind = BNC_STORAGE_UNKNOWN};
  char type[16];
  int64_t rotates;
  find_root(s.device);
  if (strcmp(s.device, "root") == 0) guess_root(s.device);
  strip_partition(s.device);
  if (!s.device[0] || strchr(s.device, '/')) {
    s.device[0] = 0;
    return s;
  }
  if (bnc_sysfs_int(&rotates, "/sys/block/%s/queue/rotational", s.device) != BNC_SYSFS_OK) rotates = 0;
  bnc_sysfs_string(type, sizeof type, "/sys/block/%s/device/type", s.device);
  if (strncmp(s.device, "mmcblk", 6) == 0)
    s.kind = strcmp(type, "MMC") == 0 ? BNC_STORAGE_EMMC : strcmp(type, "SD") == 0 ? BNC_STORAGE_SD : BNC_STORAGE_UNKNOWN;
  else if (strncmp(s.device, "nvme", 4) == 0)
    s.kind = BNC_STORAGE_NVME;
  else
    s.kind = rotates && strncmp(s.device, "vd", 2) != 0 ? BNC_STORAGE_ROTATING : BNC_STORAGE_DISK; /* virtual disks all claim to turn */
  return s;
}
