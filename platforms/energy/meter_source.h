/* SPDX-License-Identifier: Apache-2.0 */
/** @file meter_source.h  One meter: how it is found and how one value is read. Inner part of meter.h. */
#ifndef BINOCLE_PLATFORMS_ENERGY_METER_SOURCE_H
#define BINOCLE_PLATFORMS_ENERGY_METER_SOURCE_H

#include "platforms/energy/meter.h"
#include "platforms/file/sysfs.h"

#define BNC_METER_MAX_RAILS 16
/** No machine of ours draws more: such a value is a broken sensor. */
#define BNC_METER_MAX_WATTS 1e4

typedef enum bnc_meter_method {
  BNC_METER_NONE,          /* listed for its reason only */
  BNC_METER_MILLIVOLT_MA,  /* per rail: in{n}_input mV times curr{n}_input mA */
  BNC_METER_MILLIWATT,     /* per rail: mW */
  BNC_METER_MICROWATT,     /* per rail: uW */
  BNC_METER_BATTERY_UV_UA, /* uV times uA of one battery, only while discharging */
  BNC_METER_BATTERY_UW,    /* uW of one battery, only while discharging */
  BNC_METER_PMIC,          /* vcgencmd */
  BNC_METER_COUNTER_UJ,    /* per package: uJ, wrapping at range */
  BNC_METER_COMMAND        /* what a program of the user's writes */
} bnc_meter_method;

typedef struct bnc_meter_rail {
  char first[160];  /* the file of the value, or of the voltage */
  char second[160]; /* the file of the current */
  char label[32];   /* of the power monitor's channel; "" */
  uint64_t range;   /* COUNTER: the largest value before it starts again; 0: not known */
} bnc_meter_rail;

typedef struct bnc_meter_source {
  bnc_meter_info info;
  bnc_meter_method method;
  unsigned every; /* sampled at each every-th tick */
  size_t rail_count;
  bnc_meter_rail rails[BNC_METER_MAX_RAILS];
  struct bnc_meter_command *command; /* COMMAND: not owned; else NULL */
} bnc_meter_source;

/** Fills sources[0 .. max) with what the machine has, and with one unavailable entry for each kind of meter that it has not. */
size_t bnc_meter_find(bnc_meter_source *sources, size_t max);

/** Watts now, summed over the rails; false where a reading fails. Not for counters. */
bool bnc_meter_read_watts(const bnc_meter_source *source, double *watts);
/** A counter's rail. */
bool bnc_meter_read_counter(const bnc_meter_source *source, size_t rail, uint64_t *microjoules);
/** What a counter advanced by, one wrap-around taken into account. */
uint64_t bnc_meter_counter_delta(uint64_t before, uint64_t after, uint64_t range);

#endif
