/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/model/demand.h"

#include <stdio.h>

#include "runtime/model/kv_layout.h"
#include "runtime/model/op_table.h"

static double bytes_of(const bnc_file_op *op) {
  double bytes = 0;
  for (int i = 0; i < BNC_OP_INPUTS; i++)
    if (op->in[i].space != BNC_SPACE_NONE) bytes += (double)bnc_operand_bytes(&op->in[i]);
  for (int i = 0; i < BNC_OP_OUTPUTS; i++)
    if (op->out[i].space != BNC_SPACE_NONE) bytes += (double)bnc_operand_bytes(&op->out[i]);
  return bytes;
}

/* A linear layer of a slab: `share` of a run of it, which for prompts is one row's. */
static void add_linear(bnc_load *load, const bnc_model_file *f, const bnc_file_op *op, double share) {
  const bnc_file_weight *w = &f->weight[op->weight];
  const double macs = (double)op->in[0].rows * w->k * op->attr.linear.count * share;
  switch (w->dtype) {
    case BNC_WEIGHT_F32: load->f32 += macs; break;
    case BNC_WEIGHT_BF16: load->bf16 += macs; break;
    case BNC_WEIGHT_QC8: load->int8 += macs; break;
    default: load->int4 += macs; break;
  }
}

static void add_op(bnc_load *load, const bnc_model_file *f, const bnc_file_op *op, double share) {
  if (op->kind == BNC_OP_LINEAR)
    add_linear(load, f, op, share);
  else if (op->kind == BNC_OP_ATTENTION)
    load->attention_f32 += (double)op->macs * share;
  else if (op->kind == BNC_OP_ATTENTION_I8)
    load->attention_int8 += (double)op->macs * share;
  else if (op->kind != BNC_OP_CACHE_ATTENTION)
    load->moved += bytes_of(op) * share;
}

/* Slabs are disjoint, but several ops (tiles) may use one: its bytes are read for each of them, unless a cache holds them. */
static double linear_bytes(const bnc_model_file *f, const bnc_program *p) {
  double bytes = 0;
  for (uint32_t i = 0; i < p->head->ops; i++)
    if (p->op[i].kind == BNC_OP_LINEAR) {
      const bnc_file_weight *w = &f->weight[p->op[i].weight];
      bytes += (double)bnc_weight_bytes(w) * p->op[i].attr.linear.count / w->n;
    }
  return bytes;
}

static void count_text(bnc_demand *d, const bnc_model_file *f) {
  const bnc_program *prefill = &f->program[BNC_PROGRAM_PREFILL], *decode = &f->program[BNC_PROGRAM_DECODE];
  for (uint32_t i = 0; i < prefill->head->ops; i++) {
    const bnc_file_op *op = &prefill->op[i];
    if (op->out[0].varying || op->in[0].varying)
      add_op(&d->row, f, op, 1.0 / prefill->head->input.rows);
    else
      add_op(&d->prompt, f, op, 1.0);
  }
  for (uint32_t i = 0; i < decode->head->ops; i++) {
    const bnc_file_op *op = &decode->op[i];
    add_op(&d->token, f, op, 1.0);
    if (op->kind == BNC_OP_CACHE_ATTENTION) d->key_macs += 2.0 * op->in[0].cols;
  }
  d->prompt.weights = linear_bytes(f, prefill);
  d->token.weights = linear_bytes(f, decode);
  d->key_bytes = (double)bnc_kv_layout_of(&f->meta, f->meta.context).total / f->meta.context;
}

void bnc_demand_count(bnc_demand *d, const bnc_model_file *f) {
  const bnc_program *vision = &f->program[BNC_PROGRAM_VISION];
  *d = (bnc_demand){.has_vision = vision->head != NULL, .context = f->meta.context, .memory = bnc_predict_memory(f)};
  if (d->has_vision) {
    d->image_rows = f->meta.image_rows;
    for (uint32_t i = 0; i < vision->head->ops; i++) add_op(&d->picture, f, &vision->op[i], 1.0);
    d->picture.weights = linear_bytes(f, vision);
  }
  count_text(d, f);
  for (size_t i = 0; i < f->weights; i++) d->weight_bytes += bnc_weight_bytes(&f->weight[i]);
}
