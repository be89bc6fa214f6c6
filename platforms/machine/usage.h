/* SPDX-License-Identifier: Apache-2.0 */
/** @file usage.h  What this process takes of the machine right now, and how busy the machine is with others. */
#ifndef BINOCLE_PLATFORMS_MACHINE_USAGE_H
#define BINOCLE_PLATFORMS_MACHINE_USAGE_H

#include <stdint.h>

typedef struct bnc_usage {
  uint64_t rss_bytes;                  /* resident; 0: not known */
  uint64_t minor_faults, major_faults; /* pages found in memory, pages read from a disk; since the process began */
} bnc_usage;

/** Of the whole process. */
void bnc_usage_read(bnc_usage *usage);

/** CPU time of all threads of this process, ns: some 300 ns to read. */
uint64_t bnc_usage_cpu_ns(void);
/** CPU time of the calling thread, ns. */
uint64_t bnc_usage_thread_cpu_ns(void);
/** How long the calling thread was ready and had no CPU, ns; 0 where the system does not tell. */
uint64_t bnc_usage_thread_waited_ns(void);

/** Processes that run or wait to, averaged over a minute; NaN: not known. */
double bnc_usage_load(void);

#endif
