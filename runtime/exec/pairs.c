/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec/pairs.h"

#include <stdatomic.h>
#include <string.h>

typedef struct pair_job {
  bnc_matmul_i8_fn *multiply;
  bnc_attention_rows_i8_fn *attend;
  bnc_matmul_i8_args third[3];   /* the first head's columns of queries, keys and values */
  bnc_attention_args attention;  /* of one head */
  size_t rows, size, laid_bytes; /* of a head: its columns, and those laid out */
  uint8_t *scratch;
  size_t scratch_bytes;
  const bnc_tick_clock *clock; /* NULL: nobody asks */
  _Atomic uint64_t layer_ns, all_ns;
} pair_job;

/* Queries, keys and values of a head: [rows, 3, size]. They lie in front of what the kernels take. */
static size_t between_bytes(size_t rows, size_t size) { return rows * 3 * size * sizeof(float); }

static void run_head(pair_job *job, size_t head, uint8_t *scratch) {
  float *between = (float *)(void *)scratch;
  uint8_t *rest = scratch + between_bytes(job->rows, job->size);
  const uint64_t begin = job->clock ? bnc_tick_clock_ns(job->clock) : 0;
  for (size_t p = 0; p < 3; p++) {
    bnc_matmul_i8_args args = job->third[p];
    const size_t column = head * job->size;
    args.w += column * args.k;
    args.scale += column;
    if (args.bias) args.bias += column;
    if (args.laid) args.laid += head * job->laid_bytes;
    args.y = between + p * job->size;
    job->multiply(&args, 0, bnc_matmul_i8_items(job->size), rest);
  }
  const uint64_t middle = job->clock ? bnc_tick_clock_ns(job->clock) : 0;
  bnc_attention_args a = job->attention;
  a.q = between;
  a.k = between + job->size;
  a.v = between + 2 * job->size;
  a.out += head * job->size;
  job->attend(&a, 0, 0, job->rows, rest);
  if (!job->clock) return;
  atomic_fetch_add_explicit(&job->layer_ns, middle - begin, memory_order_relaxed);
  atomic_fetch_add_explicit(&job->all_ns, bnc_tick_clock_ns(job->clock) - begin, memory_order_relaxed);
}

static void run_heads(void *context, size_t thread, size_t from, size_t to) {
  pair_job *job = context;
  for (size_t head = from; head < to; head++) run_head(job, head, job->scratch + thread * job->scratch_bytes);
}

uint64_t bnc_pair_scratch(const bnc_file_op *attention) {
  const size_t rows = attention->in[0].rows, size = attention->in[0].cols / attention->attr.attention.heads;
  const uint64_t layer = BNC_MATMUL_SCRATCH, attend = bnc_attention_scratch(1, 1, size, rows);
  return between_bytes(rows, size) + (layer > attend ? layer : attend);
}

bnc_status bnc_run_pair(const bnc_op_run *run, const bnc_tick_clock *clock, double *share) {
  bnc_executor *ex = run->ex;
  bnc_op_run behind = *run;
  behind.op = run->op + 1;
  const bnc_file_op *attention = behind.op;
  const uint32_t heads = attention->attr.attention.heads;
  const size_t rows = bnc_run_rows(run, &run->op->in[0]), size = attention->in[0].cols / heads;
  bnc_pool_set_rows(ex->pool, run->rows);
  bnc_matmul_i8_args layer = bnc_run_i8_args(run, 0, rows);
  memcpy(ex->params, layer.params, rows * sizeof *ex->params);
  layer.params = ex->params;
  layer.n = size;
  layer.y_stride = 3 * size;
  pair_job job = {.multiply = ex->kernels->matmul.i8,
                  .attend = ex->kernels->attention.rows_i8,
                  .attention = {.heads = 1,
                                .kv_heads = 1,
                                .head_size = size,
                                .keys = rows,
                                .scale = attention->attr.attention.scale,
                                .out = bnc_run_out(&behind, 0),
                                .q_stride = 3 * size,
                                .k_stride = 3 * size,
                                .v_stride = 3 * size,
                                .out_stride = attention->out[0].stride},
                  .rows = rows,
                  .size = size,
                  .laid_bytes = size / BNC_TILES_ROWS * bnc_matmul_laid_slab(layer.k),
                  .scratch = ex->scratch,
                  .scratch_bytes = ex->scratch_bytes,
                  .clock = clock};
  for (size_t p = 0; p < 3; p++) {
    job.third[p] = layer;
    job.third[p].w += p * heads * size * layer.k;
    job.third[p].scale += p * heads * size;
    if (layer.bias) job.third[p].bias += p * heads * size;
    if (layer.laid) job.third[p].laid += p * heads * job.laid_bytes;
  }
  bnc_pool_run_threads(ex->pool, run_heads, &job, heads, 1);
  if (clock) *share = job.all_ns ? (double)job.layer_ns / (double)job.all_ns : 0.0;
  return BNC_OK;
}
