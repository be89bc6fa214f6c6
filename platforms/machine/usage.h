/* SPDX-License-Identifier: Apache-2.0 */
/** @file usage.h  What this process takes of the machine right now, and how busy the machine is with others. */
#ifndef BINOCLE_PLATFORMS_MACHINE_USAGE_H
#define BINOCLE_PLATFORMS_MACHINE_USAGE_H

#include <stdbool.h>
#include <stddef.h>
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

/** What a piece of work took: wall time, CPU time of all its threads, and what the thread that led it waited for a CPU, in ns; page faults
 * that were read from a disk. */
typedef struct bnc_usage_span {
  double wall, cpu, waited;
  uint64_t pages;
} bnc_usage_span;
/** Whether its times are doubtful, as it lacked a CPU or waited for the disk; text [size] is then a sentence without full stop. */
bool bnc_usage_doubt(const bnc_usage_span *span, char *text, size_t size);
/** "12.3 s", "1.23 ms", "567 us". */
void bnc_usage_format_time(char *text, size_t size, double nanoseconds);

/** Processes that run or wait to, averaged over a minute; NaN: not known. */
double bnc_usage_load(void);

#endif
