/* SPDX-License-Identifier: Apache-2.0 */
/** @file limits_measure.h  How fast all threads of a pool together run a level's limit loops (limits.h), in billions per second. */
#ifndef BINOCLE_OPS_LIMITS_LIMITS_MEASURE_H
#define BINOCLE_OPS_LIMITS_LIMITS_MEASURE_H

#include "ops/kernels.h"
#include "platforms/threads/threads.h"

typedef enum bnc_limit {
  BNC_LIMIT_F32,  /* operations: a fused multiply-add is two */
  BNC_LIMIT_INT8, /* operations: a multiply-add is two */
  BNC_LIMIT_BF16, /* likewise */
  BNC_LIMIT_READ  /* bytes */
} bnc_limit;

/** Fills rates[repeat], in the order of the runs; a run before them warms up. bytes: READ's working set of each thread, rounded down to
   whole blocks, at least one. Computing is
   timed by each thread's own CPU time, so that other programs do not lower the limit; reading by one thread too, by several by the wall
   clock, since they share what they read from. Allocates bytes for each thread. */
bnc_status bnc_limits_measure(const bnc_kernels *kernels, bnc_pool *pool, bnc_limit what, size_t bytes, size_t repeat, double *rates,
                              bnc_error *err);

#endif
