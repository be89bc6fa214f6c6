/* SPDX-License-Identifier: Apache-2.0 */
/** @file schedule.h  From a graph to a flat list of ops over fixed offsets: lowering, aliasing, the memory plan, and the bytes of a program
 * section. */
#ifndef BINOCLE_QUANT_SCHEDULE_SCHEDULE_H
#define BINOCLE_QUANT_SCHEDULE_SCHEDULE_H

#include "quant/graph/graph.h"
#include "runtime/model/format.h"
#include "runtime/model/program_format.h"

/** An op before its operands have places. Ids are the graph's; BNC_NO_VALUE / BNC_NO_ID where a field does not apply. */
typedef struct bnc_step {
  bnc_op_kind kind;
  uint32_t name, weight, lut;
  bnc_op_attributes attr;
  bnc_value_id in[BNC_OP_INPUTS], out[BNC_OP_OUTPUTS];
  uint32_t taps[2];
  uint32_t first_col; /* LINEAR, COPY: where in `out` the written columns begin ... */
  uint32_t first_row; /* ... and rows */
  uint32_t cols;      /* LINEAR: how many columns; 0: all */
} bnc_step;

/** Where a value lives: inside a root value's block, or (constants) in no block. */
typedef struct bnc_place {
  bnc_value_id root;
  size_t row, col;      /* inside the root */
  uint64_t offset;      /* root only: bytes in the arena */
  uint64_t bytes;       /* root only */
  uint32_t first, last; /* root only: steps between which it lives; first > last: never */
} bnc_place;

/** What alias-parts lets share a block, bits. */
enum {
  BNC_ALIAS_PARTS = 1,   /* parts of a concatenation with the whole */
  BNC_ALIAS_RANGES = 2,  /* consecutive rows with what they are rows of */
  BNC_ALIAS_IN_PLACE = 4 /* sums and rotations with an operand that dies with them */
};

typedef struct bnc_schedule {
  const bnc_graph *graph;
  uint32_t passes;           /* bit per bnc_pass_id that is on */
  uint32_t alias;            /* BNC_ALIAS_... that are done; 0 without the pass */
  const uint32_t *slab_cols; /* [constants' weights]: columns per slab; 0: whole */
  bnc_step *step;
  size_t steps, step_capacity;
  bnc_place *place; /* [graph->values] */
  uint64_t arena_bytes, live_bytes;
} bnc_schedule;

/** Builds steps and places of a graph that has been through its passes. Sharing a block saves copies, but lets it live longer; of all ways
   to share, the one with the smallest arena is taken, and of these the one with the fewest ops. */
bnc_status bnc_schedule_create(bnc_schedule *schedule, const bnc_graph *graph, uint32_t passes, const uint32_t *slab_cols);
void bnc_schedule_free(bnc_schedule *schedule);

/** Stages of bnc_schedule_create, each with a file of its own: nodes to steps; then quant/passes over the steps; then offsets. */
bnc_status bnc_schedule_lower(bnc_schedule *schedule);
bnc_status bnc_schedule_plan(bnc_schedule *schedule);

/** Elements from row to row of a root value's block. Rows of floats that lie whole pages apart begin in the same set of a first cache,
 * which holds fewer of them than a kernel works on at a time: those get a line more. Rows of int8 have none (program_format.h), and those
 * of the program's input are the caller's. */
uint32_t bnc_schedule_stride(const bnc_schedule *schedule, bnc_value_id root);

/** True for a TAKE of consecutive rows: a view. */
bool bnc_take_is_range(const bnc_graph *graph, const bnc_node *node, size_t *first);
/** Multiply-accumulates of a step at its values' full rows. */
uint64_t bnc_step_macs(const bnc_schedule *schedule, const bnc_step *step);

/** What emission needs to know of the file's layout. */
typedef struct bnc_layout {
  uint64_t *constant_offset; /* [constants] in CONSTANTS */
  uint64_t *taps_offset;     /* [taps_count] */
  uint32_t *weight_index;    /* [weights]: id in the file; BNC_NO_ID: unused */
} bnc_layout;

/** The bytes of the program section, a bnc_mem block. */
bnc_status bnc_schedule_emit(const bnc_schedule *schedule, const bnc_layout *layout, uint8_t **bytes, size_t *size);

#endif
