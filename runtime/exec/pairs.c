/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec/pairs.h"

#include <stdatomic.h>
#include <string.h>

#include "platforms/base/mem.h"

/* Bytes of the arena. */
typedef struct span {
  uint64_t from, to;
} span;

static span span_of(const bnc_operand *o) {
  const bool there = o->space == BNC_SPACE_ARENA;
  return (span){there ? o->offset : 0, there ? o->offset + bnc_operand_bytes(o) : 0};
}

/* Rows of it lie so close together that nothing else lies between them. */
static bool is_whole(const bnc_operand *o) {
  return o->element != BNC_ELEMENT_F32 || o->stride - o->cols < 2 * BNC_ALIGNMENT / sizeof(float);
}

enum { MOST_SPANS = 8 };

/* What is left of a value that ops write over, bit by bit. */
typedef struct remains {
  span left[MOST_SPANS];
  size_t count;
} remains;

static bool touches(const remains *r, const bnc_operand *o) {
  const span s = span_of(o);
  for (size_t i = 0; i < r->count; i++)
    if (s.from < r->left[i].to && r->left[i].from < s.to) return true;
  return false;
}

/* What finds no room for a piece more keeps all of it: it is then taken for read where it is not. */
static void write_over(remains *r, const bnc_operand *o) {
  const span s = span_of(o);
  if (!is_whole(o)) return;
  for (size_t i = 0; i < r->count; i++) {
    span *left = &r->left[i];
    if (s.to <= left->from || left->to <= s.from) continue;
    const span front = {left->from, s.from}, back = {s.to, left->to};
    const bool keeps_front = front.from < front.to, keeps_back = back.from < back.to;
    if (keeps_front && keeps_back) {
      if (r->count == MOST_SPANS) continue;
      *left = front;
      r->left[r->count++] = back;
    } else if (keeps_front || keeps_back) {
      *left = keeps_front ? front : back;
    } else {
      *left = r->left[--r->count];
      i--; /* what came here is yet to be looked at */
    }
  }
}

static bool is_probed(const bnc_program *program, uint32_t i, const remains *r) {
  for (uint32_t p = 0; p < program->head->probes; p++)
    if (program->probe[p].op == i && touches(r, &program->probe[p].value)) return true;
  return false;
}

/* Whether an op behind op i + 1, a probe or the program's caller reads what op i wrote. */
static bool is_read_later(const bnc_program *program, uint32_t i) {
  remains r = {{span_of(&program->op[i].out[0])}, 1};
  for (uint32_t k = i; k < program->head->ops && r.count; k++) {
    const bnc_file_op *op = &program->op[k];
    for (size_t in = 0; k > i + 1 && in < BNC_OP_INPUTS; in++)
      if (touches(&r, &op->in[in])) return true;
    for (size_t out = 0; k > i && out < BNC_OP_OUTPUTS; out++) write_over(&r, &op->out[out]);
    if (is_probed(program, k, &r)) return true;
  }
  return touches(&r, &program->head->output);
}

/* The three inputs are the layer's columns, all of them, in this order. */
static bool are_thirds(const bnc_operand *all, const bnc_operand *in) {
  for (uint64_t p = 0; p < 3; p++)
    if (in[p].space != BNC_SPACE_ARENA || in[p].rows != all->rows || in[p].varying != all->varying || in[p].stride != all->stride ||
        3 * (uint64_t)in[p].cols != all->cols || in[p].offset != all->offset + p * in[p].cols * sizeof(float))
      return false;
  return true;
}

/* As many heads for each thread, or so many that one more for some is little. */
static bool shares(uint32_t heads, size_t threads) {
  const size_t rounds = (heads + threads - 1) / threads;
  return 8 * rounds * threads <= 9 * (size_t)heads;
}

static bool is_pair(const bnc_executor *ex, bnc_program_id id, uint32_t i) {
  const bnc_program *program = &ex->file->program[id];
  if (i + 1 >= program->head->ops) return false;
  const bnc_file_op *linear = &program->op[i], *attention = &program->op[i + 1];
  if (attention->kind != BNC_OP_ATTENTION_I8 || !bnc_op_is_own(ex, linear)) return false;
  const bnc_file_weight *w = &ex->file->weight[linear->weight];
  const uint32_t heads = attention->attr.attention.heads, size = attention->in[0].cols / heads;
  const size_t rows = linear->out[0].rows;
  return w->dtype == BNC_WEIGHT_QC8 && linear->attr.linear.count == w->n && heads == attention->attr.attention.kv_heads &&
         size % BNC_I8_COLUMNS == 0 && rows <= bnc_attention_most_rows(1, 1) && are_thirds(&linear->out[0], attention->in) &&
         bnc_matmul_tiles_bytes(ex->kernels->level, rows, w->k) > 0 && linear->macs + attention->macs <= ex->round_macs &&
         linear->macs / heads >= BNC_SHARED_MACS && shares(heads, bnc_pool_threads(ex->pool)) && !is_read_later(program, i);
}

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

bnc_status bnc_pairs_create(bnc_executor *ex, bnc_error *err) {
  size_t rows = 0;
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) {
    const bnc_program *program = &ex->file->program[id];
    if (!program->head) continue;
    ex->pair_of[id] = bnc_mem_array((size_t)program->head->ops + 1, 1);
    if (!ex->pair_of[id]) return bnc_fail_memory(err, program->head->ops);
    for (uint32_t i = 0; i < program->head->ops; i++) {
      ex->pair_of[id][i] = is_pair(ex, id, i);
      if (ex->pair_of[id][i] && program->op[i].out[0].rows > rows) rows = program->op[i].out[0].rows;
    }
  }
  if (rows) ex->params = bnc_mem_array(rows, sizeof *ex->params);
  return rows && !ex->params ? bnc_fail_memory(err, rows * sizeof *ex->params) : BNC_OK;
}

void bnc_pairs_destroy(bnc_executor *ex) {
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) bnc_mem_free(ex->pair_of[id]);
  bnc_mem_free(ex->params);
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
  bnc_matmul_i8_args layer = bnc_run_i8_begin(run, 0, rows);
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
                  .laid_bytes = bnc_matmul_i8_laid_bytes(ex->kernels->level, rows, layer.k, size),
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
  bnc_run_i8_end(run, &layer);
  if (clock) *share = job.all_ns ? (double)job.layer_ns / (double)job.all_ns : 0.0;
  return BNC_OK;
}
