/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/energy/meter_integral.h"

#include <string.h>

#include "platforms/base/clock.h"
#include "platforms/energy/meter_command.h"

#define UPDATE_SECONDS 0.1 /* a counter may show at once what came in since so long */
#define KNOWN_SAMPLES 5    /* readings that tell a usual power */

static void lose(bnc_meter_integral *g) {
  g->lost++;
  g->lost_since++;
}

static void keep(bnc_meter_integral *g, uint64_t at) {
  if (g->samples++ == 0) g->first_ns = at;
  g->last_ns = at;
  g->lost_since = 0;
}

void bnc_meter_integral_add_watts(bnc_meter_integral *g, uint64_t at, double watts) {
  if (g->samples > 0 && at > g->last_ns) g->joules += 0.5 * (g->last_watts + watts) * bnc_clock_seconds(g->last_ns, at);
  g->last_watts = watts;
  keep(g, at);
}

/* Whole turns of a counter that one step hides, by the power so far. */
static double hidden_turns(const bnc_meter_integral *g, const bnc_meter_source *source, double seconds, double joules, double range) {
  const double known = bnc_clock_seconds(g->first_ns, g->last_ns);
  if (g->samples < KNOWN_SAMPLES || source->rail_count != 1 || range <= 0 || known <= 0) return 0;
  const double turns = (g->joules / known * seconds - joules) / range;
  return turns < 0.5 ? 0 : (double)(uint64_t)(turns + 0.5);
}

void bnc_meter_integral_add_counters(bnc_meter_integral *g, const bnc_meter_source *source, uint64_t at, const uint64_t *values) {
  const size_t bytes = source->rail_count * sizeof *values;
  double step = 0;
  if (g->samples == 0) {
    memcpy(g->counter, values, bytes);
    keep(g, at);
    return;
  }
  const double seconds = at > g->last_ns ? bnc_clock_seconds(g->last_ns, at) : 0;
  for (size_t r = 0; r < source->rail_count; r++)
    step += 1e-6 * (double)bnc_meter_counter_delta(g->counter[r], values[r], source->rails[r].range);
  const double range = 1e-6 * (double)source->rails[0].range;
  step += range * hidden_turns(g, source, seconds, step, range);
  memcpy(g->counter, values, bytes);
  if (step > BNC_METER_MAX_WATTS * (seconds + UPDATE_SECONDS)) {
    lose(g); /* and the next step begins here */
    g->last_ns = at;
    return;
  }
  g->joules += step;
  keep(g, at);
}

static void sample_counters(const bnc_meter_source *source, bnc_meter_integral *g, uint64_t at) {
  uint64_t values[BNC_METER_MAX_RAILS];
  for (size_t r = 0; r < source->rail_count; r++)
    if (!bnc_meter_read_counter(source, r, &values[r])) {
      lose(g);
      return;
    }
  bnc_meter_integral_add_counters(g, source, at ? at : bnc_clock_ns(), values);
}

/* The command's thread integrates by itself, from before the first sample on. */
static void sample_command(const bnc_meter_source *source, bnc_meter_integral *g, uint64_t at) {
  double joules;
  if (!bnc_meter_command_joules(source->command, &joules)) {
    lose(g);
    return;
  }
  if (g->samples == 0) g->base = joules;
  g->joules = joules - g->base;
  keep(g, at ? at : bnc_clock_ns());
}

void bnc_meter_sample(const bnc_meter_source *source, bnc_meter_integral *g, uint64_t at) {
  double watts;
  if (source->method == BNC_METER_COUNTER_UJ) {
    sample_counters(source, g, at);
  } else if (source->method == BNC_METER_COMMAND) {
    sample_command(source, g, at);
  } else {
    const uint64_t start = bnc_clock_ns();
    const bool good = bnc_meter_read_watts(source, &watts);
    if (good)
      bnc_meter_integral_add_watts(g, at ? at : start + (bnc_clock_ns() - start) / 2, watts);
    else
      lose(g);
  }
}

bnc_meter_reading bnc_meter_integral_reading(const bnc_meter_integral *g) {
  bnc_meter_reading r = {.samples = g->samples, .lost = g->lost, .lost_since = g->lost_since};
  if (g->samples < 2 || g->last_ns <= g->first_ns) return r;
  r.valid = true;
  r.joules = g->joules;
  r.seconds = bnc_clock_seconds(g->first_ns, g->last_ns);
  r.watts = r.joules / r.seconds;
  return r;
}
