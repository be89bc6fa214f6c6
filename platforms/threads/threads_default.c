/* SPDX-License-Identifier: Apache-2.0 */
#include <sched.h>

#include "platforms/base/number.h"
#include "platforms/cpu/cpu_record.h"
#include "platforms/file/sysfs.h"
#include "platforms/machine/cgroup.h"
#include "platforms/threads/thread_places.h"
#include "platforms/threads/threads.h"

/* Quota over period of one control group, in CPUs; 0: no limit here. */
static double quota_v2(const char *folder) {
  char text[64];
  const char *p = text;
  uint64_t quota, period;
  if (bnc_sysfs_string(text, sizeof text, "%s/cpu.max", folder) != BNC_SYSFS_OK) return 0;
  if (!bnc_number_u64(&p, 10, &quota) || *p != ' ') return 0; /* "max 100000": no limit */
  p++;
  if (!bnc_number_u64(&p, 10, &period)) return 0;
  return quota > 0 && period > 0 ? (double)quota / (double)period : 0;
}

static double quota_v1(const char *folder) {
  int64_t quota, period;
  if (bnc_sysfs_int(&quota, "%s/cpu.cfs_quota_us", folder) != BNC_SYSFS_OK) return 0;
  if (bnc_sysfs_int(&period, "%s/cpu.cfs_period_us", folder) != BNC_SYSFS_OK) return 0;
  return quota > 0 && period > 0 ? (double)quota / (double)period : 0;
}

static void take_least(void *context, const char *folder, bool v2) {
  double *least = context;
  const double quota = v2 ? quota_v2(folder) : quota_v1(folder);
  if (quota > 0 && (*least == 0 || quota < *least)) *least = quota;
}

double bnc_cpu_quota(void) {
  double least = 0;
  bnc_cgroup_climb("cpu", take_least, &least);
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
