/* SPDX-License-Identifier: Apache-2.0 */
/** @file joules.h  The energy beside the seconds: from the machine's meter, or estimated from a given power. */
#ifndef BINOCLE_RUNTIME_PROGRAM_JOULES_H
#define BINOCLE_RUNTIME_PROGRAM_JOULES_H

#include <binocle/energy.h>

#include "runtime/program/json_object.h"
#include "runtime/program/work.h"

typedef struct bnc_joules {
  double watts; /* of the option; 0: the machine's meter */
  bnc_energy *energy;
  char meter[128]; /* what counts; "": nothing does */
  char note[224];  /* why nothing does, or that it is an estimate; "" */
  double reading;  /* seconds spent on reading the meter so far, which are no part of the work */
} bnc_joules;

/* A row of a command's table of options. */
#define BNC_JOULES_WATTS(j)                                                                                                                \
  {.name = "watts", .value = "W", .help = "no meter: estimate energy as W watts all the time", .real = &(j).watts, .low = 1e-3, .high = 1e6}

/** Zero-initialised, but for watts. Exit code as in work.h. */
int bnc_joules_begin(bnc_joules *joules, bnc_work *work);
/** Joules since some moment; NaN where nothing counts. */
double bnc_joules_now(bnc_joules *joules);
/** Members energy_meter (null: none), energy_estimated and energy_note (null: none). */
void bnc_joules_describe(const bnc_joules *joules, bnc_json_object *json);
void bnc_joules_end(bnc_joules *joules);

#endif
