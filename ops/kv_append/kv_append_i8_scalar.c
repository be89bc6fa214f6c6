/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "ops/kv_append/kv_append_scalar.h"

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

static void store(const bnc_kv_cache *cache, bnc_kv_place at, const float *k, const float *v) {
  int8_t *k_out = (int8_t *)cache->k + at.k, *v_out = (int8_t *)cache->v + at.v;
  const float k_factor = choose(k, cache->head_size, &cache->k_scale[at.scale]), v_factor = choose(v, cache->head_size, &cache->v_scale[at.scale]);
  for (size_t i = 0; i < cache->head_size; ++i) {
    k_out[i * BNC_KV_BLOCK] = value(k[i], k_factor);
    v_out[i] = value(v[i], v_factor);
  }
}

void bnc_kv_append_i8_scalar(const bnc_kv_append_args *args, size_t from, size_t to) { bnc_kv_append(args, from, to, store); }
