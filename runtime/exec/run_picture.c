/* SPDX-License-Identifier: Apache-2.0 */
/* From pixels to patches. */
#include <string.h>

#include "runtime/exec/executor_private.h"

typedef struct table {
  const uint32_t *start, *index;
  const float *weight;
  size_t rows, in_rows;
} table;

static table read_table(const bnc_op_run *r, int i) {
  bnc_file_taps t;
  const uint8_t *at = r->ex->file->constants.data + r->op->table[i].offset;
  memcpy(&t, at, sizeof t);
  const uint32_t *start = (const uint32_t *)(const void *)(at + sizeof t);
  return (table){start, start + t.rows + 1, (const float *)(const void *)(start + t.rows + 1 + t.taps), t.rows, t.in_rows};
}

typedef struct normalize_job {
  const uint8_t *x;
  const float *lut; /* [3][256] */
  float *y;
  size_t y_stride;
} normalize_job;
static void normalize_pixels(void *context, size_t from, size_t to) {
  const normalize_job *j = context;
  for (size_t i = from; i < to; i++)
    for (size_t c = 0; c < 3; c++) j->y[i * j->y_stride + c] = j->lut[c * 256 + j->x[i * 3 + c]];
}

/* Separable taps: along x within each source row that an output row needs, then along y: PyTorch's order. */
typedef struct resample_job {
  table y, x;
  const float *in;
  float *out;
  size_t in_stride, out_stride, cols;
  size_t first; /* pixel of this round */
} resample_job;

static float resample_value(const resample_job *j, size_t r, size_t q, size_t c) {
  float sum = 0.0f;
  for (uint32_t a = j->y.start[r]; a < j->y.start[r + 1]; a++) {
    float line = 0.0f;
    const float *row = j->in + (size_t)j->y.index[a] * j->x.in_rows * j->in_stride + c;
    for (uint32_t b = j->x.start[q]; b < j->x.start[q + 1]; b++) line += j->x.weight[b] * row[j->x.index[b] * j->in_stride];
    sum += j->y.weight[a] * line;
  }
  return sum;
}

static void resample_pixels(void *context, size_t from, size_t to) {
  const resample_job *j = context;
  for (size_t i = j->first + from; i < j->first + to; i++)
    for (size_t c = 0; c < j->cols; c++) j->out[i * j->out_stride + c] = resample_value(j, i / j->x.rows, i % j->x.rows, c);
}

BNC_ROWS_JOB(patches, bnc_patches_u8_fn, bnc_patches_args)

bnc_status bnc_run_patches(const bnc_op_run *r) {
  enum { GRAIN = 32 };
  const bnc_file_op *op = r->op;
  const bnc_patches_ops *k = &r->ex->kernels->patches;
  const bnc_operand *f = &op->out[0], *q = &op->out[1];
  const table y = read_table(r, 0), x = read_table(r, 1);
  const size_t pixel = op->in[0].stride, patch = op->attr.patches.patch, grid = y.rows / patch;
  patches_job job = {
      .args = {
          .side = y.rows, .patch = patch, .y = y.index, .x = x.index, .y_stride = pixel * x.in_rows, .x_stride = pixel, .c_stride = 1}};
  const bool u8 = op->in[0].element == BNC_ELEMENT_U8;
  if (u8) {
    const float *lut = bnc_run_in(r, 1);
    job.args.u8 = bnc_run_bytes(r, &op->in[0]);
    memcpy(&job.args.lut, &lut, sizeof lut); /* gcc's -Wcast-qual misreads a cast to a pointer to const arrays */
  } else {
    job.args.f32 = bnc_run_in(r, 0);
  }
  if (f->space != BNC_SPACE_NONE) {
    job.kernel = u8 ? k->u8 : k->f32;
    job.args.out = bnc_run_out(r, 0);
    job.args.out_stride = f->stride;
    bnc_pool_run(r->ex->pool, patches_rows, &job, grid * grid, GRAIN);
  }
  if (q->space == BNC_SPACE_NONE) return BNC_OK;
  job.kernel = k->qd8;
  job.args.q = bnc_run_qd8(r, q);
  job.args.params = bnc_run_params(r, q);
  job.args.q_stride = q->cols;
  bnc_pool_run(r->ex->pool, patches_rows, &job, grid * grid, GRAIN);
  bnc_qd8_pad(job.args.params, grid * grid);
  return BNC_OK;
}

bnc_status bnc_run_normalize(const bnc_op_run *r) {
  const bnc_operand *y = &r->op->out[0];
  normalize_job job = {bnc_run_bytes(r, &r->op->in[0]), bnc_run_in(r, 1), bnc_run_out(r, 0), y->stride};
  bnc_pool_run(r->ex->pool, normalize_pixels, &job, y->rows, 4096);
  return BNC_OK;
}

bnc_status bnc_run_resample(const bnc_op_run *r) {
  const bnc_operand *x = &r->op->in[0], *y = &r->op->out[0];
  resample_job job = {read_table(r, 0), read_table(r, 1), bnc_run_in(r, 0), bnc_run_out(r, 0), x->stride, y->stride, x->cols, 0};
  const size_t pixels = job.y.rows * job.x.rows;
  const bnc_op_sizes sizes = {.cols = x->cols, .taps = {job.y.start[job.y.rows], job.x.start[job.x.rows]}};
  const size_t round = bnc_round_items(pixels, bnc_op_macs(BNC_OP_RESAMPLE, &sizes), r->ex->round_macs / BNC_SLOW_MACS);
  for (; job.first < pixels; job.first += round) {
    if (job.first > 0 && bnc_run_cancelled(r)) return BNC_ERROR_CANCELLED;
    bnc_pool_run(r->ex->pool, resample_pixels, &job, pixels - job.first < round ? pixels - job.first : round, 4 * job.x.rows);
  }
  return BNC_OK;
}
