/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/base/mem.h"
#include "runtime/exec/links.h"
#include "runtime/exec/pairs.h"
#include "runtime/exec/residency.h"

/* Powers of two: seconds of work, and more than any op of a model that was made to be used has, on the levels that it would be used on. */
#define ROUND 37
#define SCALAR_ROUND 32

static bool has_bf16(const bnc_model_file *file, bnc_program_id id) {
  const bnc_program *program = &file->program[id];
  for (uint32_t i = 0; program->head && i < program->head->ops; i++) {
    const bnc_file_op *op = &program->op[i];
    if (op->kind == BNC_OP_LINEAR && file->weight[op->weight].dtype == BNC_WEIGHT_BF16) return true;
  }
  return false;
}

bnc_status bnc_executor_create(bnc_executor **executor, const bnc_model_file *file, bnc_pool *pool, const bnc_kernels *kernels,
                               bnc_packed_store *store, const bnc_run_hooks *hooks, bnc_error *err) {
  *executor = NULL;
  bnc_executor *ex = bnc_mem_zalloc(sizeof *ex);
  if (!ex) return bnc_fail_memory(err, sizeof *ex);
  ex->file = file;
  ex->pool = pool;
  ex->kernels = kernels;
  ex->attends_in_bf16 = bnc_attention_rounds(kernels->level) && has_bf16(file, BNC_PROGRAM_VISION);
  ex->round_macs = (uint64_t)1 << (kernels->level == BNC_CPU_SCALAR ? SCALAR_ROUND : ROUND);
  bnc_status s = bnc_executor_memory_create(ex, err);
  if (s == BNC_OK) s = bnc_linears_create(ex, store, hooks, err);
  if (s == BNC_OK) s = bnc_links_create(ex, err);
  if (s == BNC_OK) s = bnc_residency_create(&ex->residency, ex, UINT64_MAX, false, err);
  if (s != BNC_OK) {
    bnc_executor_destroy(ex);
    return s;
  }
  *executor = ex;
  return BNC_OK;
}

void bnc_executor_destroy(bnc_executor *ex) {
  if (!ex) return;
  bnc_residency_destroy(ex->residency);
  bnc_outputs_destroy(ex->outputs);
  bnc_linears_destroy(ex);
  bnc_links_destroy(ex);
  bnc_executor_memory_destroy(ex);
  bnc_mem_free(ex);
}

void *bnc_executor_input(bnc_executor *ex, bnc_program_id id) { return ex->arena + ex->file->program[id].head->input.offset; }
const float *bnc_executor_output(const bnc_executor *ex, bnc_program_id id) {
  return (const float *)(const void *)(ex->arena + ex->file->program[id].head->output.offset);
}
size_t bnc_executor_capacity(const bnc_executor *ex, bnc_program_id id) { return ex->file->program[id].head->input.rows; }
size_t bnc_executor_arena_bytes(const bnc_executor *ex) { return ex->arena_bytes; }
size_t bnc_executor_kv_bytes(const bnc_executor *ex) { return ex->cache_bytes; }

bnc_status bnc_executor_limit_weights(bnc_executor *ex, uint64_t bytes, bool scarce, uint64_t *streamed, bnc_error *err) {
  bnc_residency *residency;
  bnc_status s = bnc_residency_create(&residency, ex, bytes, scarce, err);
  if (s != BNC_OK) return s;
  bnc_residency_destroy(ex->residency);
  ex->residency = residency;
  *streamed = bnc_residency_streamed(residency, BNC_PROGRAM_DECODE);
  if (*streamed == 0) *streamed = bnc_residency_streamed(residency, BNC_PROGRAM_VISION);
  return BNC_OK;
}

void bnc_executor_observe(bnc_executor *ex, bnc_on_op *on_op, void *context) {
  ex->on_op = on_op;
  ex->on_op_context = context;
}

void bnc_executor_set_laid(bnc_executor *ex, const bnc_packed_store *laid) { ex->laid = laid; }

void bnc_executor_leave(bnc_executor *ex, bnc_program_id id) { bnc_residency_leave(ex->residency, id); }

#define RUNNER(kind, name, family, ...) [BNC_OP_##kind] = bnc_run_##family,

bnc_status bnc_run_op(const bnc_op_run *run) {
  static bnc_run_fn *const runners[BNC_OP_KINDS] = {BNC_OP_TABLE(RUNNER)};
  bnc_pool_set_rows(run->ex->pool, run->rows);
  const bnc_status s = run->op->kind < BNC_OP_KINDS ? runners[run->op->kind](run) : BNC_ERROR_INTERNAL;
  if (s == BNC_OK && run->ex->on_op) run->ex->on_op(run->ex->on_op_context, run->op, run->arena, run->rows);
  return s;
}

static void fire_probes(const bnc_executor *ex, const bnc_program *program, uint32_t op, const bnc_run_hooks *hooks) {
  for (uint32_t i = 0; i < program->head->probes; i++)
    if (program->probe[i].op == op) {
      const bnc_operand *o = &program->probe[i].value;
      hooks->probe(hooks->context, &program->probe[i],
                   (const float *)(const void *)((o->space == BNC_SPACE_ARENA ? ex->arena : ex->file->constants.data) + o->offset));
    }
}

static bnc_status check_rows(const bnc_executor *ex, const bnc_program *program, size_t rows, size_t position, bnc_error *err) {
  const size_t context = ex->file->meta.context, capacity = program->head->input.rows;
  if (rows > 0 && rows <= capacity && position <= context && rows <= context - position) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_LIMIT, "%zu rows at position %zu, expected at most %zu rows within a context of %zu", rows, position,
                  capacity, context);
}

void bnc_executor_set_pacer(bnc_executor *ex, bnc_pacer *pacer) {
  ex->pacer = pacer;
  bnc_pool_set_active(ex->pool, pacer ? bnc_pacer_threads(pacer) : bnc_pool_threads(ex->pool));
}

/* Behind an op: pauses for as long as is owed, unless that is cancelled (false), and sets the threads for the next one. */
static bool pace(bnc_executor *ex, size_t done, size_t total, const bnc_run_hooks *hooks) {
  bnc_pacer_add_work(ex->pacer);
  while (bnc_pacer_pause(ex->pacer))
    if (hooks && hooks->step && hooks->step(hooks->context, done, total)) return false;
  bnc_pool_set_active(ex->pool, bnc_pacer_threads(ex->pacer));
  return true;
}

/* Laps of ops that ran together, the first of which took `share` of the time. */
static uint64_t end_laps(bnc_op_laps *laps, uint32_t op, uint32_t together, double share, uint64_t start) {
  const uint64_t now = bnc_tick_clock_ns(&laps->clock), middle = together == 1 ? now : start + (uint64_t)((double)(now - start) * share);
  laps->lap[op] = (bnc_op_lap){start, middle};
  if (together > 1) laps->lap[op + 1] = (bnc_op_lap){middle, now};
  laps->done = op + together;
  if (now >= laps->next) laps->look(laps->context, now);
  return now;
}

bnc_status bnc_executor_run(bnc_executor *ex, bnc_program_id id, size_t rows, size_t position, const bnc_run_hooks *hooks, bnc_error *err) {
  const bnc_program *program = &ex->file->program[id];
  if (!program->head) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "this model has no vision: it was compiled from a text-only checkpoint");
  if (id != BNC_PROGRAM_VISION) {
    bnc_status s = check_rows(ex, program, rows, position, err);
    if (s != BNC_OK) return s;
    bnc_rope_tables_reach(ex, position + rows);
  }
  if (ex->pacer) bnc_pacer_begin(ex->pacer);
  bnc_op_laps *laps = hooks ? hooks->laps : NULL;
  uint64_t last = laps ? bnc_tick_clock_ns(&laps->clock) : 0;
  for (uint32_t i = 0, together; i < program->head->ops; i += together) {
    const bnc_link link = bnc_link_of(ex, id, i);
    bnc_op_run run = {ex, ex->arena, &program->op[i], rows, position, ex->linear_of[id][i], i, program->head->ops, hooks, false, false};
    double share = 1.0;
    run.to_tiles = link == BNC_LINK_TILES;
    run.from_tiles = i > 0 && bnc_link_of(ex, id, i - 1) == BNC_LINK_TILES;
    together = link == BNC_LINK_HEADS ? 2 : 1;
    for (uint32_t k = 0; k < together; k++) bnc_residency_step(ex->residency, id, i + k);
    const bnc_status s = together > 1 ? bnc_run_pair(&run, laps ? &laps->clock : NULL, &share) : bnc_run_op(&run);
    const uint32_t end = i + together;
    if (s == BNC_ERROR_CANCELLED) return bnc_fail(err, s, "cancelled");
    if (s != BNC_OK) return bnc_fail(err, BNC_ERROR_INTERNAL, "op %u (%s) failed", i, bnc_model_file_string(ex->file, program->op[i].name));
    if (!hooks && !ex->pacer) continue;
    if (laps) last = end_laps(laps, i, together, share, last);
    if (ex->pacer && !pace(ex, end, program->head->ops, hooks)) return bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
    if (ex->pacer && laps) last = bnc_tick_clock_ns(&laps->clock); /* pauses are no op's */
    if (!hooks) continue;
    for (uint32_t k = i; hooks->probe && k < end; k++) fire_probes(ex, program, k, hooks);
    if (hooks->step && hooks->step(hooks->context, end, program->head->ops)) return bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
  }
  bnc_residency_end(ex->residency, id);
  return BNC_OK;
}

BNC_ROWS_JOB(embed, bnc_embed_f32_fn, bnc_embed_args)

void bnc_executor_embed(bnc_executor *ex, const int32_t *ids, size_t count, float *out) {
  const bnc_file_weight *w = &ex->file->weight[ex->file->meta.embedding];
  bnc_embed_f32_fn *const by_dtype[] = {[BNC_WEIGHT_F32] = ex->kernels->embed.f32,
                                        [BNC_WEIGHT_QC8] = ex->kernels->embed.i8,
                                        [BNC_WEIGHT_QC4] = ex->kernels->embed.c4,
                                        [BNC_WEIGHT_BF16] = ex->kernels->embed.bf16};
  embed_job job = {by_dtype[w->dtype], {.cols = w->k, .table = ex->file->data.data + w->data, .ids = ids, .out = out, .out_stride = w->k}};
  if (!bnc_weight_is_float(w->dtype)) job.args.scale = (const float *)(const void *)(ex->file->data.data + w->scales);
  bnc_pool_run(ex->pool, embed_rows, &job, count, bnc_run_grain(w->k));
}
