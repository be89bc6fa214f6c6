/* SPDX-License-Identifier: Apache-2.0 */
/* A few rows at once whose outputs are all wanted. The prefill program computes one output, behind its last row: what lies behind its
 * last_row ops is called its tail here. The rest of it runs once for all rows, and what the last_row ops read of it is kept; the tail then
 * runs for one row at a time, as if that were the last, and only for rows that somebody asks for. */
#include <string.h>

#include "runtime/exec/executor_private.h"
#include "runtime/exec/residency.h"

static bool is_last_row(const bnc_file_op *op) { return op->kind == BNC_OP_LAST_ROW; }

static bool is_tail(const bnc_file_op *op) {
  for (size_t i = 0; i < BNC_OP_OUTPUTS; i++)
    if (op->out[i].space == BNC_SPACE_ARENA) return !op->out[i].varying;
  return false; /* kv_append */
}

/* The tail must read rows of its own alone. */
static bool tail_stands_alone(const bnc_program *program) {
  bool found = false;
  for (uint32_t i = 0; i < program->head->ops; i++) {
    const bnc_file_op *op = &program->op[i];
    found = found || is_last_row(op);
    if (is_last_row(op) ? op->in[0].space != BNC_SPACE_ARENA || !op->in[0].varying : false) return false;
    for (size_t k = 0; is_tail(op) && !is_last_row(op) && k < BNC_OP_INPUTS; k++)
      if (op->in[k].space == BNC_SPACE_ARENA && op->in[k].varying) return false;
  }
  return found && !program->head->output.varying;
}

size_t bnc_run_each_kept(const bnc_model_file *file) {
  const bnc_program *program = &file->program[BNC_PROGRAM_PREFILL];
  size_t elements = 0;
  if (!program->head || !tail_stands_alone(program)) return 0;
  for (uint32_t i = 0; i < program->head->ops; i++)
    if (is_last_row(&program->op[i])) elements += BNC_EACH_ROWS * (size_t)program->op[i].in[0].cols;
  return elements;
}

size_t bnc_executor_each_rows(const bnc_executor *ex) {
  const size_t capacity = bnc_executor_capacity(ex, BNC_PROGRAM_PREFILL);
  return !ex->kept ? 0 : capacity < BNC_EACH_ROWS ? capacity : BNC_EACH_ROWS;
}

static void keep(const bnc_op_run *r, float *kept) {
  const bnc_operand *in = &r->op->in[0];
  const float *x = bnc_run_in(r, 0);
  for (size_t i = 0; i < r->rows; i++) memcpy(kept + i * in->cols, x + i * in->stride, in->cols * sizeof *x);
}

/* The ops in front of the tail for all rows, or the tail for the last of them. */
static bnc_status run_part(bnc_executor *ex, bool tail, size_t rows, size_t position, bnc_error *err) {
  const bnc_program *program = &ex->file->program[BNC_PROGRAM_PREFILL];
  float *kept = ex->kept;
  for (uint32_t i = 0; i < program->head->ops; i++) {
    const bnc_op_run run = {ex, &program->op[i], rows, position, ex->linear_of[BNC_PROGRAM_PREFILL][i], i, program->head->ops, NULL};
    bnc_status s = BNC_OK;
    if (is_last_row(run.op)) {
      const size_t cols = run.op->in[0].cols;
      if (tail)
        memcpy(bnc_run_out(&run, 0), kept + (rows - 1) * cols, cols * sizeof *kept);
      else
        keep(&run, kept);
      kept += BNC_EACH_ROWS * cols;
    } else if (is_tail(run.op) == tail) {
      bnc_residency_step(ex->residency, BNC_PROGRAM_PREFILL, i);
      s = bnc_run_op(&run);
    }
    if (s != BNC_OK) return bnc_fail(err, BNC_ERROR_INTERNAL, "op %u (%s) failed", i, bnc_model_file_string(ex->file, run.op->name));
  }
  bnc_residency_end(ex->residency, BNC_PROGRAM_PREFILL);
  return BNC_OK;
}

bnc_status bnc_executor_run_each(bnc_executor *ex, size_t rows, size_t position, bnc_error *err) {
  const size_t context = ex->file->meta.context, most = bnc_executor_each_rows(ex);
  if (rows == 0 || rows > most || position > context || rows > context - position)
    return bnc_fail(err, BNC_ERROR_LIMIT, "%zu rows at position %zu, expected at most %zu within a context of %zu", rows, position, most,
                    context);
  bnc_rope_tables_reach(ex, position + rows);
  return run_part(ex, false, rows, position, err);
}

bnc_status bnc_executor_finish_row(bnc_executor *ex, size_t row, size_t position, bnc_error *err) {
  return run_part(ex, true, row + 1, position, err);
}
