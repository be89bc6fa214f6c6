/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/attention/attention_scalar.h"
#include "ops/half.h"

static float key(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  return bnc_f32_from_f16(
      ((const uint16_t *)a->cache.k)[kv_head * a->cache.capacity * a->head_size + bnc_kv_key_offset(&a->cache, token, i)]);
}

static float value(const bnc_attention_args *a, size_t kv_head, size_t token, size_t i) {
  return bnc_f32_from_f16(((const uint16_t *)a->cache.v)[(kv_head * a->cache.capacity + token) * a->head_size + i]);
}

void bnc_attention_cache_f16_scalar(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  (void)scratch;
  bnc_attention_scalar(args, kv_head, from, to, key, value);
}
