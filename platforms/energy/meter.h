/* SPDX-License-Identifier: Apache-2.0 */
/** @file meter.h  Energy used between two moments, from whatever meters the machine has. A machine without one is no error. */
#ifndef BINOCLE_PLATFORMS_ENERGY_METER_H
#define BINOCLE_PLATFORMS_ENERGY_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"

#define BNC_METER_MAX 16

typedef enum bnc_meter_kind {
  BNC_METER_EXTERNAL, /* what a program of the user's tells, of whatever is plugged in there */
  BNC_METER_BOARD,    /* the whole board: Jetson ina3221, Raspberry Pi 5 PMIC, Intel psys */
  BNC_METER_BATTERY,  /* the whole device as the battery sees it; only while discharging */
  BNC_METER_PACKAGE,  /* CPU packages: RAPL */
  BNC_METER_SENSOR    /* one hwmon power sensor; what it covers depends on the board */
} bnc_meter_kind;
/** "external", "board", "battery", "package", "sensor". */
const char *bnc_meter_kind_name(bnc_meter_kind kind);

typedef struct bnc_meter_info {
  char name[96];   /* "ina3221 VDD_IN", "rapl package-0" */
  char reason[96]; /* why not available; "" where it is */
  bnc_meter_kind kind;
  bool available;
  bool counter; /* counts energy itself; else power readings are integrated, ten per second */
} bnc_meter_info;

typedef struct bnc_meter_reading {
  bool valid;             /* at least two good samples */
  double joules, watts;   /* watts: the average over seconds */
  double seconds;         /* between the first and the last sample */
  uint64_t samples, lost; /* lost: readings that failed */
  uint64_t lost_since;    /* how many of them behind the last good one: the meter is gone */
} bnc_meter_reading;

typedef struct bnc_meter_set bnc_meter_set;

/** Finds the machine's meters. Those that are missing or forbidden are listed with a reason. */
bnc_status bnc_meter_set_open(bnc_meter_set **set, bnc_error *err);
void bnc_meter_set_close(bnc_meter_set *set);
size_t bnc_meter_set_count(const bnc_meter_set *set);
const bnc_meter_info *bnc_meter_set_info(const bnc_meter_set *set, size_t i);

/**
 * Picks a meter: the available one whose name is `name`, or begins with its words ("rapl", "battery"), the best of several; NULL: the best
 * of all. From then on it alone is sampled and bnc_meter_set_best. *found: whether there is one, always with a name: a name that no
 * available meter has is BNC_ERROR_ARGUMENT, and the message lists them, or says why that one is not to be had.
 */
bnc_status bnc_meter_set_choose(bnc_meter_set *set, const char *name, bool *found, bnc_error *err);
/** Starts a meter of the user's (meter_command.h) and picks it. The set ends it when it is closed. */
bnc_status bnc_meter_set_add_command(bnc_meter_set *set, const char *command, bnc_error *err);
/** NULL without one. */
struct bnc_meter_command *bnc_meter_set_command(const bnc_meter_set *set);

/** Starts measuring on all available meters, or the one that was picked; from here to stop one light thread samples. BNC_ERROR_ARGUMENT
 * where it runs already. */
bnc_status bnc_meter_set_start(bnc_meter_set *set, bnc_error *err);
/** Ends it; BNC_ERROR_ARGUMENT where it does not run. */
bnc_status bnc_meter_set_stop(bnc_meter_set *set, bnc_error *err);
/** While it runs: what meter i has counted since the start, read now. false: the meter could not be read. */
bool bnc_meter_set_now(bnc_meter_set *set, size_t i, double *joules);
/** Of meter i, from the last start to the last stop, or until now. */
bnc_meter_reading bnc_meter_set_reading(bnc_meter_set *set, size_t i);
/** CPU time that reading has cost since the last start: the sampler's, of programs that it ran (vcgencmd), and of whoever asked for `now`.
 */
uint64_t bnc_meter_set_cost_ns(bnc_meter_set *set);
/** The meter that was picked; else the one that covers most of the machine among those with a valid reading (before any stop: among those
 * available); false: none. */
bool bnc_meter_set_best(bnc_meter_set *set, size_t *i);

#endif
