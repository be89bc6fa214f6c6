/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/machine/memory.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "platforms/base/number.h"
#include "platforms/file/sysfs.h"
#include "platforms/machine/cgroup.h"

#define WORTH_ASKING ((uint64_t)1 << 20) /* what any machine has: asking costs some files of /proc and /sys */

void bnc_memory_read(uint64_t *total, uint64_t *available) {
  bnc_sysfs_reader reader;
  char line[128], *key, *value;
  *total = *available = 0;
  if (!bnc_sysfs_reader_open(&reader, "/proc/meminfo")) return;
  while (bnc_sysfs_reader_line(&reader, line, sizeof line)) {
    if (!bnc_sysfs_key_value(line, &key, &value)) continue;
    const uint64_t kib = bnc_number_or_zero(value, 10);
    if (kib > UINT64_MAX >> 10) continue;
    if (strcmp(key, "MemTotal") == 0) *total = kib << 10;
    if (strcmp(key, "MemAvailable") == 0) *available = kib << 10;
  }
  bnc_sysfs_reader_close(&reader);
}

static void bound(bnc_memory_room *room, uint64_t bytes, const char *by) {
  if (bytes < room->bytes) *room = (bnc_memory_room){bytes, by};
}

static uint64_t minus(uint64_t limit, uint64_t used) { return limit > used ? limit - used : 0; }

/* Bytes of files that a group holds in memory: the kernel drops them before it refuses memory. */
static uint64_t reclaimable(const char *folder, bool v2) {
  static const char *const keys[2][2] = {{"total_inactive_file ", "total_active_file "}, {"inactive_file ", "active_file "}};
  bnc_sysfs_reader reader;
  char path[BNC_SYSFS_PATH + 16], line[128];
  uint64_t bytes = 0;
  snprintf(path, sizeof path, "%s/memory.stat", folder);
  if (!bnc_sysfs_reader_open(&reader, path)) return 0;
  while (bnc_sysfs_reader_line(&reader, line, sizeof line))
    for (int i = 0; i < 2; i++) {
      const char *key = keys[v2][i];
      if (strncmp(line, key, strlen(key)) == 0) bytes += bnc_number_or_zero(line + strlen(key), 10) & (UINT64_MAX >> 2);
    }
  bnc_sysfs_reader_close(&reader);
  return bytes;
}

static void visit_group(void *context, const char *folder, bool v2) {
  int64_t limit, used;
  /* "max" is no number: no limit. Version 1 says so with a number beyond any memory. */
  if (bnc_sysfs_int(&limit, v2 ? "%s/memory.max" : "%s/memory.limit_in_bytes", folder) != BNC_SYSFS_OK || limit < 0) return;
  if (bnc_sysfs_int(&used, v2 ? "%s/memory.current" : "%s/memory.usage_in_bytes", folder) != BNC_SYSFS_OK || used < 0) return;
  bound(context, minus((uint64_t)limit, minus((uint64_t)used, reclaimable(folder, v2))), "the control group");
}

/* Pages of address space and of data that this process has. */
static void read_own(uint64_t *space, uint64_t *data) {
  char text[160];
  const char *p = text;
  uint64_t field[7] = {0};
  *space = *data = 0;
  if (bnc_sysfs_string(text, sizeof text, "/proc/self/statm") != BNC_SYSFS_OK) return;
  for (int i = 0; i < 7; i++) { /* size resident shared text lib data dirty */
    if (!bnc_number_u64(&p, 10, &field[i])) break;
    while (*p == ' ') p++;
  }
  *space = field[0];
  *data = field[5];
}

static void add_limits(bnc_memory_room *room) {
  struct rlimit limit;
  uint64_t space, data;
  const long page = sysconf(_SC_PAGESIZE);
  read_own(&space, &data);
  const uint64_t unit = page > 0 ? (uint64_t)page : 0;
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    bound(room, minus((uint64_t)limit.rlim_cur, space * unit), "the limit on the address space (ulimit -v)");
  if (getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
    bound(room, minus((uint64_t)limit.rlim_cur, data * unit), "the limit on data (ulimit -d)");
}

bnc_memory_room bnc_memory_room_for_maps(void) {
  bnc_memory_room room = {SIZE_MAX / 2, "the address space"};
  uint64_t total, available;
  bnc_memory_read(&total, &available);
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (available)
    bound(&room, available, "this machine");
  else if (pages > 0 && page > 0)
    bound(&room, (uint64_t)pages * (uint64_t)page, "this machine");
  bnc_cgroup_climb("memory", visit_group, &room);
  return room;
}

bnc_memory_room bnc_memory_room_left(void) {
  bnc_memory_room room = bnc_memory_room_for_maps();
  add_limits(&room);
  return room;
}

bnc_status bnc_memory_check(uint64_t needed, const char *what, bnc_error *err) {
  if (needed < WORTH_ASKING) return BNC_OK;
  const bnc_memory_room room = bnc_memory_room_left();
  if (needed <= room.bytes) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_LIMIT, "%s needs %.1f MB of memory, but %s leaves %.1f MB", what, (double)needed * 1e-6, room.bound,
                  (double)room.bytes * 1e-6);
}
