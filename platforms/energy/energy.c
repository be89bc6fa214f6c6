/* SPDX-License-Identifier: Apache-2.0 */
/* The public face of meters: one meter, always running. */
#include <binocle/energy.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/context_private.h"
#include "platforms/base/mem.h"
#include "platforms/base/sized.h"
#include "platforms/energy/meter.h"

struct bnc_energy {
  bnc_meter_set *meters;
  bool found;
  size_t best; /* where one was found */
};

bnc_status bnc_energy_open(bnc_context *context, bnc_energy **energy) {
  if (!context) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &context->error;
  if (!energy) return bnc_fail(err, BNC_ERROR_ARGUMENT, "energy needs a place for its handle");
  *energy = NULL;
  bnc_energy *e = bnc_mem_zalloc(sizeof *e);
  if (!e) return bnc_fail_memory(err, sizeof *e);
  bnc_status s = bnc_meter_set_open(&e->meters, err);
  if (s == BNC_OK) e->found = bnc_meter_set_best(e->meters, &e->best);
  if (s == BNC_OK && e->found) s = bnc_meter_set_start(e->meters, err);
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
