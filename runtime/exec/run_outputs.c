/* SPDX-License-Identifier: Apache-2.0 */
/* Outputs behind many rows. The prefill program's tail (run_each.c) is made for one row; here its ops run for some at once, in an arena of
 * their own: each row has what the tail uses of the program's arena, so that parts of a value stay parts of it. Rows of int8 lie beside
 * each other, as their kernels want them. */
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/machine/memory.h"
#include "runtime/exec/executor_private.h"
#include "runtime/exec/residency.h"

#define ROWS 64u   /* that are computed together: a layer's weights are read once for so many */
#define SLACK 256u /* XNNPACK's kernels may read (never write) a vector behind the last row */

/* A range of the program's arena that the tail uses, and where it goes. */
typedef struct range {
  uint64_t begin, end, to;
} range;

typedef struct ranges {
  range *item;
  size_t count;
  uint64_t bytes; /* of all */
} ranges;

struct bnc_outputs {
  bnc_file_op *op;          /* [ops]: the tail's, for ROWS rows that vary */
  uint32_t *linear, *index; /* index: in the program */
  size_t ops, rows;
  bnc_operand output;
  uint8_t *arena;
  uint64_t row_bytes, qd8_at;
  float *kept; /* [last_row ops][kept_rows, their columns] */
  size_t kept_rows, run_rows;
};

static bool in_arena(const bnc_operand *o) { return o->space == BNC_SPACE_ARENA; }
static bool is_qd8(const bnc_operand *o) { return o->element == BNC_ELEMENT_QD8; }

/* Ops that do the same for every row, and operands of one row. */
static bool is_usable(const bnc_file_op *op) {
  const bnc_op_info *info = bnc_op_info_of(op->kind);
  for (size_t i = 0; i < BNC_OP_INPUTS; i++) {
    const bnc_role role = info->in[i];
    if (op->kind == BNC_OP_LAST_ROW || role == BNC_ROLE_NONE) continue;
    if (in_arena(&op->in[i]) && (op->in[i].rows != 1 || !bnc_role_is_rowwise(role))) return false;
  }
  for (size_t i = 0; i < BNC_OP_OUTPUTS; i++)
    if (in_arena(&op->out[i]) && op->out[i].rows != 1) return false;
  return true;
}

static int by_begin(const void *a, const void *b) {
  const range *x = a, *y = b;
  return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* Ranges that touch become one; each keeps its alignment. */
static void merge(ranges *r) {
  size_t kept = 0;
  qsort(r->item, r->count, sizeof *r->item, by_begin);
  for (size_t i = 0; i < r->count; i++) {
    range *last = kept ? &r->item[kept - 1] : NULL;
    if (last && r->item[i].begin < last->end)
      last->end = last->end > r->item[i].end ? last->end : r->item[i].end;
    else
      r->item[kept++] = r->item[i];
  }
  r->count = kept;
  r->bytes = 0;
  for (size_t i = 0; i < kept; i++) {
    r->item[i].to = r->bytes + r->item[i].begin % BNC_ALIGNMENT;
    r->bytes = (r->item[i].to + r->item[i].end - r->item[i].begin + BNC_ALIGNMENT - 1) / BNC_ALIGNMENT * BNC_ALIGNMENT;
  }
}

static uint64_t place(const ranges *r, uint64_t offset) {
  size_t low = 0, high = r->count;
  while (high - low > 1) {
    const size_t middle = (low + high) / 2;
    if (r->item[middle].begin <= offset)
      low = middle;
    else
      high = middle;
  }
  return r->item[low].to + (offset - r->item[low].begin);
}

static void add_range(ranges *r, const bnc_operand *o) { r->item[r->count++] = (range){o->offset, o->offset + bnc_operand_bytes(o), 0}; }

/* f32 [0] and qd8 [1]. */
static void find_ranges(const bnc_outputs *s, ranges found[2]) {
  for (size_t i = 0; i < s->ops; i++) {
    const bnc_file_op *op = &s->op[i];
    for (size_t k = 0; op->kind != BNC_OP_LAST_ROW && k < BNC_OP_INPUTS; k++)
      if (in_arena(&op->in[k])) add_range(&found[is_qd8(&op->in[k])], &op->in[k]);
    for (size_t k = 0; k < BNC_OP_OUTPUTS; k++)
      if (in_arena(&op->out[k])) add_range(&found[is_qd8(&op->out[k])], &op->out[k]);
  }
  add_range(&found[0], &s->output);
  merge(&found[0]);
  merge(&found[1]);
}

/* What holds one row of int8 with its parameters, times the rows, holds the rows with theirs. */
static void move(const bnc_outputs *s, const ranges found[2], bnc_operand *o) {
  if (!in_arena(o)) return;
  o->rows = (uint32_t)s->rows;
  o->varying = 1;
  if (is_qd8(o)) {
    o->offset = s->qd8_at + s->rows * place(&found[1], o->offset);
    o->stride = o->cols;
  } else {
    o->offset = place(&found[0], o->offset);
    o->stride = (uint32_t)(s->row_bytes / sizeof(float));
  }
}

static bnc_status move_ops(bnc_executor *ex, bnc_outputs *s, const ranges found[2], bnc_error *err) {
  bnc_status status = BNC_OK;
  for (size_t i = 0; status == BNC_OK && i < s->ops; i++) {
    bnc_file_op *op = &s->op[i];
    for (size_t k = 0; op->kind != BNC_OP_LAST_ROW && k < BNC_OP_INPUTS; k++) move(s, found, &op->in[k]);
    for (size_t k = 0; k < BNC_OP_OUTPUTS; k++) move(s, found, &op->out[k]);
    status = bnc_executor_memory_reach(ex, op, err);
    s->linear[i] = UINT32_MAX;
    if (status == BNC_OK && op->kind == BNC_OP_LINEAR && !bnc_op_is_own(ex, op)) status = bnc_linears_add(ex, op, &s->linear[i], err);
  }
  move(s, found, &s->output);
  return status;
}

static bnc_status lay_out(bnc_executor *ex, bnc_outputs *s, bnc_error *err) {
  const size_t most = s->ops * (BNC_OP_INPUTS + BNC_OP_OUTPUTS) + 1;
  ranges found[2] = {{.item = bnc_mem_array(most, sizeof(range))}, {.item = bnc_mem_array(most, sizeof(range))}};
  bnc_status status = found[0].item && found[1].item ? BNC_OK : bnc_fail_memory(err, most * sizeof(range));
  if (status == BNC_OK) {
    find_ranges(s, found);
    s->row_bytes = found[0].bytes | BNC_ALIGNMENT; /* an odd number of lines: rows do not meet in the cache */
    s->qd8_at = s->rows * s->row_bytes + SLACK;
    const uint64_t bytes = s->qd8_at + s->rows * found[1].bytes + SLACK;
    status = bnc_memory_check(bytes, "the outputs of many rows", err);
    if (status == BNC_OK) s->arena = bnc_mem_zalloc((size_t)bytes);
    if (status == BNC_OK && !s->arena) status = bnc_fail_memory(err, (size_t)bytes);
  }
  if (status == BNC_OK) status = move_ops(ex, s, found, err);
  bnc_mem_free(found[0].item);
  bnc_mem_free(found[1].item);
  return status;
}

static bnc_status create(bnc_executor *ex, bnc_outputs *s, bnc_error *err) {
  const bnc_program *program = &ex->file->program[BNC_PROGRAM_PREFILL];
  const size_t capacity = bnc_executor_capacity(ex, BNC_PROGRAM_PREFILL);
  s->rows = capacity < ROWS ? capacity : ROWS;
  s->kept_rows = capacity;
  s->output = program->head->output;
  s->op = bnc_mem_array(program->head->ops, sizeof *s->op);
  s->linear = bnc_mem_array(program->head->ops, sizeof *s->linear);
  s->index = bnc_mem_array(program->head->ops, sizeof *s->index);
  s->kept = bnc_mem_array(bnc_run_kept(ex->file, s->kept_rows), sizeof *s->kept);
  if (!s->op || !s->linear || !s->index || !s->kept) return bnc_fail_memory(err, program->head->ops * sizeof *s->op);
  for (uint32_t i = 0; i < program->head->ops; i++) {
    if (!bnc_op_is_tail(&program->op[i])) continue;
    if (!is_usable(&program->op[i])) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "op %u of prefill is made for one row alone", i);
    s->index[s->ops] = i;
    s->op[s->ops++] = program->op[i];
  }
  return lay_out(ex, s, err);
}

bnc_status bnc_executor_outputs_create(bnc_executor *ex, bnc_error *err) {
  if (ex->outputs) return BNC_OK;
  if (!ex->kept) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "the prefill program computes more than its last row's output");
  bnc_outputs *s = bnc_mem_zalloc(sizeof *s);
  const bnc_status status = s ? create(ex, s, err) : bnc_fail_memory(err, sizeof *s);
  if (status == BNC_OK)
    ex->outputs = s;
  else
    bnc_outputs_destroy(s);
  return status;
}

void bnc_outputs_destroy(bnc_outputs *s) {
  if (!s) return;
  bnc_mem_free(s->op);
  bnc_mem_free(s->linear);
  bnc_mem_free(s->index);
  bnc_mem_free(s->arena);
  bnc_mem_free(s->kept);
  bnc_mem_free(s);
}

bnc_status bnc_executor_run_outputs(bnc_executor *ex, size_t rows, size_t position, const bnc_run_hooks *hooks, bnc_error *err) {
  bnc_outputs *s = ex->outputs;
  s->run_rows = rows;
  return bnc_run_body(ex, rows, position, s->kept, s->kept_rows, hooks, err);
}

static void give_rows(const bnc_op_run *run, const float *kept) {
  const bnc_operand *out = &run->op->out[0];
  float *y = bnc_run_out(run, 0);
  for (size_t i = 0; i < run->rows; i++) memcpy(y + i * out->stride, kept + i * out->cols, out->cols * sizeof *y);
}

bnc_status bnc_executor_outputs(bnc_executor *ex, size_t first, size_t position, bnc_output_rows *outputs, bnc_error *err) {
  bnc_outputs *s = ex->outputs;
  const float *kept = s->kept;
  if (first >= s->run_rows) return bnc_fail(err, BNC_ERROR_LIMIT, "row %zu of %zu", first, s->run_rows);
  const size_t rows = s->run_rows - first < s->rows ? s->run_rows - first : s->rows;
  for (size_t i = 0; i < s->ops; i++) {
    const bnc_op_run run = {ex,   s->arena, &s->op[i], rows, position + first, s->linear[i], (uint32_t)i, (uint32_t)s->ops,
                            NULL, false,    false};
    if (run.op->kind == BNC_OP_LAST_ROW) {
      give_rows(&run, kept + first * run.op->in[0].cols);
      kept += s->kept_rows * run.op->in[0].cols;
      continue;
    }
    bnc_residency_step(ex->residency, BNC_PROGRAM_PREFILL, s->index[i]);
    if (bnc_run_op(&run) != BNC_OK) return bnc_fail(err, BNC_ERROR_INTERNAL, "%s failed", bnc_model_file_string(ex->file, run.op->name));
  }
  bnc_residency_end(ex->residency, BNC_PROGRAM_PREFILL);
  *outputs = (bnc_output_rows){(const float *)(const void *)(s->arena + s->output.offset), rows, s->output.stride};
  return BNC_OK;
}
