/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kv_append/kv_append_runs.h"

static void store(const bnc_kv_cache *cache, const bnc_kv_run *run) {
  for (size_t t = 0; t < run->tokens; ++t) {
    float *k_out = (float *)cache->k + run->k_at + t, *v_out = (float *)cache->v + run->v_at + t * cache->head_size;
    const float *k = run->k + t * run->k_stride, *v = run->v + t * run->v_stride; /* [head_size] */
    for (size_t i = 0; i < cache->head_size; ++i) {
      k_out[i * BNC_KV_BLOCK] = k[i];
      v_out[i] = v[i];
    }
  }
}

void bnc_kv_append_f32_scalar(const bnc_kv_append_args *args, size_t from, size_t to) { bnc_kv_append(args, from, to, store); }
