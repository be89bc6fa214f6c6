/* SPDX-License-Identifier: Apache-2.0 */
/* Linear layers on XNNPACK: all but those that run on ops/matmul. One layer per weight slab and pair of strides, shared by all ops that
 * look alike: ten tiles of one tower need the layers of one. */
#include "platforms/base/mem.h"
#include "runtime/exec/executor_private.h"
#include "runtime/model/weight_slabs.h"

typedef struct linear_key {
  bnc_weight_slab slab;
  uint32_t in_stride, out_stride;
} linear_key;

static linear_key key_of(const bnc_file_op *op) {
  return (linear_key){{op->weight, op->attr.linear.from, op->attr.linear.count}, op->in[0].stride, op->out[0].stride};
}

static bool same(const linear_key *a, const linear_key *b) {
  return a->slab.weight == b->slab.weight && a->slab.from == b->slab.from && a->slab.count == b->slab.count &&
         a->in_stride == b->in_stride && a->out_stride == b->out_stride;
}

static size_t hash(const linear_key *k, size_t buckets) {
  uint64_t h = k->slab.weight * 0x9e3779b97f4a7c15u + k->slab.from * 0xc2b2ae3d27d4eb4fu + k->slab.count * 0x165667b19e3779f9u +
               k->in_stride * 31u + k->out_stride;
  return (size_t)((h ^ (h >> 29)) & (buckets - 1));
}

static bnc_status add_layer(bnc_executor *ex, const linear_key *k, uint32_t *id, bnc_error *err) {
  bnc_linear_spec spec = bnc_weight_slab_spec(ex->file, k->slab);
  spec.in_stride = k->in_stride;
  spec.out_stride = k->out_stride;
  return bnc_linear_set_add(ex->linears, &spec, k->slab.weight, k->slab.from, id, err);
}

bnc_status bnc_linears_add(bnc_executor *ex, const bnc_file_op *op, uint32_t *id, bnc_error *err) {
  const linear_key key = key_of(op);
  return add_layer(ex, &key, id, err);
}

bnc_status bnc_linears_create(bnc_executor *ex, bnc_packed_store *store, const bnc_run_hooks *hooks, bnc_error *err) {
  size_t ops = 0, done = 0, buckets = 16;
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    if (ex->file->program[p].head) ops += ex->file->program[p].head->ops;
  while (buckets < 2 * ops) buckets *= 2;
  linear_key *keys = bnc_mem_array(ops + 1, sizeof *keys);   /* [layers] */
  uint32_t *bucket = bnc_mem_array(buckets, sizeof *bucket); /* layer + 1 */
  bnc_status s = keys && bucket ? BNC_OK : bnc_fail_memory(err, ops * sizeof *keys);
  if (s == BNC_OK) s = bnc_linear_set_create(&ex->linears, store, err);
  for (bnc_program_id p = 0; s == BNC_OK && p < BNC_PROGRAMS; p++) {
    const bnc_program *program = &ex->file->program[p];
    if (!program->head) continue;
    ex->linear_of[p] = bnc_mem_array((size_t)program->head->ops + 1, sizeof(uint32_t));
    if (!ex->linear_of[p]) s = bnc_fail_memory(err, program->head->ops * sizeof(uint32_t));
    for (uint32_t i = 0; s == BNC_OK && i < program->head->ops; i++, done++) {
      ex->linear_of[p][i] = UINT32_MAX;
      if (program->op[i].kind != BNC_OP_LINEAR || bnc_op_is_own(ex, &program->op[i])) continue;
      linear_key key = key_of(&program->op[i]);
      size_t at = hash(&key, buckets);
      while (bucket[at] && !same(&keys[bucket[at] - 1], &key)) at = (at + 1) & (buckets - 1);
      if (!bucket[at]) {
        uint32_t id;
        if (hooks && hooks->step && hooks->step(hooks->context, done, ops)) s = bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
        if (s == BNC_OK) s = add_layer(ex, &key, &id, err);
        if (s != BNC_OK) break;
        keys[id] = key;
        bucket[at] = id + 1;
      }
      ex->linear_of[p][i] = bucket[at] - 1;
    }
  }
  if (s == BNC_OK && bnc_linear_set_layers(ex->linears) > 0) s = bnc_pool_start_native(ex->pool, err);
  bnc_mem_free(keys);
  bnc_mem_free(bucket);
  return s;
}

void bnc_linears_destroy(bnc_executor *ex) {
  bnc_linear_set_destroy(ex->linears);
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++) bnc_mem_free(ex->linear_of[p]);
}

static bnc_status run_packed(const bnc_op_run *run, size_t first, size_t rows, bnc_pool *pool) {
  const bnc_operand *x = &run->op->in[0], *y = &run->op->out[0];
  const bool quantized = x->element == BNC_ELEMENT_QD8;
  const void *from = quantized ? (const void *)(bnc_run_qd8(run, x) + first * x->stride) : bnc_run_in(run, 0) + first * x->stride;
  return bnc_linear_set_run(run->ex->linears, run->linear, rows, from, quantized ? bnc_run_params(run, x) + first : NULL,
                            bnc_run_out(run, 0) + first * y->stride, pool);
}

bnc_status bnc_run_linear(const bnc_op_run *run) {
  const bnc_operand *x = &run->op->in[0];
  const size_t rows = bnc_run_rows(run, x);
  const uint64_t macs = (uint64_t)rows * x->cols * run->op->attr.linear.count;
  const size_t round = bnc_round_items(rows, macs, run->ex->round_macs);
  bnc_pool *pool = macs < BNC_SHARED_MACS ? NULL : run->ex->pool;
  for (size_t first = 0; first < rows; first += round) {
    const size_t count = rows - first < round ? rows - first : round;
    bnc_status s = BNC_OK;
    if (first > 0 && bnc_run_cancelled(run)) return BNC_ERROR_CANCELLED;
    if (run->linear == UINT32_MAX) /* ours (bnc_op_is_own) */
      bnc_run_matmul(run, first, count);
    else
      s = run_packed(run, first, count, pool);
    if (s != BNC_OK) return s;
  }
  return BNC_OK;
}
