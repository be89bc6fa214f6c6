/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/half.h"
#include "ops/kv_append/kv_append.h"

void bnc_kv_append_f16_scalar(const bnc_kv_append_args *args, size_t from, size_t to) {
  const bnc_kv_cache *cache = &args->cache;
  const size_t d = cache->head_size;
  assert(args->position + to <= cache->capacity);
  for (size_t row = from; row < to; ++row) {
    const size_t token = args->position + row;
    for (size_t head = 0; head < cache->kv_heads; ++head) {
      const float *k = args->k + row * args->k_stride + head * d, *v = args->v + row * args->v_stride + head * d; /* [d] */
      uint16_t *k_out = (uint16_t *)cache->k + head * cache->capacity * d;                 /* [capacity / 16, d, 16] */
      uint16_t *v_out = (uint16_t *)cache->v + (head * cache->capacity + token) * d;       /* [d] */
      for (size_t i = 0; i < d; ++i) {
        k_out[bnc_kv_key_offset(cache, token, i)] = bnc_f16_from_f32(k[i]);
        v_out[i] = bnc_f16_from_f32(v[i]);
      }
    }
  }
}
