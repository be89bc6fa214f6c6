/* SPDX-License-Identifier: Apache-2.0 */
/* A few rows at once whose outputs are all wanted. The prefill program computes one output, behind its last row: what lies behind its
 * last_row ops is called its tail here. The rest of it runs once for all rows, and what the last_row ops read of it is kept; the tail then
 * runs for one row at a time, as if that were the last, and only for rows that somebody asks for. */
#include <string.h>

#include "runtime/exec/executor_private.h"
#include "runtime/exec/residency.h"

static bool is_last_row(const bnc_file_op *op) { return op->kind == BNC_OP_LAST_ROW; }

bool bnc_op_is_tail(const bnc_file_op *op) {
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
    for (size_t k = 0; bnc_op_is_tail(op) && !is_last_row(op) && k < BNC_OP_INPUTS; k++)
      if (op->in[k].space == BNC_SPACE_ARENA && op->in[k].varying) return false;
  }
  return found && !program->head->output.varying;
}

size_t bnc_run_kept(const bnc_model_file *file, size_t rows) {
  const bnc_program *program = &file->program[BNC_PROGRAM_PREFILL];
  size_t elements = 0;
  if (!program->head || !tail_stands_alone(program)) return 0;
  for (uint32_t i = 0; i < program->head->ops; i++)
    if (is_last_row(&program->op[i])) elements += rows * (size_t)program->op[i].in[0].cols;
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

static bnc_op_run run_of(bnc_executor *ex, uint32_t i, size_t rows, size_t position, const bnc_run_hooks *hooks) {
  const bnc_program *program = &ex->file->program[BNC_PROGRAM_PREFILL];
  return (bnc_op_run){ex, ex->arena,          &program->op[i], rows,  position, ex->linear_of[BNC_PROGRAM_PREFILL][i],
                      i,  program->head->ops, hooks,           false, false};
}

static bnc_status failure(const bnc_op_run *run, bnc_status s, bnc_error *err) {
  if (s == BNC_ERROR_CANCELLED) return bnc_fail(err, s, "cancelled");
  return bnc_fail(err, BNC_ERROR_INTERNAL, "op %u (%s) failed", run->index, bnc_model_file_string(run->ex->file, run->op->name));
}

bnc_status bnc_run_body(bnc_executor *ex, size_t rows, size_t position, float *kept, size_t kept_rows, const bnc_run_hooks *hooks,
                        bnc_error *err) {
  const uint32_t ops = ex->file->program[BNC_PROGRAM_PREFILL].head->ops;
  const size_t context = ex->file->meta.context, capacity = bnc_executor_capacity(ex, BNC_PROGRAM_PREFILL);
  const size_t most = kept_rows < capacity ? kept_rows : capacity;
  if (rows == 0 || rows > most || position > context || rows > context - position)
    return bnc_fail(err, BNC_ERROR_LIMIT, "%zu rows at position %zu, expected at most %zu within a context of %zu", rows, position, most,
                    context);
  bnc_rope_tables_reach(ex, position + rows);
  for (uint32_t i = 0; i < ops; i++) {
    const bnc_op_run run = run_of(ex, i, rows, position, hooks);
    bnc_status s = BNC_OK;
    if (is_last_row(run.op)) {
      keep(&run, kept);
      kept += kept_rows * run.op->in[0].cols;
    } else if (!bnc_op_is_tail(run.op)) {
      bnc_residency_step(ex->residency, BNC_PROGRAM_PREFILL, i);
      s = bnc_run_op(&run);
    }
    if (s == BNC_OK && hooks && hooks->step && hooks->step(hooks->context, i + 1, ops)) s = BNC_ERROR_CANCELLED;
    if (s != BNC_OK) return failure(&run, s, err);
  }
  bnc_residency_end(ex->residency, BNC_PROGRAM_PREFILL);
  return BNC_OK;
}

bnc_status bnc_executor_run_each(bnc_executor *ex, size_t rows, size_t position, bnc_error *err) {
  return bnc_run_body(ex, rows, position, ex->kept, bnc_executor_each_rows(ex) ? BNC_EACH_ROWS : 0, NULL, err);
}

bnc_status bnc_executor_finish_row(bnc_executor *ex, size_t row, size_t position, bnc_error *err) {
  const uint32_t ops = ex->file->program[BNC_PROGRAM_PREFILL].head->ops;
  const float *kept = ex->kept;
  for (uint32_t i = 0; i < ops; i++) {
    const bnc_op_run run = run_of(ex, i, row + 1, position, NULL);
    bnc_status s = BNC_OK;
    if (is_last_row(run.op)) {
      const size_t cols = run.op->in[0].cols;
      memcpy(bnc_run_out(&run, 0), kept + row * cols, cols * sizeof *kept);
      kept += BNC_EACH_ROWS * cols;
    } else if (bnc_op_is_tail(run.op)) {
      bnc_residency_step(ex->residency, BNC_PROGRAM_PREFILL, i);
      s = bnc_run_op(&run);
    }
    if (s != BNC_OK) return failure(&run, s, err);
  }
  bnc_residency_end(ex->residency, BNC_PROGRAM_PREFILL);
  return BNC_OK;
}
