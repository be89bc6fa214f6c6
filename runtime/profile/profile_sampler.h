/* SPDX-License-Identifier: Apache-2.0 */
/** @file profile_sampler.h  A thread that looks at the machine while something runs: memory, energy, temperature, clock. It costs the run
 * nothing but its own CPU time, which it tells. */
#ifndef BINOCLE_RUNTIME_PROFILE_PROFILE_SAMPLER_H
#define BINOCLE_RUNTIME_PROFILE_PROFILE_SAMPLER_H

#include <binocle/energy.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"

/** What is not known is 0, of doubles NaN. */
typedef struct bnc_profile_sample {
  uint64_t at;             /* bnc_clock_ns */
  uint64_t cpu;            /* of the process so far, ns */
  uint64_t rss;            /* bytes */
  uint64_t minor, major;   /* page faults so far */
  double joules;           /* so far */
  double celsius;          /* of the hottest zone */
  uint32_t mhz;            /* of the fastest CPU of those that tell */
  uint32_t throttled;      /* bits of bnc_throttle.now (platforms/energy/thermal.h) */
  int64_t throttle_events; /* since boot; -1: not told */
} bnc_profile_sample;

typedef struct bnc_profile_sampler bnc_profile_sampler;

#define BNC_SAMPLE_MS 50u      /* by default */
#define BNC_SAMPLES_MAX 16384u /* when so many are taken, every second one goes and the rest comes half as often */

/** energy is not owned, outlives the sampler; NULL: none is read. */
bnc_status bnc_profile_sampler_create(bnc_profile_sampler **sampler, bnc_energy *energy, unsigned sample_ms, bnc_error *err);
/** Takes the first sample and starts the thread. */
bnc_status bnc_profile_sampler_start(bnc_profile_sampler *sampler, bnc_error *err);
/** Ends the thread and takes the last sample. NULL is allowed, and so is stopping twice. */
void bnc_profile_sampler_stop(bnc_profile_sampler *sampler);
void bnc_profile_sampler_destroy(bnc_profile_sampler *sampler);

/** After the stop. *samples [count], in order. */
size_t bnc_profile_sampler_get(const bnc_profile_sampler *sampler, const bnc_profile_sample **samples);
/** CPU time that sampling took, ns: the thread's, without the meter's own. */
uint64_t bnc_profile_sampler_cost(const bnc_profile_sampler *sampler);
/** How the meter fared; left alone without one. */
void bnc_profile_sampler_report(const bnc_profile_sampler *sampler, bnc_energy_report *report);
/** Between two moments, straight between samples; NaN: no meter, or outside. */
double bnc_profile_sampler_joules(const bnc_profile_sampler *sampler, uint64_t from, uint64_t to);

#endif
