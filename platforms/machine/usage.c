/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/machine/usage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "platforms/base/number.h"
#include "platforms/file/sysfs.h"

/* A file of the process's own, which BINOCLE_SYSFS does not move. */
static bool read_own(const char *path, char *text, size_t size) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const ssize_t got = read(fd, text, size - 1);
  close(fd);
  text[got > 0 ? got : 0] = '\0';
  return got > 0;
}

void bnc_usage_read(bnc_usage *usage) {
  char text[128];
  struct rusage of;
  *usage = (bnc_usage){0};
  if (getrusage(RUSAGE_SELF, &of) == 0) {
    usage->minor_faults = (uint64_t)of.ru_minflt;
    usage->major_faults = (uint64_t)of.ru_majflt;
  }
  if (!read_own("/proc/self/statm", text, sizeof text)) return;
  const char *second = strchr(text, ' ');
  const long page = sysconf(_SC_PAGESIZE);
  if (second && page > 0) usage->rss_bytes = bnc_number_or_zero(second + 1, 10) * (uint64_t)page;
}

static uint64_t read_clock(clockid_t clock) {
  struct timespec t;
  return clock_gettime(clock, &t) == 0 ? (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec : 0;
}

uint64_t bnc_usage_cpu_ns(void) { return read_clock(CLOCK_PROCESS_CPUTIME_ID); }
uint64_t bnc_usage_thread_cpu_ns(void) { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

uint64_t bnc_usage_thread_waited_ns(void) {
  char text[128];
  if (!read_own("/proc/thread-self/schedstat", text, sizeof text)) return 0;
  const char *second = strchr(text, ' ');
  return second ? bnc_number_or_zero(second + 1, 10) : 0;
}

double bnc_usage_load(void) {
  char text[BNC_SYSFS_NAME];
  double load;
  if (bnc_sysfs_string(text, sizeof text, "/proc/loadavg") != BNC_SYSFS_OK) return (double)NAN;
  const char *at = text;
  return bnc_number_decimal(&at, &load) ? load : (double)NAN;
}

void bnc_usage_format_time(char *text, size_t size, double ns) {
  const double scale = ns >= 1e9 ? 1e-9 : ns >= 1e6 ? 1e-6 : 1e-3, value = ns * scale;
  snprintf(text, size, value >= 100 ? "%.0f %s" : value >= 10 ? "%.1f %s" : "%.2f %s", value, ns >= 1e9 ? "s" : ns >= 1e6 ? "ms" : "us");
}

/* Times that one did not have: a thread that was ready and had no CPU, and pages that came from a disk. */
bool bnc_usage_doubt(const bnc_usage_span *s, char *text, size_t size) {
  char had[48], took[48], waited[48];
  if (s->cpu >= 0.9 * s->wall && s->waited < 0.05 * s->wall) return false;
  bnc_usage_format_time(had, sizeof had, s->cpu);
  bnc_usage_format_time(took, sizeof took, s->wall);
  bnc_usage_format_time(waited, sizeof waited, s->waited);
  if (s->cpu >= 0.9 * s->wall)
    snprintf(text, size, "the machine was busy: the leading thread waited %s of %s for a CPU", waited, took);
  else if (s->waited < 0.05 * s->wall && s->pages >= 100)
    snprintf(text, size, "the run waited for the disk: %s of CPU in %s, %" PRIu64 " page faults read from it", had, took, s->pages);
  else
    snprintf(text, size, "the machine was busy: %s of CPU in %s", had, took);
  return true;
}
