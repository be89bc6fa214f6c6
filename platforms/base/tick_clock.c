/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/base/tick_clock.h"

#include <stdbool.h>
#include <string.h>

#include "platforms/file/sysfs.h"

#if BNC_HAS_TICKS

#define LEAST_NS 10000000u
#define TRIES 8

/* Linux takes the counter for its own clock only where all CPUs agree and neither sleep nor frequency changes it. */
static bool is_trusted(void) {
  char name[32];
  if (bnc_sysfs_string(name, sizeof name, "/sys/devices/system/clocksource/clocksource0/current_clocksource") != BNC_SYSFS_OK) return false;
  return strcmp(name, "tsc") == 0 || strcmp(name, "arch_sys_counter") == 0;
}

/* Both at one moment: the reading of the clock that the counter found shortest. */
static void read_both(uint64_t *tick, uint64_t *ns) {
  uint64_t shortest = UINT64_MAX;
  for (int i = 0; i < TRIES; i++) {
    const uint64_t before = bnc_ticks(), now = bnc_clock_ns(), took = bnc_ticks() - before;
    if (took >= shortest) continue;
    shortest = took;
    *tick = before + took / 2;
    *ns = now;
  }
}

void bnc_tick_clock_begin(bnc_tick_clock *clock) {
  *clock = (bnc_tick_clock){.factor = 0};
  if (is_trusted()) read_both(&clock->tick, &clock->ns);
}

void bnc_tick_clock_end(bnc_tick_clock *clock) {
  uint64_t tick, ns;
  if (clock->ns == 0) return;
  for (uint64_t now; (now = bnc_clock_ns()) - clock->ns < LEAST_NS;)
    nanosleep(&(struct timespec){0, (long)(LEAST_NS - (now - clock->ns))}, NULL);
  read_both(&tick, &ns);
  const double factor = (double)(ns - clock->ns) / (double)(tick - clock->tick);
  if (!(factor > 0.01 && factor < 10000)) return; /* 100 GHz to 100 kHz; a counter that went back */
  *clock = (bnc_tick_clock){tick, ns, (uint64_t)(factor * 4294967296.0)};
}

#else

void bnc_tick_clock_begin(bnc_tick_clock *clock) { *clock = (bnc_tick_clock){.factor = 0}; }
void bnc_tick_clock_end(bnc_tick_clock *clock) { (void)clock; }

#endif
