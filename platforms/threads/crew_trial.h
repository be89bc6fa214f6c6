/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file crew_trial.h  Whether helpers pay. Where other programs want the CPUs too, a helper may lose its own in the middle of a piece, or
 * share the caller's, and the crew is then slower than its caller alone. Nothing tells beforehand, so both ways are tried: work done per
 * second, in seconds of CPU time, decides. A crew that nothing disturbs is never questioned.
 */
#ifndef BINOCLE_PLATFORMS_THREADS_CREW_TRIAL_H
#define BINOCLE_PLATFORMS_THREADS_CREW_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

/** All zeros to begin with: with helpers. */
typedef struct bnc_crew_trial {
  bool alone;                    /* the caller works alone now */
  bool trying;                   /* for one window, to compare */
  uint64_t wall, caller, useful; /* of this window, so far */
  double rate[2];                /* CPU time that did work, per time: with helpers, alone */
  unsigned patience, left;       /* windows that what won is kept for before the other way is tried again; how many of them are left */
} bnc_crew_trial;

/** Nanoseconds that passed with work at hand; in how many of them the caller had a CPU; CPU time that did work, of all threads. */
void bnc_crew_trial_add(bnc_crew_trial *trial, uint64_t wall, uint64_t caller, uint64_t useful);

#endif
