/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>
#include <string.h>

#include "platforms/base/number.h"
#include "platforms/cpu/cpu_record.h"
#include "platforms/file/sysfs.h"
#include "platforms/threads/thread_places.h"
#include "platforms/threads/threads.h"

/* Quota over period of one control group, in CPUs; 0: no limit here. */
static double quota_v2(const char *path) {
  char text[64];
  const char *p = text;
  uint64_t quota, period;
  if (bnc_sysfs_string(text, sizeof text, "/sys/fs/cgroup%s/cpu.max", path) != BNC_SYSFS_OK) return 0;
  if (!bnc_number_u64(&p, 10, &quota) || *p != ' ') return 0; /* "max 100000": no limit */
  p++;
  if (!bnc_number_u64(&p, 10, &period)) return 0;
  return quota > 0 && period > 0 ? (double)quota / (double)period : 0;
}

static double quota_v1(const char *path) {
  static const char *const mounts[] = {"cpu", "cpu,cpuacct"};
  for (size_t i = 0; i < 2; i++) {
    int64_t quota, period;
    if (bnc_sysfs_int(&quota, "/sys/fs/cgroup/%s%s/cpu.cfs_quota_us", mounts[i], path) != BNC_SYSFS_OK) continue;
    if (bnc_sysfs_int(&period, "/sys/fs/cgroup/%s%s/cpu.cfs_period_us", mounts[i], path) != BNC_SYSFS_OK) continue;
    return quota > 0 && period > 0 ? (double)quota / (double)period : 0;
  }
  return 0;
}

/* A group is held to its own limit and to those of all groups above it. */
static void climb(char *path, double (*quota)(const char *), double *least) {
  for (;;) {
    double q = quota(path);
    if (q > 0 && (*least == 0 || q < *least)) *least = q;
    char *slash = strrchr(path, '/');
    if (!slash) return;
    *slash = 0;
  }
}

static bool names_cpu(char *controllers) {
  char *state = NULL;
  for (char *word = strtok_r(controllers, ",", &state); word; word = strtok_r(NULL, ",", &state))
    if (strcmp(word, "cpu") == 0) return true;
  return false;
}

double bnc_cpu_quota(void) {
  bnc_sysfs_reader reader;
  char line[400];
  double least = 0;
  if (!bnc_sysfs_reader_open(&reader, "/proc/self/cgroup")) return 0;
  while (bnc_sysfs_reader_line(&reader, line, sizeof line)) { /* "4:cpu,cpuacct:/a/b", or "0::/a/b" for version 2 */
    char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!path) continue;
    *path++ = 0;
    if (strcmp(path, "/") == 0) *path = 0;
    if (controllers[1] == 0)
      climb(path, quota_v2, &least);
    else if (names_cpu(controllers + 1))
      climb(path, quota_v1, &least);
  }
  bnc_sysfs_reader_close(&reader);
  return least;
}

/* One CPU of each physical core among the allowed ones: two threads on one core share its arithmetic units. */
static size_t list_cores(const bnc_cpu *cpu, const cpu_set_t *allowed, bool little_too, unsigned *list /* [BNC_CPU_MAX_CPUS] */) {
  uint8_t seen[BNC_CPU_MAX_CPUS] = {0};
  size_t cores = 0;
  for (unsigned i = 0; i < BNC_CPU_MAX_CPUS && i < CPU_SETSIZE; i++) {
    if (!CPU_ISSET(i, allowed) || cpu->cluster_of[i] >= cpu->cluster_count) continue;
    if (cpu->clusters[cpu->cluster_of[i]].little && !little_too) continue;
    unsigned core = cpu->core_of[i] < BNC_CPU_MAX_CPUS ? cpu->core_of[i] : i;
    if (!seen[core]) list[cores++] = i;
    seen[core] = 1;
  }
  return cores;
}

size_t bnc_pool_allowed_cpus(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  int n = CPU_COUNT(&set);
  return n > 0 ? (size_t)n : 1;
}

void bnc_thread_places_find(bnc_thread_places *places) {
  bnc_cpu cpu = {.arch = BNC_CPU_ARCH};
  cpu_set_t set;
  *places = (bnc_thread_places){.threads = 1};
  if (sched_getaffinity(0, sizeof set, &set) != 0) return;
  bnc_cpu_read_topology(&cpu);
  unsigned list[BNC_CPU_MAX_CPUS];
  size_t n = list_cores(&cpu, &set, false, list);
  for (size_t i = 0; i < cpu.cluster_count; i++)
    if (cpu.clusters[i].little) places->big_count = n;
  CPU_ZERO(&places->big);
  for (size_t i = 0; i < places->big_count; i++) CPU_SET(list[i], &places->big);
  if (n == 0) n = list_cores(&cpu, &set, true, list);
  if (n == 0) n = bnc_pool_allowed_cpus();
  double quota = bnc_cpu_quota();
  /* To the nearest: half a CPU more is worth a thread, a twentieth is not. */
  if (quota > 0 && quota + 0.5 < (double)n) n = (size_t)(quota + 0.5);
  if (n > BNC_POOL_MAX_THREADS) n = BNC_POOL_MAX_THREADS;
  if (n > 0) places->threads = n;
}

size_t bnc_pool_default_threads(void) {
  bnc_thread_places places;
  bnc_thread_places_find(&places);
  return places.threads;
}
