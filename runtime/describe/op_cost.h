/* SPDX-License-Identifier: Apache-2.0 */
/** @file op_cost.h  What an op has to compute and to move, for as many rows as a run has: what its time is held against. */
#ifndef BINOCLE_RUNTIME_DESCRIBE_OP_COST_H
#define BINOCLE_RUNTIME_DESCRIBE_OP_COST_H

#include "runtime/model/model_file.h"

typedef struct bnc_op_cost {
  uint64_t macs;
  uint64_t bytes;  /* that it reads and writes, `stored` among them */
  uint64_t stored; /* of weights and of the KV cache: read once per run, and then not before the next */
} bnc_op_cost;

/** rows and position: of the run, for the text programs alone (runtime/exec/executor.h). A prefill's attention sees, row by row, one key
 * more. */
bnc_op_cost bnc_op_cost_of(const bnc_model_file *file, bnc_program_id id, uint32_t index, uint64_t rows, uint64_t position);

/** Bytes of a linear's share of its weight; 0 for other ops. */
uint64_t bnc_op_weight_bytes(const bnc_model_file *file, const bnc_file_op *op);

#endif
