/* SPDX-License-Identifier: Apache-2.0 */
/** @file schedule_cost.h  What running a schedule takes: the numbers in which the report says what passes saved. */
#ifndef BINOCLE_QUANT_SCHEDULE_SCHEDULE_COST_H
#define BINOCLE_QUANT_SCHEDULE_SCHEDULE_COST_H

#include "quant/schedule/schedule.h"
#include "quant/schedule/target.h"

typedef struct bnc_schedule_cost {
  uint64_t ops, macs;
  uint64_t moved_bytes;       /* activations that ops read and write, each operand of each op once */
  uint64_t weight_bytes;      /* of the matrices in use, each one once: what the file holds for this program */
  uint64_t weight_read_bytes; /* of weights read from memory, as slab_cost.h predicts it for the target */
  uint64_t arena_bytes, live_bytes;
} bnc_schedule_cost;

bnc_status bnc_schedule_measure(const bnc_schedule *schedule, const bnc_target *target, bnc_schedule_cost *cost);

#endif
