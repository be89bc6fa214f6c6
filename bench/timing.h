/* SPDX-License-Identifier: Apache-2.0 */
/** @file timing.h  What benchmarks time and sort with. */
#ifndef BINOCLE_BENCH_TIMING_H
#define BINOCLE_BENCH_TIMING_H

#include <stdlib.h>
#include <time.h>

/** Of a clock, such as CLOCK_THREAD_CPUTIME_ID. */
static inline double bench_seconds(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline int bench_ascending(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/** Sorts the values and gives the middle one; of an even number the upper of the two. */
static inline double bench_median(double *values, size_t count) {
  qsort(values, count, sizeof *values, bench_ascending);
  return values[count / 2];
}

#endif
