/* SPDX-License-Identifier: Apache-2.0 */
/** @file clock.h  Time that only moves forward. */
#ifndef BINOCLE_PLATFORMS_BASE_CLOCK_H
#define BINOCLE_PLATFORMS_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/** Nanoseconds since some fixed moment; not moved by settings of the wall clock. */
static inline uint64_t bnc_clock_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/** Seconds between two bnc_clock_ns values. */
static inline double bnc_clock_seconds(uint64_t from, uint64_t to) { return (double)(to - from) * 1e-9; }

#endif
