/* SPDX-License-Identifier: Apache-2.0 */
/* One operator per weight slab and pair of strides, shared by all ops that look alike: ten tiles of one tower need the operators of one. */
#include "platforms/mem.h"
#include "runtime/exec/executor_private.h"

typedef struct linear_key {
  uint32_t weight, from, count, in_stride, out_stride;
} linear_key;

static linear_key key_of(const bnc_file_op *op) {
  return (linear_key){op->weight, op->a[0], op->a[1], op->in[0].stride, op->out[0].stride};
}

static bool same(const linear_key *a, const linear_key *b) {
  return a->weight == b->weight && a->from == b->from && a->count == b->count && a->in_stride == b->in_stride && a->out_stride == b->out_stride;
}

static size_t hash(const linear_key *k, size_t buckets) {
  uint64_t h = k->weight * 0x9e3779b97f4a7c15u + k->from * 0xc2b2ae3d27d4eb4fu + k->count * 0x165667b19e3779f9u + k->in_stride * 31u + k->out_stride;
  return (size_t)((h ^ (h >> 29)) & (buckets - 1));
}

static bnc_status create_one(bnc_executor *ex, const linear_key *k, bnc_packed_store *store, bnc_linear **linear, bnc_error *err) {
  const bnc_file_weight *w = &ex->file->weight[k->weight];
  const uint8_t *data = ex->file->data.data;
  uint64_t first = k->from;
  bnc_linear_spec spec = {.n = k->count, .k = w->k, .group = w->group, .in_stride = k->in_stride, .out_stride = k->out_stride,
                          .yields = bnc_pool_yields(ex->pool)};
  if (w->dtype == BNC_W_F32) {
    spec.kind = BNC_LINEAR_F32;
    spec.weights = data + w->data + first * w->k * 4;
  } else if (w->dtype == BNC_W_QC8) {
    spec.kind = BNC_LINEAR_QD8_QC8;
    spec.weights = data + w->data + first * w->k;
    spec.scales = data + w->scales + first * 4;
  } else {
    spec.kind = BNC_LINEAR_QD8_QB4;
    spec.weights = data + w->data + first * (w->k / 2);
    spec.scales = data + w->scales + first * (w->k / w->group) * 2;
  }
  if (w->bias != UINT64_MAX) spec.bias = (const float *)(const void *)(data + w->bias + first * 4);
  /* What is packed depends on the weight and the slab alone. */
  return bnc_linear_create(linear, &spec, store, (uint64_t)k->weight << 32 | k->from, err);
}

bnc_status bnc_linears_create(bnc_executor *ex, bnc_packed_store *store, const bnc_run_hooks *hooks, bnc_error *err) {
  size_t ops = 0, done = 0, buckets = 16;
  for (int p = 0; p < BNC_PROGRAMS; p++)
    if (ex->file->program[p].head) ops += ex->file->program[p].head->ops;
  while (buckets < 2 * ops) buckets *= 2;
  linear_key *keys = bnc_mem_array(ops + 1, sizeof *keys); /* of ex->linear */
  uint32_t *bucket = bnc_mem_array(buckets, sizeof *bucket); /* index + 1 */
  ex->linear = bnc_mem_array(ops + 1, sizeof(bnc_linear *));
  bnc_status s = keys && bucket && ex->linear ? BNC_OK : bnc_fail_memory(err, ops * sizeof *keys);
  for (int p = 0; s == BNC_OK && p < BNC_PROGRAMS; p++) {
    const bnc_program *program = &ex->file->program[p];
    if (!program->head) continue;
    ex->linear_of[p] = bnc_mem_array(program->head->ops + 1, sizeof(uint32_t));
    if (!ex->linear_of[p]) s = bnc_fail_memory(err, program->head->ops * sizeof(uint32_t));
    for (uint32_t i = 0; s == BNC_OK && i < program->head->ops; i++, done++) {
      ex->linear_of[p][i] = UINT32_MAX;
      if (program->op[i].kind != BNC_OP_LINEAR) continue;
      linear_key key = key_of(&program->op[i]);
      size_t at = hash(&key, buckets);
      while (bucket[at] && !same(&keys[bucket[at] - 1], &key)) at = (at + 1) & (buckets - 1);
      if (!bucket[at]) {
        if (hooks && hooks->step && hooks->step(hooks->context, done, ops)) s = bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
        if (s == BNC_OK) s = create_one(ex, &key, store, &ex->linear[ex->linears], err);
        if (s != BNC_OK) break;
        keys[ex->linears] = key;
        bucket[at] = (uint32_t)++ex->linears;
      }
      ex->linear_of[p][i] = bucket[at] - 1;
    }
  }
  bnc_mem_free(keys);
  bnc_mem_free(bucket);
  return s;
}

void bnc_linears_destroy(bnc_executor *ex) {
  for (size_t i = 0; ex->linear && i < ex->linears; i++) bnc_linear_destroy(ex->linear[i]);
  bnc_mem_free(ex->linear);
  for (int p = 0; p < BNC_PROGRAMS; p++) bnc_mem_free(ex->linear_of[p]);
}
