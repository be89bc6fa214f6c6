/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file crew_trial.h  Whether helpers pay. Where other programs want the CPUs too, a helper may lose its own in the middle of a piece, or
 * share the caller's, and the crew is then slower than its caller alone. Nothing tells beforehand, so both ways are tried, and the time
 * that jobs of the same kind take either way decides: CPU time would not do, as two threads may share what makes one of them fast. A crew
 * that nothing disturbs is questioned only where its jobs are short: what they read then costs more to fetch from another CPU's cache,
 * on some machines, than a helper spares.
 */
#ifndef BINOCLE_PLATFORMS_THREADS_CREW_TRIAL_H
#define BINOCLE_PLATFORMS_THREADS_CREW_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#define BNC_CREW_KINDS 128u /* that are remembered: those of a picture, a prompt and a token are some ten each */

/** Jobs that do the same on other data. With helpers, alone: how many lately, and their time. */
typedef struct bnc_crew_kind {
  uint64_t name; /* 0: a free place */
  double count[2], time[2];
} bnc_crew_kind;

/** All zeros to begin with: with helpers. */
typedef struct bnc_crew_trial {
  bool alone;              /* the caller works alone now */
  bool trying;             /* for one window, to compare */
  uint64_t wall, caller;   /* of this window, so far */
  uint64_t jobs, taken;    /* in it: how many, and their time */
  unsigned patience, left; /* windows that what won is kept for before the other way is tried again; how many of them are left */
  bnc_crew_kind kind[BNC_CREW_KINDS];
} bnc_crew_trial;

/** A job of that kind, not 0, took so many nanoseconds, in the way of now. */
void bnc_crew_trial_job(bnc_crew_trial *trial, uint64_t kind, uint64_t wall);
/** What was seen so far says nothing, as the disk was waited for: a model's first picture, whose weights are read meanwhile, would be taken
 * for one that helpers slow down. */
void bnc_crew_trial_forget(bnc_crew_trial *trial);
/** Nanoseconds that passed with work at hand; in how many of them the caller had a CPU. */
void bnc_crew_trial_add(bnc_crew_trial *trial, uint64_t wall, uint64_t caller);

#endif
