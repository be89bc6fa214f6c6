/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/threads/frugal_cores.h"

#include <string.h>

#define MOST_POWER 0.8 /* of all big cores': less is hardly saving */

/*   microwatts  per MHz of a busy core at its highest clock: dynamic-power-coefficient (uW / MHz / V^2) of Linux's device trees times the
 *               square of the voltage there. A53, A72: RK3399 (100 and 436 at 1.125 and 1.2 V); A55, A76, X1: Google GS101 (70, 284, 650 at
 *               0.906, 0.969 and 1.056 V); A510, A710, A715, X3: SM8550 (251, 447, 447, 1057), whose voltages no tree tells: GS101's of the
 *               same kind of core; X2: as the X3
 *   macs        int8 multiply-accumulates per cycle, bench/baselines/arm-loops.csv (llvm-mca); X1: twice an A76, as it has twice the vector
 *               units; A510: half, as two cores share theirs; A715: as the A710; X2 and X3: as neoverse-v1 */
static const struct {
  const char *name;
  double microwatts, macs;
} kinds[] = {
    {"Cortex-A53", 127, 2.7}, {"Cortex-A72", 628, 7.7}, {"Cortex-A55", 57, 7.8},  {"Cortex-A76", 267, 32},  {"Cortex-X1", 725, 64},
    {"Cortex-A510", 206, 16}, {"Cortex-A710", 420, 64}, {"Cortex-A715", 420, 64}, {"Cortex-X2", 1179, 127}, {"Cortex-X3", 1179, 127},
};

typedef struct group {
  unsigned cores;
  cpu_set_t cpus;
  double watts, macs; /* all of them busy; macs: 1e6 a second */
} group;

/* One CPU of each allowed core, by cluster; false: a kind that is not known. */
static bool take_cores(const bnc_cpu *cpu, const cpu_set_t *allowed, group *groups /* [BNC_CPU_MAX_CLUSTERS] */) {
  uint8_t seen[BNC_CPU_MAX_CPUS] = {0};
  for (size_t k = 0; k < cpu->cluster_count; k++) {
    groups[k] = (group){.cores = 0};
    CPU_ZERO(&groups[k].cpus);
  }
  for (unsigned i = 0; i < BNC_CPU_MAX_CPUS && i < CPU_SETSIZE; i++) {
    if (!CPU_ISSET(i, allowed) || cpu->cluster_of[i] >= cpu->cluster_count || seen[cpu->core_of[i]]) continue;
    seen[cpu->core_of[i]] = 1;
    CPU_SET(i, &groups[cpu->cluster_of[i]].cpus);
    groups[cpu->cluster_of[i]].cores++;
  }
  for (size_t k = 0; k < cpu->cluster_count; k++) {
    size_t i = 0;
    while (i < sizeof kinds / sizeof *kinds && strcmp(kinds[i].name, cpu->clusters[k].uarch) != 0) i++;
    if (i == sizeof kinds / sizeof *kinds || cpu->clusters[k].max_mhz == 0) return false;
    const double megahertz = (double)groups[k].cores * cpu->clusters[k].max_mhz;
    groups[k].watts = 1e-6 * kinds[i].microwatts * megahertz;
    groups[k].macs = kinds[i].macs * megahertz;
  }
  return true;
}

bool bnc_frugal_cores_find(const bnc_cpu *cpu, const cpu_set_t *allowed, double rest, bnc_frugal_cores *found) {
  group groups[BNC_CPU_MAX_CLUSTERS], big = {.cores = 0};
  if (cpu->cluster_count < 2 || !take_cores(cpu, allowed, groups)) return false;
  for (size_t k = 0; k < cpu->cluster_count; k++) {
    if (cpu->clusters[k].little) continue;
    big.cores += groups[k].cores;
    big.watts += groups[k].watts;
    big.macs += groups[k].macs;
  }
  if (big.cores == 0) return false;
  const double all = rest + big.watts, part = (double)((big.cores + 1) / 2) / (double)big.cores;
  double least = (rest + part * big.watts) / (part * big.macs);
  bool better = false;
  for (size_t k = 0; k < cpu->cluster_count; k++) {
    const double watts = rest + groups[k].watts, joules = watts / groups[k].macs;
    if (groups[k].cores == 0 || watts > MOST_POWER * all || !(joules < least)) continue;
    least = joules;
    better = true;
    *found = (bnc_frugal_cores){.cores = groups[k].cores,
                                .cpus = groups[k].cpus,
                                .kind = cpu->clusters[k].uarch,
                                .watts = watts,
                                .all = all,
                                .speed = groups[k].macs / big.macs,
                                .joules = joules * big.macs / all};
  }
  return better;
}
