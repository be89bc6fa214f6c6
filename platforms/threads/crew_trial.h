/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file crew_trial.h  Which way of working is the fastest. Where other programs want the CPUs too, a thread may lose its own in the middle
 * of a piece, or helpers may share the caller's, and the crew is then slower than its caller alone. Nothing tells beforehand, so all ways
 * are tried, and the time that jobs of the same kind take each way decides: CPU time would not do, as two threads may share what makes one
 * of them fast. A crew that nothing disturbs is questioned only where its jobs are short: what they read then costs more to fetch from
 * another CPU's cache, on some machines, than a helper spares.
 */
#ifndef BINOCLE_PLATFORMS_THREADS_CREW_TRIAL_H
#define BINOCLE_PLATFORMS_THREADS_CREW_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#define BNC_CREW_KINDS 128u /* that are remembered: those of a picture, a prompt and a token are some ten each */

typedef enum bnc_crew_way {
  BNC_CREW_JOINED, /* the caller works beside its helpers */
  BNC_CREW_LED,    /* a stand-in works for the caller, which only hands out jobs, and all sleep between them */
  BNC_CREW_ALONE,  /* the caller works by itself */
  BNC_CREW_WAYS
} bnc_crew_way;

/** Jobs that do the same on other data. Each way: how many lately, and their time. */
typedef struct bnc_crew_kind {
  uint64_t name; /* 0: a free place */
  bool weighed;  /* was there when trials ended: a way that did not see it was judged by others */
  double count[BNC_CREW_WAYS], time[BNC_CREW_WAYS];
} bnc_crew_kind;

/** All zeros to begin with: joined. */
typedef struct bnc_crew_trial {
  bnc_crew_way way;        /* of now */
  bool can_lead;           /* there is a stand-in */
  bool trying;             /* for one window, to compare */
  bool disturbed;          /* joined, the caller lacked a CPU when that was last seen */
  bnc_crew_way before;     /* what the trials under way began with */
  bnc_crew_way best;       /* of what they have seen */
  unsigned due;            /* what they have still to see: a bit for each way */
  bnc_crew_way tried;      /* last */
  unsigned patience, left; /* windows that what won is kept for before other ways are tried again; how many of them are left */
  uint64_t wall, caller;   /* of this window, so far */
  uint64_t jobs;           /* in it */
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
