/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <unistd.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "runtime/exec/executor_private.h"

#define ARENA_SLACK 256u /* XNNPACK's kernels may read (never write) a vector behind the last row */

static size_t round_up(size_t x, size_t to) { return (x + to - 1) / to * to; }

/* K and V of all layers in one block; int8 caches carry a scale per head and token. */
static bnc_status create_caches(bnc_executor *ex, bnc_error *err) {
  const bnc_file_meta *m = &ex->file->meta;
  size_t capacity = round_up(m->context, BNC_KV_BLOCK), element = m->kv_dtype == BNC_KV_F32 ? 4 : m->kv_dtype == BNC_KV_F16 ? 2 : 1;
  size_t values, half, scales = 0, per_layer;
  if (!bnc_mul_size(capacity, (size_t)m->kv_heads * m->head_dim, &values) || !bnc_mul_size(values, element, &half) || half > SIZE_MAX / 8)
    return bnc_fail(err, BNC_ERROR_LIMIT, "a KV cache of %u rows is too large for this machine", m->context);
  half = round_up(half, BNC_ALIGNMENT);
  if (m->kv_dtype == BNC_KV_INT8) scales = round_up(capacity * m->kv_heads * 4, BNC_ALIGNMENT);
  per_layer = 2 * half + 2 * scales;
  if (!bnc_mul_size(per_layer, m->layers, &ex->cache_bytes))
    return bnc_fail(err, BNC_ERROR_LIMIT, "a KV cache of %u rows is too large for this machine", m->context);
  ex->cache = bnc_mem_array(m->layers, sizeof *ex->cache);
  ex->cache_memory = bnc_mem_alloc(ex->cache_bytes); /* untouched pages cost nothing: a short conversation uses little of a long context */
  if (!ex->cache || !ex->cache_memory) return bnc_fail_memory(err, ex->cache_bytes);
  for (size_t i = 0; i < m->layers; i++) {
    uint8_t *at = ex->cache_memory + i * per_layer;
    ex->cache[i] = (bnc_kv_cache){.kv_heads = m->kv_heads, .head_size = m->head_dim, .capacity = capacity, .k = at, .v = at + half};
    if (scales) {
      ex->cache[i].k_scale = (float *)(void *)(at + 2 * half);
      ex->cache[i].v_scale = (float *)(void *)(at + 2 * half + scales);
    }
  }
  return BNC_OK;
}

static bnc_status create_rope(bnc_executor *ex, bnc_error *err) {
  const bnc_file_meta *m = &ex->file->meta;
  size_t half = m->head_dim / 2, count;
  if (!bnc_mul_size(m->context, half, &count)) return bnc_fail(err, BNC_ERROR_LIMIT, "a context of %u rows is too large", m->context);
  const float *frequency = (const float *)(const void *)(ex->file->constants.data + (size_t)m->rope_frequencies * BNC_FORMAT_ALIGNMENT);
  ex->rope_cos = bnc_mem_array(count, sizeof(float));
  ex->rope_sin = bnc_mem_array(count, sizeof(float));
  if (!ex->rope_cos || !ex->rope_sin) return bnc_fail_memory(err, count * sizeof(float));
  for (size_t p = 0; p < m->context; p++)
    for (size_t i = 0; i < half; i++) {
      float angle = (float)p * frequency[i]; /* the reference multiplies in float */
      ex->rope_cos[p * half + i] = (float)cos((double)angle);
      ex->rope_sin[p * half + i] = (float)sin((double)angle);
    }
  return BNC_OK;
}

/* What a session takes must fit into the machine: asking for more would end the process, or others, rather than fail. */
static bnc_status check_memory(const bnc_executor *ex, bnc_error *err) {
  const bnc_file_meta *m = &ex->file->meta;
  uint64_t needed = ARENA_SLACK, element = m->kv_dtype == BNC_KV_F32 ? 4 : m->kv_dtype == BNC_KV_F16 ? 2 : 1;
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    if (ex->file->program[p].head && ex->file->program[p].head->arena_bytes > needed) needed = ex->file->program[p].head->arena_bytes;
  needed += 2 * element * m->layers * ((uint64_t)m->context + BNC_KV_BLOCK) * m->kv_heads * m->head_dim +
            (uint64_t)m->context * m->head_dim * sizeof(float);
  long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0 || needed <= (uint64_t)pages * (uint64_t)page) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_LIMIT, "this model needs %llu MB of memory for a session, the machine has %llu MB",
                  (unsigned long long)(needed >> 20), (unsigned long long)((uint64_t)pages * (uint64_t)page >> 20));
}

/* Elements of the sums that an op's matmul needs. */
static size_t sums_of(const bnc_executor *ex, const bnc_file_op *op) {
  return op->kind == BNC_OP_LINEAR && ex->file->weight[op->weight].dtype == BNC_W_QG4
             ? (size_t)op->in[0].rows * (op->in[0].cols / ex->file->weight[op->weight].group)
             : 0;
}

static bnc_status create_memory(bnc_executor *ex, bnc_error *err) {
  size_t sums = 0;
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++) {
    const bnc_program *program = &ex->file->program[p];
    if (!program->head) continue;
    if (program->head->arena_bytes > ex->arena_bytes)
      ex->arena_bytes = (size_t)program->head->arena_bytes; /* the validator holds it below SIZE_MAX / 2 */
    for (uint32_t i = 0; i < program->head->ops; i++) {
      const bnc_file_op *op = &program->op[i];
      if (sums_of(ex, op) > sums) sums = sums_of(ex, op);
      if (bnc_op_is_own(ex, op) && BNC_MATMUL_SCRATCH > ex->scratch_bytes) ex->scratch_bytes = BNC_MATMUL_SCRATCH;
      if (bnc_op_info_of(op->kind)->group != BNC_GROUP_ATTENTION) continue;
      uint32_t heads = op->attr.attention.heads, kv_heads = op->attr.attention.kv_heads;
      size_t most = bnc_attention_most_rows(heads, kv_heads), rows = op->in[0].rows < most ? op->in[0].rows : most;
      size_t need = bnc_attention_scratch(heads, kv_heads, op->in[0].cols / heads, rows);
      if (need > ex->scratch_bytes) ex->scratch_bytes = need;
    }
  }
  ex->scratch_bytes = round_up(ex->scratch_bytes, 2 * BNC_ALIGNMENT); /* threads do not share cache lines */
  ex->arena = bnc_mem_zalloc(ex->arena_bytes + ARENA_SLACK);
  ex->scratch = bnc_mem_array(bnc_pool_threads(ex->pool), ex->scratch_bytes);
  ex->sums = bnc_mem_array(sums, sizeof *ex->sums);
  if (!ex->arena || !ex->scratch || !ex->sums) return bnc_fail_memory(err, ex->arena_bytes);
  return BNC_OK;
}

bnc_status bnc_executor_create(bnc_executor **executor, const bnc_model_file *file, bnc_pool *pool, const bnc_kernels *kernels,
                               bnc_packed_store *store, const bnc_run_hooks *hooks, bnc_error *err) {
  *executor = NULL;
  bnc_executor *ex = bnc_mem_zalloc(sizeof *ex);
  if (!ex) return bnc_fail_memory(err, sizeof *ex);
  ex->file = file;
  ex->pool = pool;
  ex->kernels = kernels;
  ex->own_int8 = bnc_weight_slabs_own_int8();
  bnc_status s = check_memory(ex, err);
  if (s == BNC_OK) s = create_memory(ex, err);
  if (s == BNC_OK) s = create_caches(ex, err);
  if (s == BNC_OK) s = create_rope(ex, err);
  if (s == BNC_OK) s = bnc_linears_create(ex, store, hooks, err);
  if (s != BNC_OK) {
    bnc_executor_destroy(ex);
    return s;
  }
  *executor = ex;
  return BNC_OK;
}

void bnc_executor_destroy(bnc_executor *ex) {
  if (!ex) return;
  bnc_linears_destroy(ex);
  bnc_mem_free(ex->arena);
  bnc_mem_free(ex->cache);
  bnc_mem_free(ex->cache_memory);
  bnc_mem_free(ex->rope_cos);
  bnc_mem_free(ex->rope_sin);
  bnc_mem_free(ex->scratch);
  bnc_mem_free(ex->sums);
  bnc_mem_free(ex);
}

void *bnc_executor_input(bnc_executor *ex, bnc_program_id id) { return ex->arena + ex->file->program[id].head->input.offset; }
const float *bnc_executor_output(const bnc_executor *ex, bnc_program_id id) {
  return (const float *)(const void *)(ex->arena + ex->file->program[id].head->output.offset);
}
size_t bnc_executor_capacity(const bnc_executor *ex, bnc_program_id id) { return ex->file->program[id].head->input.rows; }
size_t bnc_executor_arena_bytes(const bnc_executor *ex) { return ex->arena_bytes; }
size_t bnc_executor_kv_bytes(const bnc_executor *ex) { return ex->cache_bytes; }

#define RUNNER(kind, name, family, ...) [BNC_OP_##kind] = bnc_run_##family,

static bnc_status run_op(const bnc_op_run *run) {
  static bnc_run_fn *const runners[BNC_OP_KINDS] = {BNC_OP_TABLE(RUNNER)};
  return run->op->kind < BNC_OP_KINDS ? runners[run->op->kind](run) : BNC_ERROR_INTERNAL;
}

static void fire_probes(const bnc_executor *ex, const bnc_program *program, uint32_t op, const bnc_run_hooks *hooks) {
  for (uint32_t i = 0; i < program->head->probes; i++)
    if (program->probe[i].op == op) {
      const bnc_operand *o = &program->probe[i].value;
      hooks->probe(hooks->context, &program->probe[i],
                   (const float *)(const void *)((o->space == BNC_SPACE_ARENA ? ex->arena : ex->file->constants.data) + o->offset));
    }
}

bnc_status bnc_executor_run(bnc_executor *ex, bnc_program_id id, size_t rows, size_t position, const bnc_run_hooks *hooks, bnc_error *err) {
  const bnc_program *program = &ex->file->program[id];
  if (!program->head) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "this model has no vision: it was compiled from a text-only checkpoint");
  if (id != BNC_PROGRAM_VISION &&
      (rows == 0 || rows > program->head->input.rows || position > ex->file->meta.context || rows > ex->file->meta.context - position))
    return bnc_fail(err, BNC_ERROR_LIMIT, "%zu rows at position %zu, expected at most %u rows within a context of %u", rows, position,
                    program->head->input.rows, ex->file->meta.context);
  for (uint32_t i = 0; i < program->head->ops; i++) {
    bnc_op_run run = {ex, &program->op[i], rows, position, ex->linear_of[id][i]};
    uint64_t start = hooks && hooks->timing ? bnc_clock_ns() : 0;
    if (run_op(&run) != BNC_OK)
      return bnc_fail(err, BNC_ERROR_INTERNAL, "op %u (%s) failed", i, bnc_model_file_string(ex->file, program->op[i].name));
    if (!hooks) continue;
    if (hooks->timing) hooks->timing(hooks->context, i, bnc_clock_ns() - start);
    if (hooks->probe) fire_probes(ex, program, i, hooks);
    if (hooks->step && hooks->step(hooks->context, i + 1, program->head->ops)) return bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
  }
  return BNC_OK;
}

BNC_ROWS_JOB(embed, bnc_embed_f32_fn, bnc_embed_args)

void bnc_executor_embed(bnc_executor *ex, const int32_t *ids, size_t count, float *out) {
  const bnc_file_weight *w = &ex->file->weight[ex->file->meta.embedding];
  const bool quantized = w->dtype == BNC_W_QC8;
  embed_job job = {quantized ? ex->kernels->embed.i8 : ex->kernels->embed.f32,
                   {.cols = w->k, .table = ex->file->data.data + w->data, .ids = ids, .out = out, .out_stride = w->k}};
  if (quantized) job.args.scale = (const float *)(const void *)(ex->file->data.data + w->scales);
  bnc_pool_run(ex->pool, embed_rows, &job, count, bnc_run_grain(w->k));
}
