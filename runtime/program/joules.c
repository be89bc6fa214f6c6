/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/joules.h"

#include <math.h>
#include <stdio.h>

int bnc_joules_begin(bnc_joules *joules, bnc_work *work) {
  if (joules->watts > 0) {
    snprintf(joules->meter, sizeof joules->meter, "estimate: %g W", joules->watts);
    snprintf(joules->note, sizeof joules->note, "estimated from --watts %g, not measured", joules->watts);
    return BNC_EXIT_DONE;
  }
  bnc_energy_info info = {.size = sizeof info};
  const bnc_status status = bnc_energy_open(work->context, &joules->energy);
  if (status != BNC_OK) return bnc_work_fail(work, status, NULL, bnc_context_error(work->context));
  bnc_energy_get_info(joules->energy, &info);
  if (info.meter[0])
    snprintf(joules->meter, sizeof joules->meter, "%s (%s)", info.meter, info.kind);
  else
    snprintf(joules->note, sizeof joules->note, "%s", info.reason);
  return BNC_EXIT_DONE;
}

double bnc_joules_now(bnc_joules *joules) {
  if (joules->watts > 0) return joules->watts * bnc_seconds();
  if (!joules->meter[0]) return (double)NAN;
  const double start = bnc_seconds(), now = bnc_energy_joules(joules->energy);
  joules->reading += bnc_seconds() - start;
  return now;
}

void bnc_joules_describe(const bnc_joules *joules, bnc_json_object *json) {
  bnc_json_words(json, "energy_meter", joules->meter[0] ? joules->meter : NULL);
  bnc_json_bool(json, "energy_estimated", joules->watts > 0);
  bnc_json_words(json, "energy_note", joules->note[0] ? joules->note : NULL);
}

void bnc_joules_end(bnc_joules *joules) {
  bnc_energy_close(joules->energy);
  joules->energy = NULL;
}
