/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/attention/attention_scalar.h"

static float key(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  const int8_t *k = (const int8_t *)a->cache.k + kv_head * a->cache.capacity * a->head_size;
  return (float)k[bnc_kv_key_offset(&a->cache, token, i)] * a->cache.k_scale[kv_head * a->cache.capacity + token];
}

static float value(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  const int8_t *v = (const int8_t *)a->cache.v + (kv_head * a->cache.capacity + token) * a->head_size;
  return (float)v[i] * a->cache.v_scale[kv_head * a->cache.capacity + token];
}

void bnc_attention_cache_i8_scalar(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  (void)scratch;
  bnc_attention_scalar(args, kv_head, from, to, key, value);
}
