/* SPDX-License-Identifier: Apache-2.0 */
/** @file tick_clock.h  bnc_clock_ns's time for moments so many that reading it counts: from the counter of the CPU, where the system itself
 * trusts that one, by a factor that is measured once. */
#ifndef BINOCLE_PLATFORMS_BASE_TICK_CLOCK_H
#define BINOCLE_PLATFORMS_BASE_TICK_CLOCK_H

#include "platforms/base/clock.h"

#if defined(__x86_64__)
#define BNC_HAS_TICKS 1
static inline uint64_t bnc_ticks(void) { return __builtin_ia32_rdtsc(); }
#elif defined(__aarch64__)
#define BNC_HAS_TICKS 1
static inline uint64_t bnc_ticks(void) {
  uint64_t ticks;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
}
#else
#define BNC_HAS_TICKS 0
#endif

typedef struct bnc_tick_clock {
  uint64_t tick, ns; /* the same moment */
  uint64_t factor;   /* ns per tick, in 2^-32; 0: bnc_clock_ns is what there is */
} bnc_tick_clock;

/** Takes the moment from which the factor is measured. */
void bnc_tick_clock_begin(bnc_tick_clock *clock);
/** Measures the factor, which 10 ms between both calls make good to some parts in a million: sleeps for what is left of them. */
void bnc_tick_clock_end(bnc_tick_clock *clock);

/** Nanoseconds, as bnc_clock_ns counts them but for the factor's error; never backwards. */
static inline uint64_t bnc_tick_clock_ns(const bnc_tick_clock *clock) {
#if BNC_HAS_TICKS
  __extension__ typedef unsigned __int128 wide;
  if (clock->factor) return clock->ns + (uint64_t)((wide)(bnc_ticks() - clock->tick) * clock->factor >> 32);
#else
  (void)clock;
#endif
  return bnc_clock_ns();
}

#endif
