/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file pacer.h  Holds a machine's mean power below a limit: fewer threads compute, and behind pieces of work all of them pause.
 *
 * One number steers both, the level: how many threads' worth of work is done, 2.4 of 4 for example. Its next whole number of threads
 * computes, the others are parked, and pauses make up the difference: 3 threads for 80 % of the time. Where a meter runs, the level follows
 * it (an integral controller on the energy beyond the limit, so that the mean holds, not the peak); else it is taken once from what the
 * machine is said to draw at rest and busy, and that is an estimate.
 */
#ifndef BINOCLE_PLATFORMS_ENERGY_PACER_H
#define BINOCLE_PLATFORMS_ENERGY_PACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bnc_pacer_settings {
  size_t threads;                  /* that there are */
  size_t most;                     /* of them may compute; battery saver: fewer than there are */
  double limit;                    /* W; 0: none */
  double idle, busy;               /* W of the machine at rest, and with all threads busy; idle NaN: not known; busy 0: there is a meter */
  double (*joules)(void *context); /* of the meter so far; NaN: not known now */
  void *context;
} bnc_pacer_settings;

typedef struct bnc_pacer {
  bnc_pacer_settings set;
  double level;
  double owed;              /* ns of pause */
  uint64_t mark;            /* ns: work since then has not been paid */
  uint64_t tick;            /* ns: the last look at the meter; 0: none */
  double last, first, over; /* joules at the last look, at the first, and spent beyond the limit */
  uint64_t first_at, last_at;
  double paused, worked, threads_worked; /* ns; the last times threads */
} bnc_pacer;

void bnc_pacer_init(bnc_pacer *pacer, const bnc_pacer_settings *settings);
/** Work begins now. */
void bnc_pacer_begin(bnc_pacer *pacer);
/** A piece of work ended: its pause is owed from now on, and the meter may be looked at. */
void bnc_pacer_add_work(bnc_pacer *pacer);
/** Sleeps for some of what is owed, 20 ms at most; false: nothing worth sleeping is owed. */
bool bnc_pacer_pause(bnc_pacer *pacer);
/** How many threads may compute now. */
size_t bnc_pacer_threads(const bnc_pacer *pacer);
/** Mean power since the first look; NaN: no meter. */
double bnc_pacer_watts(const bnc_pacer *pacer);

#endif
