/* SPDX-License-Identifier: Apache-2.0 */
/** @file estimate.h  How long a model takes on a machine, from what the one asks and what the other can do.

    Each part of a run takes the longer of computing and reading:

      max(2 macs / (share * rate), bytes / (share * memory))

    with the machine's limits (operations per second of all threads, bytes per second out of memory) and the shares of them that whole
    models reach. The shares were fitted to `binocle bench` on one x86 machine; bench/baselines/devices-CPU.csv holds what the estimate is
    off there, model by model. */
#ifndef BINOCLE_RUNTIME_DEVICES_ESTIMATE_H
#define BINOCLE_RUNTIME_DEVICES_ESTIMATE_H

#include "runtime/devices/boards.h"
#include "runtime/model/demand.h"

/** What a machine can do, with all the threads that will compute: operations are two per multiply-accumulate. */
typedef struct bnc_rates {
  double int8, int4, bf16, f32; /* operations per second */
  double memory;                /* bytes per second */
  double watts;                 /* of the whole machine, or what its meter covers, busy; 0: not known */
  double storage;               /* bytes per second; 0: not known */
  bool storage_measured;        /* or what its kind usually reads */
  size_t threads;
  double share;   /* of the CPUs that this process had meanwhile; other programs took the rest */
  double seconds; /* that measuring took */
} bnc_rates;

#define BNC_FIT_QUESTION_ROWS 32u /* a question with its template */
#define BNC_FIT_BUSY 0.85         /* below such a share of the CPUs, others slow this process down */

typedef enum bnc_fit_verdict {
  BNC_FIT_YES,
  BNC_FIT_FROM_STORAGE, /* what is computed with fits, the weights do not: they are read again and again */
  BNC_FIT_NO
} bnc_fit_verdict;

typedef struct bnc_estimate {
  bnc_fit_verdict verdict;
  uint64_t needed, available; /* bytes of memory */
  double picture_s, question_s, first_token_s, tokens_per_s;
  double joules_per_picture, joules_per_token; /* NaN: no meter */
} bnc_estimate;

/** The rates of a board of the table. */
bnc_rates bnc_board_rates(const bnc_board *board);
/** The verdict and the times of a model on a machine with `available` bytes of free memory. picture_s is 0 where there is no vision. */
bnc_estimate bnc_estimate_of(const bnc_demand *demand, const bnc_rates *rates, uint64_t available);

#endif
