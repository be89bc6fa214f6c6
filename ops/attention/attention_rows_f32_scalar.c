/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/attention/attention_scalar.h"

static float key(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  return a->k[token * a->k_stride + kv_head * a->head_size + i];
}

static float value(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  return a->v[token * a->v_stride + kv_head * a->head_size + i];
}

void bnc_attention_rows_f32_scalar(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  (void)scratch;
  bnc_attention_scalar(args, kv_head, from, to, key, value);
}
