/* SPDX-License-Identifier: Apache-2.0 */
/* cpuinfo, and XNNPACK through it, dies of files of /proc and /sys that tell nonsense, as in some containers and sandboxes, or complains of
 * them on standard error. They are read here first. */
#include <cpuinfo.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/number.h"
#include "platforms/cpu/cpu_record.h"

#define MOST_CPUS 8192u /* that a kernel can be built for */
#define LISTS "/sys/devices/system/cpu/"

/* The beginning of this machine's own file, whatever BINOCLE_SYSFS says: cpuinfo does not look there. */
static bool read_text(const char *path, char *text, size_t size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  size_t length = 0;
  if (fd < 0) return false;
  while (length < size - 1) {
    const ssize_t n = read(fd, text + length, size - 1 - length);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    length += (size_t)n;
  }
  close(fd);
  text[length] = 0;
  return length > 0;
}

/* "0-3,8\n": marks those CPUs. False: no such list. */
static bool read_list(const char *path, bool cpus[MOST_CPUS]) {
  char text[4096];
  const char *p = text;
  if (!read_text(path, text, sizeof text)) return false;
  for (;;) {
    uint64_t from, to;
    if (!bnc_number_u64(&p, 10, &from)) return false;
    to = from;
    if (*p == '-') {
      p++;
      if (!bnc_number_u64(&p, 10, &to)) return false;
    }
    if (to < from || to >= MOST_CPUS) return false;
    for (uint64_t i = from; i <= to; i++) cpus[i] = true;
    if (*p != ',') return *p == '\n' || *p == 0;
    p++;
  }
}

/* Of /proc/cpuinfo: the number of the CPU that it tells of first. */
static bool read_first(uint64_t *cpu) {
  char text[4096];
  if (!read_text("/proc/cpuinfo", text, sizeof text)) return false;
  const char *p = strncmp(text, "processor", 9) == 0 ? text : strstr(text, "\nprocessor");
  if (!p) return false;
  p += strcspn(p, ":");
  p += strspn(p, ": \t");
  return bnc_number_u64(&p, 10, cpu);
}

/* On x86 cpuinfo does without these lists where there are none. */
static bool is_there(uint64_t cpu) {
  bool possible[MOST_CPUS] = {false}, present[MOST_CPUS] = {false};
#if defined(__x86_64__)
  if (access(LISTS "possible", R_OK) != 0 && access(LISTS "present", R_OK) != 0) return true;
#endif
  if (!read_list(LISTS "possible", possible) || !read_list(LISTS "present", present)) return false;
  return cpu < MOST_CPUS && possible[cpu] && present[cpu];
}

bool bnc_cpuinfo_start(void) {
  uint64_t first;
  return read_first(&first) && is_there(first) && cpuinfo_initialize();
}
