/* SPDX-License-Identifier: Apache-2.0 */
/** @file op_kernel.h  Which code runs an op on this machine. */
#ifndef BINOCLE_RUNTIME_EXEC_OP_KERNEL_H
#define BINOCLE_RUNTIME_EXEC_OP_KERNEL_H

#include "runtime/exec/executor.h"

typedef struct bnc_op_kernel {
  const char *name;  /* "matmul_i4", "attention_rows_i8", "xnnpack qd8_f32_qc8w" */
  const char *level; /* of that very kernel: "avx2" also at level avx512vnni, where that has none of its own; "xnnpack": its own choice */
} bnc_op_kernel;

/** Of op `index` of a program that the model has. */
bnc_op_kernel bnc_executor_op_kernel(const bnc_executor *executor, bnc_program_id id, uint32_t index);

/** Whether vision attends in bf16: its weights are, and the level gains by it (ops/attention/attention.h). */
bool bnc_executor_attends_in_bf16(const bnc_executor *executor);

#endif
