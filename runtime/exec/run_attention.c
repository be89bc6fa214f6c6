/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over the values of a program or over the KV cache: threads share pairs of a key head and a block of query rows. */
#include "runtime/exec/executor_private.h"

#define SHARED_PRODUCTS (1u << 19) /* with less to do, one thread is done before a second is awake */

typedef struct attention_job {
  bnc_attention_rows_f32_fn *kernel;
  bnc_attention_args args;
  size_t rows, part, blocks;
  uint8_t *scratch;
  size_t scratch_bytes;
} attention_job;

static void run_blocks(void *context, size_t thread, size_t from, size_t to) {
  const attention_job *j = context;
  for (size_t i = from; i < to; i++) {
    size_t first = i % j->blocks * j->part, last = first + j->part < j->rows ? first + j->part : j->rows;
    j->kernel(&j->args, i / j->blocks, first, last, j->scratch + thread * j->scratch_bytes);
  }
}

static void attention(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  const bnc_operand *q = &op->in[0];
  const bnc_attention_ops *k = &r->ex->kernels->attention;
  attention_job job = {.rows = bnc_run_rows(r, q), .scratch = r->ex->scratch, .scratch_bytes = r->ex->scratch_bytes};
  job.args = (bnc_attention_args){.heads = op->a[0],
                                  .kv_heads = op->a[1],
                                  .head_size = q->cols / op->a[0],
                                  .scale = op->f[0],
                                  .q = bnc_run_in(r, 0),
                                  .q_stride = q->stride,
                                  .out = bnc_run_out(r, 0),
                                  .out_stride = op->out[0].stride};
  if (op->kind != BNC_OP_CACHE_ATTENTION) {
    job.kernel = op->kind == BNC_OP_ATTENTION ? k->rows_f32 : k->rows_i8;
    job.args.keys = op->in[1].rows;
    job.args.k = bnc_run_in(r, 1);
    job.args.v = bnc_run_in(r, 2);
    job.args.k_stride = op->in[1].stride;
    job.args.v_stride = op->in[2].stride;
  } else {
    uint32_t dtype = r->ex->file->meta.kv_dtype;
    job.kernel = dtype == BNC_KV_F32 ? k->cache_f32 : dtype == BNC_KV_F16 ? k->cache_f16 : k->cache_i8;
    job.args.cache = r->ex->cache[op->a[2]];
    job.args.keys = r->position + r->rows;
    job.args.causal = true;
    job.args.position = r->position + r->rows - job.rows; /* a pruned last layer asks for the last row alone */
  }
  job.part = bnc_attention_part_rows(op->a[0], op->a[1], job.rows);
  job.blocks = (job.rows + job.part - 1) / job.part;
  size_t items = job.args.kv_heads * job.blocks;
  bool small = (uint64_t)job.rows * q->cols * job.args.keys < SHARED_PRODUCTS;
  bnc_pool_run_threads(r->ex->pool, run_blocks, &job, items, small ? items : 1);
}

typedef struct rope_job {
  bnc_rope_f32_fn *kernel;
  bnc_rope_args args;
} rope_job;
static void run_rope_rows(void *context, size_t from, size_t to) {
  const rope_job *j = context;
  j->kernel(&j->args, from, to);
}

static void rotate(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  const bnc_operand *x = &op->in[0], *y = &op->out[0];
  size_t rows = bnc_run_rows(r, x);
  const float *from = bnc_run_in(r, 0);
  float *to = bnc_run_out(r, 0);
  if (from != to)
    for (size_t i = 0; i < rows; i++)
      for (size_t c = 0; c < x->cols; c++) to[i * y->stride + c] = from[i * x->stride + c];
  rope_job job = {r->ex->kernels->rope.f32,
                  {.heads = op->a[0],
                   .head_size = x->cols / op->a[0],
                   .x = to,
                   .x_stride = y->stride,
                   .cos = r->ex->rope_cos,
                   .sin = r->ex->rope_sin,
                   .position = r->position + r->rows - rows}};
  bnc_pool_run(r->ex->pool, run_rope_rows, &job, rows, bnc_run_grain(x->cols));
}

typedef struct append_job {
  bnc_kv_append_f32_fn *kernel;
  bnc_kv_append_args args;
} append_job;
static void run_append_rows(void *context, size_t from, size_t to) {
  const append_job *j = context;
  j->kernel(&j->args, from, to);
}

static void append(const bnc_op_run *r) {
  const bnc_file_op *op = r->op;
  const bnc_kv_append_ops *k = &r->ex->kernels->kv_append;
  uint32_t dtype = r->ex->file->meta.kv_dtype;
  append_job job = {dtype == BNC_KV_F32   ? k->f32
                    : dtype == BNC_KV_F16 ? k->f16
                                          : k->i8,
                    {.cache = r->ex->cache[op->a[0]],
                     .k = bnc_run_in(r, 0),
                     .v = bnc_run_in(r, 1),
                     .k_stride = op->in[0].stride,
                     .v_stride = op->in[1].stride,
                     .position = r->position}};
  bnc_pool_run(r->ex->pool, run_append_rows, &job, r->rows, bnc_run_grain(op->in[0].cols));
}

void bnc_run_attention_op(const bnc_op_run *r) {
  switch (r->op->kind) {
    case BNC_OP_ROPE: rotate(r); return;
    case BNC_OP_KV_APPEND: append(r); return;
    default: attention(r); return;
  }
}
