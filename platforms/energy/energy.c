/* SPDX-License-Identifier: Apache-2.0 */
/* The public face of meters: one meter, always running. */
#include <binocle/energy.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "platforms/base/clock.h"
#include "platforms/base/context_private.h"
#include "platforms/base/mem.h"
#include "platforms/base/sized.h"
#include "platforms/energy/meter.h"
#include "platforms/energy/meter_command.h"

#define SLICE_NS 50000000u /* of the idle time, between two questions whether to go on */

struct bnc_energy {
  bnc_meter_set *meters;
  bool found, refused; /* refused: none is wanted */
  size_t best;         /* where one was found */
  double idle_watts, idle_seconds;
};

void bnc_energy_settings_init(bnc_energy_settings *settings) {
  if (settings) *settings = (bnc_energy_settings){.size = sizeof *settings};
}

bnc_status bnc_energy_open(bnc_context *context, bnc_energy **energy) { return bnc_energy_open_with(context, NULL, energy); }

/* The moments of the readings count, not ours: a busy machine may put much between both. */
static bnc_status measure_idle(bnc_context *context, bnc_energy *e, double seconds) {
  double unused;
  const uint64_t start = bnc_clock_ns(), end = start + (uint64_t)(seconds * 1e9);
  const bnc_meter_reading before = bnc_meter_set_reading(e->meters, e->best);
  for (uint64_t now; (now = bnc_clock_ns()) < end;) {
    const uint64_t left = end - now < SLICE_NS ? end - now : SLICE_NS;
    nanosleep(&(struct timespec){0, (long)left}, NULL);
    if (bnc_context_progress(context, "measuring the power at rest", bnc_clock_seconds(start, now) / seconds))
      return bnc_fail(&context->error, BNC_ERROR_CANCELLED, "cancelled");
  }
  const bool known = bnc_meter_set_now(e->meters, e->best, &unused);
  const bnc_meter_reading after = bnc_meter_set_reading(e->meters, e->best);
  if (!known || !after.valid) return BNC_OK;
  e->idle_seconds = after.seconds - before.seconds; /* before: one reading alone, 0 */
  e->idle_watts = (after.joules - before.joules) / e->idle_seconds;
  return BNC_OK;
}

static bnc_status open_meter(bnc_context *context, bnc_energy *e, const bnc_energy_settings *settings) {
  bnc_error *err = &context->error;
  e->refused = settings->meter && strcmp(settings->meter, "none") == 0;
  bnc_status s = bnc_meter_set_open(&e->meters, err);
  if (s != BNC_OK || e->refused) return s;
  if (settings->command) {
    s = bnc_meter_set_add_command(e->meters, settings->command, err);
    e->found = true;
  } else {
    s = bnc_meter_set_choose(e->meters, settings->meter, &e->found, err);
  }
  if (s != BNC_OK || !e->found) return s;
  bnc_meter_set_best(e->meters, &e->best);
  s = bnc_meter_set_start(e->meters, err);
  return s == BNC_OK && settings->idle_seconds > 0 ? measure_idle(context, e, settings->idle_seconds) : s;
}

bnc_status bnc_energy_open_with(bnc_context *context, const bnc_energy_settings *settings, bnc_energy **energy) {
  bnc_energy_settings full;
  if (!context) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &context->error;
  if (!energy) return bnc_fail(err, BNC_ERROR_ARGUMENT, "energy needs a place for its handle");
  *energy = NULL;
  if (settings && !bnc_sized_is_set(settings))
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "the settings have no size: bnc_energy_settings_init sets it");
  bnc_energy_settings_init(&full);
  if (settings) bnc_sized_read(&full, sizeof full, settings);
  if (full.meter && full.command) return bnc_fail(err, BNC_ERROR_ARGUMENT, "a meter's name and a meter's command: expected one of them");
  if (!(full.idle_seconds >= 0 && full.idle_seconds <= 3600))
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "idle time: found %g s, expected 0 to 3600", full.idle_seconds);
  bnc_energy *e = bnc_mem_zalloc(sizeof *e);
  if (!e) return bnc_fail_memory(err, sizeof *e);
  e->idle_watts = (double)NAN;
  const bnc_status s = open_meter(context, e, &full);
  if (s != BNC_OK) {
    bnc_energy_close(e);
    return s;
  }
  *energy = e;
  return BNC_OK;
}

void bnc_energy_close(bnc_energy *energy) {
  if (!energy) return;
  bnc_meter_set_close(energy->meters);
  bnc_mem_free(energy);
}

/* A meter that is there but may not be read tells more than one that is missing. */
static const bnc_meter_info *find_reason(const bnc_meter_set *meters) {
  for (size_t i = 0; i < bnc_meter_set_count(meters); i++)
    if (strstr(bnc_meter_set_info(meters, i)->reason, "permission denied")) return bnc_meter_set_info(meters, i);
  return NULL;
}

/* Texts of /sys may hold anything. */
static void make_plain(char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7F) *text = '?';
}

bnc_status bnc_energy_get_info(const bnc_energy *energy, bnc_energy_info *info) {
  if (!energy || !bnc_sized_is_set(info)) return BNC_ERROR_ARGUMENT;
  bnc_energy_info full = {0};
  if (energy->found) {
    const bnc_meter_info *best = bnc_meter_set_info(energy->meters, energy->best);
    snprintf(full.meter, sizeof full.meter, "%s", best->name);
    snprintf(full.kind, sizeof full.kind, "%s", bnc_meter_kind_name(best->kind));
  } else if (energy->refused) {
    snprintf(full.reason, sizeof full.reason, "none was wanted");
  } else {
    const bnc_meter_info *why = find_reason(energy->meters);
    if (why)
      snprintf(full.reason, sizeof full.reason, "%s: %s", why->name, why->reason);
    else
      snprintf(full.reason, sizeof full.reason, "this machine has no energy meter that can be read");
  }
  make_plain(full.meter);
  make_plain(full.reason);
  bnc_sized_write(info, &full, sizeof full);
  return BNC_OK;
}

double bnc_energy_joules(bnc_energy *energy) {
  double joules;
  return energy && energy->found && bnc_meter_set_now(energy->meters, energy->best, &joules) ? joules : (double)NAN;
}

bnc_status bnc_energy_get_report(bnc_energy *energy, bnc_energy_report *report) {
  if (!energy || !bnc_sized_is_set(report)) return BNC_ERROR_ARGUMENT;
  bnc_energy_report full = {.idle_watts = energy->idle_watts, .idle_seconds = energy->idle_seconds};
  if (energy->found) {
    const bnc_meter_reading r = bnc_meter_set_reading(energy->meters, energy->best);
    full.meter_seconds = 1e-9 * (double)bnc_meter_set_cost_ns(energy->meters);
    full.readings = r.samples;
    full.lost = r.lost;
    full.gone = r.lost_since > 0;
  }
  bnc_meter_command *command = bnc_meter_set_command(energy->meters);
  if (command) {
    bnc_meter_command_state state;
    bnc_meter_command_state_get(command, &state);
    full.readings = state.readings;
    full.malformed = state.malformed;
    snprintf(full.malformed_line, sizeof full.malformed_line, "%s", state.first_malformed);
  }
  bnc_sized_write(report, &full, sizeof full);
  return BNC_OK;
}
