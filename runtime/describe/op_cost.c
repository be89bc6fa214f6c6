/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/describe/op_cost.h"

#include <string.h>

#include "runtime/describe/names.h"
#include "runtime/model/kv_layout.h"

uint64_t bnc_op_weight_bytes(const bnc_model_file *f, const bnc_file_op *op) {
  if (op->kind != BNC_OP_LINEAR) return 0;
  return bnc_weight_bytes(&f->weight[op->weight]) / f->weight[op->weight].n * op->attr.linear.count;
}

static uint64_t rows_of(const bnc_operand *o, uint64_t rows) { return o->varying ? rows : o->rows; }

/* Values alone: what lies between rows is not touched. */
static uint64_t value_bytes(const bnc_operand *o, uint64_t rows) {
  const uint64_t element = o->element == BNC_ELEMENT_F32 ? 4 : 1;
  if (o->space == BNC_SPACE_NONE) return 0;
  return rows_of(o, rows) * (o->cols * element + (o->element == BNC_ELEMENT_QD8 ? sizeof(bnc_qd8_params) : 0));
}

/* Ops that pick values out of a whole picture read as many as they use. */
static uint64_t picked_bytes(const bnc_model_file *f, const bnc_file_op *op) {
  const uint64_t element = op->in[0].element == BNC_ELEMENT_F32 ? 4 : 1;
  bnc_file_taps taps;
  if (op->kind == BNC_OP_GATHER) {
    memcpy(&taps, f->constants.data + op->table[0].offset, sizeof taps);
    return (uint64_t)taps.taps * op->in[0].cols * element;
  }
  for (int i = 0; i < BNC_OP_OUTPUTS; i++)
    if (op->out[i].space != BNC_SPACE_NONE) return (uint64_t)op->out[i].rows * op->out[i].cols * element;
  return 0;
}

/* Keys and values of `rows` rows of one layer. */
static uint64_t cache_bytes(const bnc_file_meta *m, uint64_t rows) {
  const uint64_t scales = m->kv_dtype == BNC_KV_INT8 ? sizeof(float) : 0;
  return 2 * rows * m->kv_heads * (m->head_dim * bnc_kv_element_bytes(m->kv_dtype) + scales);
}

static uint64_t macs_of(const bnc_program *program, const bnc_file_op *op, uint64_t rows, uint64_t position) {
  const bnc_operand *y = &op->out[0];
  if (op->kind == BNC_OP_CACHE_ATTENTION) {
    const uint64_t queries = rows_of(&op->in[0], rows), last = position + rows;
    return 2 * op->in[0].cols * (queries * last - queries * (queries - 1) / 2);
  }
  if (!y->varying || program->head->input.rows == 0) return op->macs;
  return op->macs / program->head->input.rows * rows;
}

bnc_op_cost bnc_op_cost_of(const bnc_model_file *f, bnc_program_id id, uint32_t index, uint64_t rows, uint64_t position) {
  const bnc_program *program = &f->program[id];
  const bnc_file_op *op = &program->op[index];
  bnc_op_cost c = {.macs = macs_of(program, op, rows, position), .stored = bnc_op_weight_bytes(f, op)};
  const bool picks = op->kind == BNC_OP_GATHER || op->kind == BNC_OP_PATCHES || op->kind == BNC_OP_PATCHES_U8;
  if (op->kind == BNC_OP_CACHE_ATTENTION) c.stored = cache_bytes(&f->meta, position + rows);
  c.bytes = c.stored + (picks ? picked_bytes(f, op) : 0);
  if (op->kind == BNC_OP_KV_APPEND) c.bytes += cache_bytes(&f->meta, rows);
  for (int i = 0; i < BNC_OP_INPUTS; i++)
    if (i > 0 || !picks) c.bytes += op->kind == BNC_OP_LAST_ROW ? (i == 0 ? 4ull * op->in[0].cols : 0) : value_bytes(&op->in[i], rows);
  for (int i = 0; i < BNC_OP_OUTPUTS; i++) c.bytes += value_bytes(&op->out[i], rows);
  return c;
}
