/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over the values of a program or over the KV cache: threads share pairs of a key head and a block of query rows. */
#include <math.h>

#include "runtime/exec/executor_private.h"

#define SHARED_PRODUCTS (1u << 19) /* with less to do, one thread is done before a second is awake */

typedef struct attention_job {
  bnc_attention_rows_f32_fn *kernel;
  bnc_attention_args args;
  size_t rows, part, blocks;
  size_t first; /* item of this round */
  uint8_t *scratch;
  size_t scratch_bytes;
} attention_job;

static void run_blocks(void *context, size_t thread, size_t from, size_t to) {
  const attention_job *j = context;
  for (size_t i = j->first + from; i < j->first + to; i++) {
    size_t first = i % j->blocks * j->part, last = first + j->part < j->rows ? first + j->part : j->rows;
    j->kernel(&j->args, i / j->blocks, first, last, j->scratch + thread * j->scratch_bytes);
  }
}

/* The job's kernel, keys and values are set already. */
static bnc_status attend(const bnc_op_run *r, attention_job *job) {
  const bnc_file_op *op = r->op;
  const bnc_operand *q = &op->in[0];
  const uint32_t heads = op->attr.attention.heads, kv_heads = op->attr.attention.kv_heads;
  bnc_attention_args *a = &job->args;
  a->heads = heads;
  a->kv_heads = kv_heads;
  a->head_size = q->cols / heads;
  a->scale = op->attr.attention.scale;
  a->q = bnc_run_in(r, 0);
  a->q_stride = q->stride;
  a->out = bnc_run_out(r, 0);
  a->out_stride = op->out[0].stride;
  job->scratch = r->ex->scratch;
  job->scratch_bytes = r->ex->scratch_bytes;
  const uint64_t macs = 2 * (uint64_t)job->rows * q->cols * a->keys;
  const size_t part = bnc_attention_part_rows(heads, kv_heads, job->rows), round_rows = bnc_round_items(job->rows, macs, r->ex->round_macs);
  job->part = part < round_rows ? part : round_rows;
  job->blocks = (job->rows + job->part - 1) / job->part;
  const size_t items = kv_heads * job->blocks;
  const size_t round = bnc_round_items(items, macs, r->ex->round_macs);
  for (; job->first < items; job->first += round) {
    const size_t count = items - job->first < round ? items - job->first : round;
    if (job->first > 0 && bnc_run_cancelled(r)) return BNC_ERROR_CANCELLED;
    bnc_pool_run_threads(r->ex->pool, run_blocks, job, count, macs / 2 < SHARED_PRODUCTS ? count : 1);
  }
  return BNC_OK;
}

bnc_status bnc_run_attention(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  const bnc_attention_ops *kernels = &r->ex->kernels->attention;
  attention_job job = {.rows = bnc_run_rows(r, &op->in[0]),
                       .args = {.keys = op->in[1].rows,
                                .k = bnc_run_in(r, 1),
                                .v = bnc_run_in(r, 2),
                                .k_stride = op->in[1].stride,
                                .v_stride = op->in[2].stride}};
  switch (op->kind) {
    case BNC_OP_ATTENTION: job.kernel = r->ex->attends_in_bf16 ? kernels->rows_bf16 : kernels->rows_f32; break;
    case BNC_OP_ATTENTION_I8: job.kernel = kernels->rows_i8; break;
    default: return BNC_ERROR_INTERNAL;
  }
  return attend(r, &job);
}

bnc_status bnc_run_cache_attention(const bnc_op_run *r) {
  const bnc_attention_ops *kernels = &r->ex->kernels->attention;
  attention_job job = {.rows = bnc_run_rows(r, &r->op->in[0]),
                       .args = {.cache = r->ex->cache[r->op->attr.attention.layer], .keys = r->position + r->rows, .causal = true}};
  job.args.position = r->position + r->rows - job.rows; /* a pruned last layer asks for the last row alone */
  switch (r->ex->file->meta.kv_dtype) {
    case BNC_KV_F32: job.kernel = kernels->cache_f32; break;
    case BNC_KV_F16: job.kernel = kernels->cache_f16; break;
    case BNC_KV_INT8: job.kernel = kernels->cache_i8; break;
    default: return BNC_ERROR_INTERNAL;
  }
  return attend(r, &job);
}

void bnc_rope_tables_reach(bnc_executor *ex, size_t rows) {
  const bnc_file_meta *m = &ex->file->meta;
  const size_t half = m->head_dim / 2;
  const float *frequency = (const float *)(const void *)(ex->file->constants.data + (size_t)m->rope_frequencies * BNC_FORMAT_ALIGNMENT);
  for (; ex->rope_rows < rows; ex->rope_rows++)
    for (size_t i = 0; i < half; i++) {
      const float angle = (float)ex->rope_rows * frequency[i]; /* the reference multiplies in float */
      ex->rope_cos[ex->rope_rows * half + i] = (float)cos((double)angle);
      ex->rope_sin[ex->rope_rows * half + i] = (float)sin((double)angle);
    }
}

BNC_ROWS_JOB(rope, bnc_rope_f32_fn, bnc_rope_args)

bnc_status bnc_run_rope(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  const bnc_operand *x = &op->in[0], *y = &op->out[0];
  size_t rows = bnc_run_rows(r, x);
  const float *from = bnc_run_in(r, 0);
  float *to = bnc_run_out(r, 0);
  if (from != to)
    for (size_t i = 0; i < rows; i++)
      for (size_t c = 0; c < x->cols; c++) to[i * y->stride + c] = from[i * x->stride + c];
  rope_job job = {r->ex->kernels->rope.f32,
                  {.heads = op->attr.rope.heads,
                   .head_size = x->cols / op->attr.rope.heads,
                   .x = to,
                   .x_stride = y->stride,
                   .cos = r->ex->rope_cos,
                   .sin = r->ex->rope_sin,
                   .position = r->position + r->rows - rows}};
  bnc_pool_run(r->ex->pool, rope_rows, &job, rows, bnc_run_grain(x->cols));
  return BNC_OK;
}

BNC_ROWS_JOB(append, bnc_kv_append_f32_fn, bnc_kv_append_args)

bnc_status bnc_run_kv_append(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  const bnc_kv_append_ops *kernels = &r->ex->kernels->kv_append;
  append_job job = {.args = {.cache = r->ex->cache[op->attr.kv_append.layer],
                             .k = bnc_run_in(r, 0),
                             .v = bnc_run_in(r, 1),
                             .k_stride = op->in[0].stride,
                             .v_stride = op->in[1].stride,
                             .position = r->position}};
  switch (r->ex->file->meta.kv_dtype) {
    case BNC_KV_F32: job.kernel = kernels->f32; break;
    case BNC_KV_F16: job.kernel = kernels->f16; break;
    case BNC_KV_INT8: job.kernel = kernels->i8; break;
    default: return BNC_ERROR_INTERNAL;
  }
  bnc_pool_run(r->ex->pool, append_rows, &job, r->rows, bnc_run_grain(op->in[0].cols));
  return BNC_OK;
}
