/* SPDX-License-Identifier: Apache-2.0 */
/* Ops that work row by row: norms, sums, activations, quantisation, gathers. Threads share the rows. */
#include <string.h>

#include "runtime/exec/executor_private.h"

typedef struct norm_job {
  bnc_layer_norm_f32_fn *kernel; /* all norm kernels have this type's arguments */
  bnc_norm_args args;
} norm_job;
static void run_norm_rows(void *context, size_t from, size_t to) {
  const norm_job *j = context;
  j->kernel(&j->args, from, to);
}

typedef struct quantize_job {
  bnc_quantize_qd8_fn *kernel;
  bnc_quantize_args args;
} quantize_job;
static void run_quantize_rows(void *context, size_t from, size_t to) {
  const quantize_job *j = context;
  j->kernel(&j->args, from, to);
}

static void quantize(const bnc_op_run *r, const float *x, size_t x_stride, const bnc_operand *out) {
  size_t rows = bnc_run_rows(r, out);
  quantize_job job = {
      r->ex->kernels->quantize.qd8,
      {.cols = out->cols, .x = x, .q = bnc_run_qd8(r, out), .params = bnc_run_params(r, out), .x_stride = x_stride, .q_stride = out->cols}};
  bnc_pool_run(r->ex->pool, run_quantize_rows, &job, rows, bnc_run_grain(out->cols));
  bnc_qd8_pad(job.args.params, rows);
}

static void norm(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  const bnc_norm_ops *k = &r->ex->kernels->norm;
  bool layer = op->kind == BNC_OP_LAYER_NORM || op->kind == BNC_OP_ADD_LAYER_NORM;
  bool sums = op->kind == BNC_OP_ADD_LAYER_NORM || op->kind == BNC_OP_ADD_RMS_NORM;
  int parameters = sums ? 2 : 1, outputs = sums ? 1 : 0;
  const bnc_operand *f = &op->out[outputs], *q = &op->out[outputs + 1];
  size_t rows = bnc_run_rows(r, &op->in[0]);
  norm_job job = {.args = {.cols = op->in[0].cols,
                           .eps = op->f[0],
                           .x = bnc_run_in(r, 0),
                           .x_stride = op->in[0].stride,
                           .gamma = bnc_run_in(r, parameters)}};
  if (layer) job.args.beta = bnc_run_in(r, parameters + 1);
  if (sums) {
    job.args.add = bnc_run_in(r, 1);
    job.args.add_stride = op->in[1].stride;
    job.args.sum = bnc_run_out(r, 0);
    job.args.sum_stride = op->out[0].stride;
  }
  if (f->space != BNC_SPACE_NONE) {
    job.kernel = layer ? k->layer_f32 : k->rms_f32;
    job.args.y = bnc_run_out(r, outputs);
    job.args.y_stride = f->stride;
    bnc_pool_run(r->ex->pool, run_norm_rows, &job, rows, bnc_run_grain(job.args.cols));
    if (q->space != BNC_SPACE_NONE) quantize(r, job.args.y, f->stride, q);
    return;
  }
  if (q->space == BNC_SPACE_NONE) return;
  job.kernel = layer ? k->layer_qd8 : k->rms_qd8;
  job.args.q = bnc_run_qd8(r, q);
  job.args.params = bnc_run_params(r, q);
  job.args.q_stride = q->cols;
  bnc_pool_run(r->ex->pool, run_norm_rows, &job, rows, bnc_run_grain(job.args.cols));
  bnc_qd8_pad(job.args.params, rows);
}

typedef struct activate_job {
  bnc_gelu_f32_fn *kernel;
  bnc_activate_args args;
} activate_job;
static void run_activate_rows(void *context, size_t from, size_t to) {
  const activate_job *j = context;
  j->kernel(&j->args, from, to);
}

static void activate(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  const bnc_activate_ops *k = &r->ex->kernels->activate;
  const bnc_operand *x = &op->in[0], *f = &op->out[0], *q = &op->out[1];
  size_t rows = bnc_run_rows(r, x);
  /* The quantising kernels work in the input's place: nobody reads it afterwards (quantize_inputs fuses only then). */
  activate_job job = {.args = {.cols = x->cols, .x = (float *)(void *)(r->ex->arena + x->offset), .x_stride = x->stride}};
  if (op->kind == BNC_OP_SILU_MUL) {
    job.args.up = bnc_run_in(r, 1);
    job.args.up_stride = op->in[1].stride;
  }
  bool plain = f->space != BNC_SPACE_NONE;
  if (plain) {
    job.args.y = bnc_run_out(r, 0);
    job.args.y_stride = f->stride;
    job.kernel = op->kind == BNC_OP_GELU ? k->gelu_f32 : op->kind == BNC_OP_QUICK_GELU ? k->quick_gelu_f32 : k->silu_mul_f32;
  } else if (q->space != BNC_SPACE_NONE) {
    job.args.q = bnc_run_qd8(r, q);
    job.args.params = bnc_run_params(r, q);
    job.args.q_stride = q->cols;
    job.kernel = op->kind == BNC_OP_GELU ? k->gelu_qd8 : op->kind == BNC_OP_QUICK_GELU ? k->quick_gelu_qd8 : k->silu_mul_qd8;
  } else {
    return;
  }
  bnc_pool_run(r->ex->pool, run_activate_rows, &job, rows, bnc_run_grain(x->cols));
  if (!plain)
    bnc_qd8_pad(job.args.params, rows);
  else if (q->space != BNC_SPACE_NONE)
    quantize(r, job.args.y, f->stride, q);
}

typedef struct add_job {
  bnc_add_f32_fn *kernel;
  bnc_add_args args;
} add_job;
static void run_add_rows(void *context, size_t from, size_t to) {
  const add_job *j = context;
  j->kernel(&j->args, from, to);
}

static void add(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  add_job job = {op->kind == BNC_OP_ADD ? r->ex->kernels->add.add_f32 : r->ex->kernels->add.mean2_f32,
                 {.cols = op->out[0].cols,
                  .a = bnc_run_in(r, 0),
                  .b = bnc_run_in(r, 1),
                  .y = bnc_run_out(r, 0),
                  .a_stride = op->in[0].stride,
                  .b_stride = op->in[1].stride,
                  .y_stride = op->out[0].stride}};
  bnc_pool_run(r->ex->pool, run_add_rows, &job, bnc_run_rows(r, &op->out[0]), bnc_run_grain(op->out[0].cols));
}

typedef struct gather_job {
  bnc_gather_taps_f32_fn *kernel;
  bnc_gather_args args;
} gather_job;
static void run_take_rows(void *context, size_t from, size_t to) {
  const gather_job *j = context;
  j->kernel(&j->args, from, to);
}

static void take(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  bnc_file_taps t;
  const uint8_t *table = r->ex->file->constants.data + op->table[0].offset;
  memcpy(&t, table, sizeof t);
  const uint32_t *start = (const uint32_t *)(const void *)(table + sizeof t);
  gather_job job = {t.gather ? r->ex->kernels->gather.gather_f32 : r->ex->kernels->gather.gather_taps_f32,
                    {.cols = op->out[0].cols,
                     .x = bnc_run_in(r, 0),
                     .start = start,
                     .index = start + t.rows + 1,
                     .weight = (const float *)(const void *)(start + t.rows + 1 + t.taps),
                     .out = bnc_run_out(r, 0),
                     .x_stride = op->in[0].stride,
                     .out_stride = op->out[0].stride}};
  bnc_pool_run(r->ex->pool, run_take_rows, &job, op->out[0].rows, bnc_run_grain(op->out[0].cols));
}

static void copy(const bnc_op_run *r, const float *x) {
  const bnc_operand *out = &r->op->out[0];
  float *y = bnc_run_out(r, 0);
  size_t rows = bnc_run_rows(r, out);
  for (size_t i = 0; i < rows; i++) memmove(y + i * out->stride, x + i * r->op->in[0].stride, out->cols * sizeof *y);
}

void bnc_run_row_op(const bnc_op_run *r) {
  switch (r->op->kind) {
    case BNC_OP_LAYER_NORM:
    case BNC_OP_RMS_NORM:
    case BNC_OP_ADD_LAYER_NORM:
    case BNC_OP_ADD_RMS_NORM: norm(r); return;
    case BNC_OP_ADD:
    case BNC_OP_MEAN: add(r); return;
    case BNC_OP_GELU:
    case BNC_OP_QUICK_GELU:
    case BNC_OP_SILU_MUL: activate(r); return;
    case BNC_OP_QUANTIZE: quantize(r, bnc_run_in(r, 0), r->op->in[0].stride, &r->op->out[0]); return;
    case BNC_OP_GATHER: take(r); return;
    case BNC_OP_COPY: copy(r, bnc_run_in(r, 0)); return;
    case BNC_OP_LAST_ROW: copy(r, bnc_run_in(r, 0) + (r->rows - 1) * r->op->in[0].stride); return;
    default: return;
  }
}
