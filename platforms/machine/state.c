/* SPDX-License-Identifier: Apache-2.0 */
/* The public look at the machine. */
#include <binocle/machine_state.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/clock.h"
#include "platforms/base/sized.h"
#include "platforms/energy/thermal.h"
#include "platforms/machine/usage.h"

bnc_status bnc_machine_look(bnc_machine_state *state) {
  if (!bnc_sized_is_set(state)) return BNC_ERROR_ARGUMENT;
  bnc_usage usage;
  bnc_throttle throttle;
  bnc_frequency first = {0};
  uint32_t clocks = UINT32_MAX;
  bnc_usage_read(&usage);
  bnc_throttle_read(&throttle);
  bnc_frequency_read(0, &first);
  bnc_machine_state full = {.wall_s = bnc_clock_seconds(0, bnc_clock_ns()),
                            .cpu_s = (double)bnc_usage_cpu_ns() * 1e-9,
                            .waited_s = (double)bnc_usage_thread_waited_ns() * 1e-9,
                            .pages_read = usage.major_faults,
                            .load = bnc_usage_load(),
                            .celsius = bnc_thermal_hottest(),
                            .mhz = bnc_frequency_fastest(&clocks),
                            .throttled = throttle.now,
                            .throttle_events = throttle.events};
  /* Texts of /sys may hold anything. */
  for (size_t i = 0; first.governor[i] && i + 1 < sizeof full.governor; i++)
    full.governor[i] = (unsigned char)first.governor[i] > 0x20 && (unsigned char)first.governor[i] < 0x7F ? first.governor[i] : '?';
  bnc_sized_write(state, &full, sizeof full);
  return BNC_OK;
}

int bnc_machine_doubt(const bnc_machine_state *before, const bnc_machine_state *after, char *text, size_t size) {
  bnc_machine_state a = {0}, b = {0};
  if (!bnc_sized_is_set(before) || !bnc_sized_is_set(after) || !text || size == 0) return 0;
  bnc_sized_read(&a, sizeof a, before);
  bnc_sized_read(&b, sizeof b, after);
  const bnc_usage_span span = {.wall = (b.wall_s - a.wall_s) * 1e9,
                               .cpu = (b.cpu_s - a.cpu_s) * 1e9,
                               .waited = (b.waited_s - a.waited_s) * 1e9,
                               .pages = b.pages_read - a.pages_read};
  if (bnc_usage_doubt(&span, text, size)) return 1;
  const int held = b.throttled || b.throttle_events > a.throttle_events;
  if (held) snprintf(text, size, "%s", BNC_THROTTLE_DOUBT);
  return held;
}
