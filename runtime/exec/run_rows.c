/* SPDX-License-Identifier: Apache-2.0 */
/* Ops that work row by row: norms, sums, activations, quantisation, gathers, copies. Threads share the rows. */
#include <string.h>

#include "runtime/exec/straight.h"

/* qd8 rows to where the next op finds them. */
#define RUN_TO_QD8(r, name, job, out)                                                                                                      \
  do {                                                                                                                                     \
    const size_t rows_ = bnc_run_rows(r, out);                                                                                             \
    if (bnc_is_straight(r, out)) {                                                                                                         \
      name##_straight_job straight_ = {job, bnc_straight_of(r, out)};                                                                      \
      bnc_pool_run_threads((r)->ex->pool, name##_blocks, &straight_, bnc_matmul_tiles_blocks(rows_), bnc_straight_grain(out));             \
    } else {                                                                                                                               \
      bnc_pool_run((r)->ex->pool, name##_rows, &(job), rows_, bnc_run_grain((out)->cols));                                                 \
    }                                                                                                                                      \
    bnc_qd8_pad((job).args.params, rows_);                                                                                                 \
  } while (0)

BNC_ROWS_JOB(quantize, bnc_quantize_qd8_fn, bnc_quantize_args)
static void move_quantize(bnc_quantize_args *a, size_t row) { a->x += row * a->x_stride; }
BNC_STRAIGHT_JOB(quantize, move_quantize)

static void quantize(const bnc_op_run *r, const float *x, size_t x_stride, const bnc_operand *out) {
  quantize_job job = {
      r->ex->kernels->quantize.qd8,
      {.cols = out->cols, .x = x, .q = bnc_run_qd8(r, out), .params = bnc_run_params(r, out), .x_stride = x_stride, .q_stride = out->cols}};
  RUN_TO_QD8(r, quantize, job, out);
}

bnc_status bnc_run_quantize(const bnc_op_run *r) {
  quantize(r, bnc_run_in(r, 0), r->op->in[0].stride, &r->op->out[0]);
  return BNC_OK;
}

BNC_ROWS_JOB(norm, bnc_layer_norm_f32_fn, bnc_norm_args)
static void move_norm(bnc_norm_args *a, size_t row) {
  a->x += row * a->x_stride;
  if (!a->add) return;
  a->add += row * a->add_stride;
  a->sum += row * a->sum_stride;
}
BNC_STRAIGHT_JOB(norm, move_norm)

/* All norm kernels have one type. Where a sum goes with the norm, it comes first among inputs and results. */
bnc_status bnc_run_norm(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  const bnc_norm_ops *k = &r->ex->kernels->norm;
  const bool sums = bnc_op_info_of(op->kind)->out[0] == BNC_ROLE_SUM;
  const bool layer = op->kind == BNC_OP_LAYER_NORM || op->kind == BNC_OP_ADD_LAYER_NORM;
  if (!layer && op->kind != BNC_OP_RMS_NORM && op->kind != BNC_OP_ADD_RMS_NORM) return BNC_ERROR_INTERNAL;
  const int parameters = sums ? 2 : 1, outputs = sums ? 1 : 0;
  const bnc_operand *f = &op->out[outputs], *q = &op->out[outputs + 1];
  size_t rows = bnc_run_rows(r, &op->in[0]);
  norm_job job = {.args = {.cols = op->in[0].cols,
                           .eps = op->attr.norm.eps,
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
    bnc_pool_run(r->ex->pool, norm_rows, &job, rows, bnc_run_grain(job.args.cols));
    if (q->space != BNC_SPACE_NONE) quantize(r, job.args.y, f->stride, q);
    return BNC_OK;
  }
  if (q->space == BNC_SPACE_NONE) return BNC_OK;
  job.kernel = layer ? k->layer_qd8 : k->rms_qd8;
  job.args.q = bnc_run_qd8(r, q);
  job.args.params = bnc_run_params(r, q);
  job.args.q_stride = q->cols;
  RUN_TO_QD8(r, norm, job, q);
  return BNC_OK;
}

BNC_ROWS_JOB(activate, bnc_gelu_f32_fn, bnc_activate_args)
static void move_activate(bnc_activate_args *a, size_t row) {
  a->x += row * a->x_stride;
  if (a->up) a->up += row * a->up_stride;
}
BNC_STRAIGHT_JOB(activate, move_activate)

/* All activation kernels have one type. */
static bnc_gelu_f32_fn *activation(const bnc_activate_ops *k, uint32_t kind, bool quantizes) {
  switch (kind) {
    case BNC_OP_GELU: return quantizes ? k->gelu_qd8 : k->gelu_f32;
    case BNC_OP_QUICK_GELU: return quantizes ? k->quick_gelu_qd8 : k->quick_gelu_f32;
    case BNC_OP_SILU_MUL: return quantizes ? k->silu_mul_qd8 : k->silu_mul_f32;
    default: return NULL;
  }
}

bnc_status bnc_run_activate(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  const bnc_operand *x = &op->in[0], *up = &op->in[1], *f = &op->out[0], *q = &op->out[1];
  const bool plain = f->space != BNC_SPACE_NONE;
  /* The quantising kernels work in the input's place: nobody reads it afterwards (quantize_inputs fuses only then). */
  activate_job job = {activation(&r->ex->kernels->activate, op->kind, !plain),
                      {.cols = x->cols, .x = (float *)(void *)(r->arena + x->offset), .x_stride = x->stride}};
  if (!job.kernel) return BNC_ERROR_INTERNAL;
  if (up->space != BNC_SPACE_NONE) {
    job.args.up = bnc_run_in(r, 1);
    job.args.up_stride = up->stride;
  }
  if (plain) {
    job.args.y = bnc_run_out(r, 0);
    job.args.y_stride = f->stride;
  } else if (q->space != BNC_SPACE_NONE) {
    job.args.q = bnc_run_qd8(r, q);
    job.args.params = bnc_run_params(r, q);
    job.args.q_stride = q->cols;
  } else {
    return BNC_OK;
  }
  if (!plain) {
    RUN_TO_QD8(r, activate, job, q);
    return BNC_OK;
  }
  bnc_pool_run(r->ex->pool, activate_rows, &job, bnc_run_rows(r, x), bnc_run_grain(x->cols));
  if (q->space != BNC_SPACE_NONE) quantize(r, job.args.y, f->stride, q);
  return BNC_OK;
}

BNC_ROWS_JOB(add, bnc_add_f32_fn, bnc_add_args)

bnc_status bnc_run_add(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  const bnc_operand *y = &op->out[0];
  add_job job = {.args = {.cols = y->cols,
                          .a = bnc_run_in(r, 0),
                          .b = bnc_run_in(r, 1),
                          .y = bnc_run_out(r, 0),
                          .a_stride = op->in[0].stride,
                          .b_stride = op->in[1].stride,
                          .y_stride = y->stride}};
  switch (op->kind) {
    case BNC_OP_ADD: job.kernel = r->ex->kernels->add.add_f32; break;
    case BNC_OP_MEAN: job.kernel = r->ex->kernels->add.mean2_f32; break;
    default: return BNC_ERROR_INTERNAL;
  }
  bnc_pool_run(r->ex->pool, add_rows, &job, bnc_run_rows(r, y), bnc_run_grain(y->cols));
  return BNC_OK;
}

BNC_ROWS_JOB(hadamard, bnc_hadamard_f32_fn, bnc_hadamard_args)

bnc_status bnc_run_hadamard(const bnc_op_run *r) {
  const bnc_operand *x = &r->op->in[0], *y = &r->op->out[0];
  hadamard_job job = {r->ex->kernels->hadamard.f32,
                      {.cols = x->cols,
                       .mixed = r->op->in[1].rows,
                       .mix = bnc_run_in(r, 1),
                       .x = bnc_run_in(r, 0),
                       .y = bnc_run_out(r, 0),
                       .x_stride = x->stride,
                       .y_stride = y->stride}};
  bnc_pool_run(r->ex->pool, hadamard_rows, &job, bnc_run_rows(r, y), bnc_run_grain(y->cols));
  return BNC_OK;
}

BNC_ROWS_JOB(gather, bnc_gather_taps_f32_fn, bnc_gather_args)

bnc_status bnc_run_gather(const bnc_op_run *r) {
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
  const size_t rows = op->out[0].rows, cols = op->out[0].cols;
  const size_t round = bnc_round_items(rows, (uint64_t)t.taps * cols, r->ex->round_macs / BNC_SLOW_MACS);
  for (size_t done = 0; done < rows; done += round) {
    if (done > 0 && bnc_run_cancelled(r)) return BNC_ERROR_CANCELLED;
    bnc_pool_run(r->ex->pool, gather_rows, &job, rows - done < round ? rows - done : round, bnc_run_grain(cols));
    job.args.start += round;
    job.args.out += round * job.args.out_stride;
  }
  return BNC_OK;
}

static bnc_status copy(const bnc_op_run *r, size_t first) {
  const bnc_operand *in = &r->op->in[0], *out = &r->op->out[0];
  const float *x = bnc_run_in(r, 0) + first * in->stride;
  float *y = bnc_run_out(r, 0);
  size_t rows = bnc_run_rows(r, out);
  for (size_t i = 0; i < rows; i++) memmove(y + i * out->stride, x + i * in->stride, out->cols * sizeof *y);
  return BNC_OK;
}

bnc_status bnc_run_copy(const bnc_op_run *r) { return copy(r, 0); }
bnc_status bnc_run_last_row(const bnc_op_run *r) { return copy(r, r->rows - 1); }
