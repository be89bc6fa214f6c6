/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kv_append/kv_append_scalar.h"

static void store(const bnc_kv_cache *cache, bnc_kv_place at, const float *k, const float *v) {
  float *k_out = (float *)cache->k + at.k, *v_out = (float *)cache->v + at.v;
  for (size_t i = 0; i < cache->head_size; ++i) {
    k_out[i * BNC_KV_BLOCK] = k[i];
    v_out[i] = v[i];
  }
}

void bnc_kv_append_f32_scalar(const bnc_kv_append_args *args, size_t from, size_t to) { bnc_kv_append(args, from, to, store); }
