/* SPDX-License-Identifier: Apache-2.0 */
/** @file frugal_cores.h  On which kind of a machine's cores work takes the fewest joules: an estimate from a table of kinds of core. */
#ifndef BINOCLE_PLATFORMS_THREADS_FRUGAL_CORES_H
#define BINOCLE_PLATFORMS_THREADS_FRUGAL_CORES_H

#include <sched.h>

#include "platforms/cpu/cpu.h"

typedef struct bnc_frugal_cores {
  unsigned cores;
  cpu_set_t cpus;    /* one CPU of each of them */
  const char *kind;  /* "Cortex-A55"; of the cpu's */
  double watts, all; /* of the machine while they work, and while all big cores do */
  double speed;      /* against all big cores; of what computing bounds */
  double joules;     /* for the same work, against all big cores */
} bnc_frugal_cores;

/**
 * The kind of core, big or little, whose allowed cores together take the fewest joules for a piece of work, of those kinds that make the
 * machine draw at most 0.8 of what it draws while all big cores work. rest: W of the machine at rest, which a longer wait draws longer.
 * false: half of the big cores take no more, there is one kind alone, or the table does not know all kinds.
 */
bool bnc_frugal_cores_find(const bnc_cpu *cpu, const cpu_set_t *allowed, double rest, bnc_frugal_cores *found);

#endif
