/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <math.h>

#include "ops/kv_append/kv_append.h"

/* The factor that takes the largest magnitude to 127, and the stored scale that takes it back. A zero row has scale 0. */
static float choose(const float *x /* [d] */, size_t d, float *scale) {
  float max = 0.0f;
  for (size_t i = 0; i < d; ++i) max = fabsf(x[i]) > max ? fabsf(x[i]) : max;
  *scale = max / 127.0f;
  return max > 0.0f ? 127.0f / max : 0.0f;
}

static int8_t value(float x, float factor) {
  float v = x * factor;
  v = v < 127.0f ? v : 127.0f; /* NaN becomes 127 */
  v = v > -127.0f ? v : -127.0f;
  return (int8_t)rintf(v);
}

void bnc_kv_append_i8_scalar(const bnc_kv_append_args *args, size_t from, size_t to) {
  const bnc_kv_cache *cache = &args->cache;
  const size_t d = cache->head_size;
  assert(args->position + to <= cache->capacity);
  for (size_t row = from; row < to; ++row) {
    const size_t token = args->position + row;
    for (size_t head = 0; head < cache->kv_heads; ++head) {
      const float *k = args->k + row * args->k_stride + head * d, *v = args->v + row * args->v_stride + head * d; /* [d] */
      int8_t *k_out = (int8_t *)cache->k + head * cache->capacity * d;           /* [capacity / 16, d, 16] */
      int8_t *v_out = (int8_t *)cache->v + (head * cache->capacity + token) * d; /* [d] */
      const float k_factor = choose(k, d, &cache->k_scale[head * cache->capacity + token]);
      const float v_factor = choose(v, d, &cache->v_scale[head * cache->capacity + token]);
      for (size_t i = 0; i < d; ++i) {
        k_out[bnc_kv_key_offset(cache, token, i)] = value(k[i], k_factor);
        v_out[i] = value(v[i], v_factor);
      }
    }
  }
}
