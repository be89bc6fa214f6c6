/* SPDX-License-Identifier: Apache-2.0 */
/** @file meter_integral.h  Joules out of the readings of one meter, whenever they come. Inner part of meter.h. */
#ifndef BINOCLE_PLATFORMS_ENERGY_METER_INTEGRAL_H
#define BINOCLE_PLATFORMS_ENERGY_METER_INTEGRAL_H

#include "platforms/energy/meter_source.h"

/** All zeros to begin with. Moments are bnc_clock_ns. */
typedef struct bnc_meter_integral {
  uint64_t samples, lost;     /* good readings; those that failed, or told what cannot be */
  uint64_t lost_since;        /* how many of them since the last good one */
  uint64_t first_ns, last_ns; /* of the good ones */
  double joules;              /* between these two */
  double last_watts;
  double base; /* COMMAND: what its thread had counted at the first reading */
  uint64_t counter[BNC_METER_MAX_RAILS];
} bnc_meter_integral;

/** Power: the area below the straight lines between readings; a lost one makes such a line longer. */
void bnc_meter_integral_add_watts(bnc_meter_integral *integral, uint64_t at, double watts);
/**
 * Counters, values[rails] in uJ. One that went back has wrapped. Where the readings before say that it may have wrapped more often
 * meanwhile (a sampler that slept for minutes), the nearest number of times is taken; a step that no machine's power explains is lost.
 */
void bnc_meter_integral_add_counters(bnc_meter_integral *integral, const bnc_meter_source *source, uint64_t at, const uint64_t *values);

/** Reads the meter once and adds that. at: when that is; 0: now. */
void bnc_meter_sample(const bnc_meter_source *source, bnc_meter_integral *integral, uint64_t at);

bnc_meter_reading bnc_meter_integral_reading(const bnc_meter_integral *integral);

#endif
