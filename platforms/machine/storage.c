/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/machine/storage.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "platforms/file/sysfs.h"

#define PIECE ((size_t)1 << 20) /* read at a time */
#define ALIGN ((size_t)4096)    /* which O_DIRECT asks of memory */
#define MOST_NS 400000000u

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

/* "/media/my\040disk": the kernel writes blanks and backslashes in octal. */
static void unescape(char *text) {
  char *to = text;
  for (const char *from = text; *from; to++) {
    const bool octal =
        from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' && from[3] >= '0' && from[3] <= '7';
    *to = octal ? (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0')) : *from;
    from += octal ? 4 : 1;
  }
  *to = 0;
}

/* Whether `path` is `folder` or lies below it. */
static bool lies_in(const char *path, const char *folder) {
  const size_t n = strlen(folder);
  if (strcmp(folder, "/") == 0) return path[0] == '/';
  return strncmp(path, folder, n) == 0 && (path[n] == 0 || path[n] == '/');
}

/* What is mounted nearest above an absolute path, last of all: "/dev/mmcblk0p2 / ext4 rw 0 0". */
static void find_device(const char *path, char device[32]) {
  bnc_sysfs_reader reader;
  char line[PATH_MAX];
  size_t nearest = 0;
  device[0] = 0;
  if (!bnc_sysfs_reader_open(&reader, "/proc/mounts")) return;
  while (bnc_sysfs_reader_line(&reader, line, sizeof line)) {
    char *place = strchr(line, ' '), *end = place ? strchr(place + 1, ' ') : NULL;
    if (!end) continue;
    *place++ = 0;
    *end = 0;
    unescape(place);
    if (strlen(place) < nearest || !lies_in(path, place)) continue;
    nearest = strlen(place);
    snprintf(device, 32, "%.31s", strncmp(line, "/dev/", 5) == 0 ? line + 5 : "");
  }
  bnc_sysfs_reader_close(&reader);
}

/* The kernel calls the device that it started from "root" and tells no more: of boards with one card or chip that must be it. */
static void guess_root(char device[32]) {
  char names[2][BNC_SYSFS_NAME];
  device[0] = 0;
  if (bnc_sysfs_list("/sys/block", "mmcblk[0-9]", names, 2) == 1) snprintf(device, 32, "%.31s", names[0]);
}

double bnc_storage_usual_rate(bnc_storage_kind kind) {
  static const double mbytes[] = {0, 40, 200, 800, 300, 120}; /* NVMe: on the one lane of a board */
  return (unsigned)kind < sizeof mbytes / sizeof *mbytes ? mbytes[kind] * 1e6 : 0;
}

/* Pieces far apart, so that no device foresees them. */
static double read_pieces(int fd, uint64_t pieces, void *to /* [PIECE], aligned */) {
  const uint64_t start = bnc_clock_ns(), stride = pieces / 64 + 1;
  uint64_t now = start, done = 0;
  for (uint64_t i = 0; i < pieces && now - start < MOST_NS; i += stride) {
    if (pread(fd, to, PIECE, (off_t)(i * PIECE)) != (ssize_t)PIECE) return 0;
    done++;
    now = bnc_clock_ns();
  }
  return now > start ? (double)(done * PIECE) / bnc_clock_seconds(start, now) : 0;
}

double bnc_storage_measure(const char *path) {
  double rate = 0;
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECT);
  if (fd < 0) return 0;
  const off_t bytes = lseek(fd, 0, SEEK_END);
  char *room = bytes >= (off_t)PIECE ? bnc_mem_alloc(PIECE + ALIGN) : NULL;
  if (room) rate = read_pieces(fd, (uint64_t)bytes / PIECE, room + (ALIGN - (uintptr_t)room % ALIGN));
  bnc_mem_free(room);
  close(fd);
  return rate;
}

bnc_storage bnc_storage_read(const char *path) {
  bnc_storage s = {.kind = BNC_STORAGE_UNKNOWN};
  char type[16], real[PATH_MAX];
  int64_t rotates;
  find_device(realpath(path ? path : ".", real) ? real : "/", s.device);
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
