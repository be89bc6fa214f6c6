/* SPDX-License-Identifier: Apache-2.0 */
/** @file joules.h  The energy beside the seconds: from a meter of the machine's or of the user's, or estimated from a given power. */
#ifndef BINOCLE_RUNTIME_PROGRAM_JOULES_H
#define BINOCLE_RUNTIME_PROGRAM_JOULES_H

#include <binocle/energy.h>
#include <binocle/power.h>

#include "runtime/program/json_object.h"
#include "runtime/program/work.h"

typedef struct bnc_joules {
  double watts;        /* of the option; 0: a meter */
  const char *name;    /* of the meter; NULL: the one that covers most of the machine */
  const char *command; /* that reads a meter; NULL: none */
  double idle;         /* seconds for which the power at rest is measured beforehand; the options' default */
  bnc_energy *energy;
  char meter[128]; /* what counts; "": nothing does */
  char note[256];  /* why nothing does, or that it is an estimate; "" */
  double reading;  /* seconds spent on reading the meter so far, which are no part of the work */
} bnc_joules;

#define BNC_JOULES_ONE "energy has one source"
/* Rows of a command's table of options; needs_: which options ask for energy (bnc_option.needs), NULL: the command always tells it. */
#define BNC_JOULES_OPTIONS_NEEDING(j, needs_)                                                                                              \
  {.name = "energy",                                                                                                                       \
   .one = BNC_JOULES_ONE,                                                                                                                  \
   .needs = needs_,                                                                                                                        \
   .value = "NAME",                                                                                                                        \
   .help = "the meter: one of those that 'binocle devices' lists, or none; default: the best",                                             \
   .text = &(j).name},                                                                                                                     \
      {.name = "meter-command",                                                                                                            \
       .one = BNC_JOULES_ONE,                                                                                                              \
       .needs = needs_,                                                                                                                    \
       .value = "CMD",                                                                                                                     \
       .help = "a program that tells the power: a line per reading, WATTS or SECONDS,WATTS",                                               \
       .text = &(j).command},                                                                                                              \
      {.name = "idle",                                                                                                                     \
       .needs = needs_,                                                                                                                    \
       .value = "S",                                                                                                                       \
       .help = "measure the power at rest for S seconds first, to tell it, and energy without it",                                         \
       .real = &(j).idle,                                                                                                                  \
       .low = 0,                                                                                                                           \
       .high = 3600},                                                                                                                      \
      {.name = "watts",                                                                                                                    \
       .one = BNC_JOULES_ONE,                                                                                                              \
       .needs = needs_,                                                                                                                    \
       .value = "W",                                                                                                                       \
       .help = "no meter: estimate energy as W watts all the time",                                                                        \
       .real = &(j).watts,                                                                                                                 \
       .low = 1e-3,                                                                                                                        \
       .high = 1e6}
#define BNC_JOULES_OPTIONS(j) BNC_JOULES_OPTIONS_NEEDING(j, NULL)

#define BNC_JOULES_IDLE 1.0 /* of commands that measure */

/** Zero-initialised, but for the options; once more does nothing. Exit code as in work.h. */
int bnc_joules_begin(bnc_joules *joules, bnc_work *work);
/** Joules since some moment; NaN where nothing counts. */
double bnc_joules_now(bnc_joules *joules);
/** Of joules that took so many seconds, those beyond the power at rest; NaN where that was not measured. */
double bnc_joules_net(const bnc_joules *joules, double gross, double seconds);
/** How well it was measured so far; without a meter all 0, idle_watts NaN. */
bnc_energy_report bnc_joules_report(const bnc_joules *joules);
/** Members energy_meter (null: none), energy_estimated, energy_note (null: none), energy_idle_watts (null: not measured), energy_idle_s,
 * energy_readings, energy_lost, energy_malformed and energy_meter_cpu_s. */
void bnc_joules_describe(const bnc_joules *joules, bnc_json_object *json);
/** Members power_limit_watts (null: none), battery_saver, battery_saver_cores (null: it parks threads), and of the session: power_watts
 * (null: no meter), power_estimated, power_paused_s and power_threads. */
void bnc_joules_describe_power(const bnc_work *work, const bnc_session *session, bnc_json_object *json);
/** Ends the meter, after noting what was wrong with its readings. */
void bnc_joules_end(bnc_joules *joules, bnc_work *work);

#endif
