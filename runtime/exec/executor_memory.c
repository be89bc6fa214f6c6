/* SPDX-License-Identifier: Apache-2.0 */
/* What a session allocates, all of it before the first run: the arena, the KV cache, rotary tables and scratch memory. */
#include <stdio.h>

#include "platforms/base/mem.h"
#include "platforms/machine/memory.h"
#include "runtime/exec/pairs.h"
#include "runtime/model/kv_layout.h"

#define ARENA_SLACK 256u /* XNNPACK's kernels may read (never write) a vector behind the last row */

/* What the programs' ops ask for: the largest of each. */
typedef struct needs {
  uint64_t arena;         /* bytes */
  uint64_t scratch, sums; /* bytes per thread; elements */
  uint64_t tiles;         /* bytes */
  bnc_kv_layout cache;
  uint64_t angles; /* elements of each rotary table */
  uint64_t kept;   /* elements, of all ops together */
} needs;

static uint64_t most(uint64_t a, uint64_t b) { return a > b ? a : b; }
static uint64_t round_up(uint64_t x, uint64_t to) { return (x + to - 1) / to * to; }

static uint64_t padded(uint64_t scratch) { return round_up(scratch, 2 * BNC_ALIGNMENT); } /* threads do not share cache lines */

static uint64_t matmul_scratch(const bnc_file_weight *w) {
  if (w->dtype == BNC_WEIGHT_F32) return BNC_FLOAT_SCRATCH;
  return w->dtype == BNC_WEIGHT_BF16 ? bnc_bf16_scratch(w->k) : BNC_MATMUL_SCRATCH;
}

/* Of an executor that is only planned, the level that it would have. */
static bnc_cpu_level level_of(const bnc_executor *ex) {
  bnc_cpu_level level;
  if (ex->kernels) return ex->kernels->level;
  return bnc_cpu_detect_level(&level, NULL) == BNC_OK ? level : BNC_CPU_SCALAR;
}

static void add_op(const bnc_executor *ex, const bnc_file_op *op, needs *n) {
  const bnc_operand *x = &op->in[0];
  if (bnc_op_is_own(ex, op)) {
    const bnc_file_weight *w = &ex->file->weight[op->weight];
    n->scratch = most(n->scratch, matmul_scratch(w));
    if (w->dtype == BNC_WEIGHT_QC8 || w->dtype == BNC_WEIGHT_QC4)
      n->tiles = most(n->tiles, bnc_matmul_tiles_bytes(level_of(ex), x->rows, w->k));
    if (w->dtype == BNC_WEIGHT_BF16) n->tiles = most(n->tiles, bnc_matmul_tiles_bf16_bytes(level_of(ex), x->rows, w->k));
    if (w->dtype == BNC_WEIGHT_QG4) n->sums = most(n->sums, (uint64_t)x->rows * (x->cols / w->group));
  }
  if (bnc_op_info_of(op->kind)->group == BNC_GROUP_ATTENTION) {
    const uint32_t heads = op->attr.attention.heads, kv_heads = op->attr.attention.kv_heads;
    const size_t limit = bnc_attention_most_rows(heads, kv_heads), rows = x->rows < limit ? x->rows : limit;
    n->scratch = most(n->scratch, bnc_attention_scratch(heads, kv_heads, x->cols / heads, rows));
    if (op->kind == BNC_OP_ATTENTION_I8 && level_of(ex) == BNC_CPU_AMX) n->scratch = most(n->scratch, bnc_pair_scratch(op));
  }
}

static needs needs_of(const bnc_executor *ex) {
  const bnc_file_meta *m = &ex->file->meta;
  needs n = {.cache = bnc_kv_layout_of(m, m->context),
             .angles = (uint64_t)m->context * (m->head_dim / 2),
             .kept = bnc_run_kept(ex->file, BNC_EACH_ROWS)};
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++) {
    const bnc_program *program = &ex->file->program[p];
    if (!program->head) continue;
    n.arena = most(n.arena, program->head->arena_bytes);
    for (uint32_t i = 0; i < program->head->ops; i++) add_op(ex, &program->op[i], &n);
  }
  n.scratch = padded(n.scratch);
  return n;
}

static uint64_t table_bytes(const needs *n, size_t threads) {
  return (2 * n->angles + n->kept) * sizeof(float) + n->sums * sizeof(int32_t) + n->tiles + n->scratch * threads;
}

uint64_t bnc_executor_needs(const bnc_model_file *file, size_t threads) {
  const bnc_executor planned = {.file = file};
  const needs n = needs_of(&planned);
  return n.arena + n.cache.total + table_bytes(&n, threads);
}

static bnc_status check_memory(const bnc_executor *ex, const needs *n, bnc_error *err) {
  char what[160];
  snprintf(what, sizeof what, "a session with this model (arena %.1f MB, KV cache of %u rows %.1f MB)", (double)n->arena * 1e-6,
           ex->file->meta.context, (double)n->cache.total * 1e-6);
  return bnc_memory_check(n->arena + n->cache.total + table_bytes(n, bnc_pool_threads(ex->pool)), what, err);
}

/* K and V of all layers in one block. Untouched pages cost nothing: a short conversation uses little of a long context. */
static bnc_status create_caches(bnc_executor *ex, const bnc_kv_layout *layout, bnc_error *err) {
  const bnc_file_meta *m = &ex->file->meta;
  ex->cache_bytes = (size_t)layout->total;
  ex->cache = bnc_mem_array(m->layers, sizeof *ex->cache);
  ex->cache_memory = bnc_mem_alloc(ex->cache_bytes);
  if (!ex->cache || !ex->cache_memory) return bnc_fail_memory(err, ex->cache_bytes);
  for (size_t i = 0; i < m->layers; i++) ex->cache[i] = bnc_kv_layer(m, layout, ex->cache_memory, i);
  return BNC_OK;
}

static uint8_t *create_scratch(const bnc_executor *ex, uint64_t each) {
  size_t size;
  return bnc_mul_size(bnc_pool_threads(ex->pool), (size_t)each, &size) ? bnc_mem_large(size) : NULL;
}

bnc_status bnc_executor_memory_create(bnc_executor *ex, bnc_error *err) {
  const needs n = needs_of(ex);
  bnc_status s = check_memory(ex, &n, err);
  if (s == BNC_OK) s = create_caches(ex, &n.cache, err);
  if (s != BNC_OK) return s;
  ex->arena_bytes = (size_t)n.arena;
  ex->scratch_bytes = (size_t)n.scratch;
  ex->arena = bnc_mem_large(ex->arena_bytes + ARENA_SLACK);
  ex->scratch = create_scratch(ex, n.scratch);
  ex->sums_count = (size_t)n.sums;
  ex->sums = bnc_mem_array(ex->sums_count, sizeof *ex->sums);
  ex->tiles_bytes = (size_t)n.tiles;
  ex->tiles = n.tiles ? bnc_mem_large(ex->tiles_bytes) : NULL;
  ex->rope_cos = bnc_mem_alloc((size_t)n.angles * sizeof(float));
  ex->rope_sin = bnc_mem_alloc((size_t)n.angles * sizeof(float));
  ex->kept = n.kept ? bnc_mem_array((size_t)n.kept, sizeof *ex->kept) : NULL;
  if (!ex->arena || !ex->scratch || !ex->sums || (n.kept && !ex->kept) || (n.tiles && !ex->tiles))
    return bnc_fail_memory(err, ex->arena_bytes);
  return ex->rope_cos && ex->rope_sin ? BNC_OK : bnc_fail_memory(err, (size_t)n.angles * sizeof(float));
}

bnc_status bnc_executor_memory_reach(bnc_executor *ex, const bnc_file_op *op, bnc_error *err) {
  needs n = {0};
  add_op(ex, op, &n);
  n.scratch = padded(n.scratch);
  if (n.scratch > ex->scratch_bytes) {
    uint8_t *scratch = create_scratch(ex, n.scratch);
    if (!scratch) return bnc_fail_memory(err, (size_t)n.scratch);
    bnc_mem_free(ex->scratch);
    ex->scratch = scratch;
    ex->scratch_bytes = (size_t)n.scratch;
  }
  if (n.sums > ex->sums_count) {
    int32_t *sums = bnc_mem_array((size_t)n.sums, sizeof *sums);
    if (!sums) return bnc_fail_memory(err, (size_t)n.sums * sizeof *sums);
    bnc_mem_free(ex->sums);
    ex->sums = sums;
    ex->sums_count = (size_t)n.sums;
  }
  if (n.tiles > ex->tiles_bytes) {
    int8_t *tiles = bnc_mem_large((size_t)n.tiles);
    if (!tiles) return bnc_fail_memory(err, (size_t)n.tiles);
    bnc_mem_free(ex->tiles);
    ex->tiles = tiles;
    ex->tiles_bytes = (size_t)n.tiles;
  }
  return BNC_OK;
}

void bnc_executor_memory_destroy(bnc_executor *ex) {
  bnc_mem_free(ex->arena);
  bnc_mem_free(ex->cache);
  bnc_mem_free(ex->cache_memory);
  bnc_mem_free(ex->rope_cos);
  bnc_mem_free(ex->rope_sin);
  bnc_mem_free(ex->scratch);
  bnc_mem_free(ex->kept);
  bnc_mem_free(ex->sums);
  bnc_mem_free(ex->tiles);
}
