/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/joules.h"

#include <math.h>
#include <stdio.h>

int bnc_joules_begin(bnc_joules *joules, bnc_work *work) {
  if (joules->meter[0] || joules->note[0]) return BNC_EXIT_DONE;
  if (joules->watts > 0) {
    snprintf(joules->meter, sizeof joules->meter, "estimate: %g W", joules->watts);
    snprintf(joules->note, sizeof joules->note, "estimated from --watts %g, not measured", joules->watts);
    return BNC_EXIT_DONE;
  }
  bnc_energy_info info = {.size = sizeof info};
  bnc_energy_settings settings;
  bnc_energy_settings_init(&settings);
  settings.meter = joules->name;
  settings.command = joules->command;
  settings.idle_seconds = joules->idle;
  const bnc_status status = bnc_energy_open_with(work->context, &settings, &joules->energy);
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

bnc_energy_report bnc_joules_report(const bnc_joules *joules) {
  bnc_energy_report report = {.size = sizeof report, .idle_watts = (double)NAN};
  if (joules->energy) bnc_energy_get_report(joules->energy, &report);
  return report;
}

double bnc_joules_net(const bnc_joules *joules, double gross, double seconds) {
  return gross - bnc_joules_report(joules).idle_watts * seconds;
}

void bnc_joules_describe(const bnc_joules *joules, bnc_json_object *json) {
  const bnc_energy_report report = bnc_joules_report(joules);
  bnc_json_words(json, "energy_meter", joules->meter[0] ? joules->meter : NULL);
  bnc_json_bool(json, "energy_estimated", joules->watts > 0);
  bnc_json_words(json, "energy_note", joules->note[0] ? joules->note : NULL);
  bnc_json_real(json, "energy_idle_watts", report.idle_watts);
  bnc_json_real(json, "energy_idle_s", report.idle_seconds);
  bnc_json_count(json, "energy_readings", report.readings);
  bnc_json_count(json, "energy_lost", report.lost);
  bnc_json_count(json, "energy_malformed", report.malformed);
  bnc_json_real(json, "energy_meter_cpu_s", report.meter_seconds);
}

void bnc_joules_describe_power(const bnc_work *work, const bnc_session *session, bnc_json_object *json) {
  bnc_power_report report = {.size = sizeof report};
  char cores[64];
  bnc_session_get_power(session, &report);
  bnc_json_real(json, "power_limit_watts", work->power_limit > 0 ? work->power_limit : (double)NAN);
  bnc_json_bool(json, "battery_saver", work->battery_saver);
  snprintf(cores, sizeof cores, "%u x %s", (unsigned)work->cores.cores, work->cores.kind);
  bnc_json_words(json, "battery_saver_cores", work->cores.cores ? cores : NULL);
  bnc_json_real(json, "power_watts", report.limit_watts > 0 ? report.watts : (double)NAN);
  bnc_json_bool(json, "power_estimated", report.estimated != 0);
  bnc_json_real(json, "power_paused_s", report.paused_seconds);
  bnc_json_real(json, "power_threads", report.threads > 0 ? report.threads : (double)NAN);
}

void bnc_joules_end(bnc_joules *joules, bnc_work *work) {
  const bnc_energy_report report = bnc_joules_report(joules);
  if (report.malformed)
    bnc_work_note(work, "the meter's command wrote '%s', expected watts, or seconds,watts (%llu such lines)", report.malformed_line,
                  (unsigned long long)report.malformed);
  if (report.gone) bnc_work_note(work, "the meter %s could no longer be read: energy is not known since then", joules->meter);
  bnc_energy_close(joules->energy);
  joules->energy = NULL;
}
