/* SPDX-License-Identifier: Apache-2.0 */
/** @file kv_append_runs.h  The walk over tokens and heads, once; the kernels differ in how they store a head's keys and values. */
#ifndef BINOCLE_OPS_KV_APPEND_KV_APPEND_RUNS_H
#define BINOCLE_OPS_KV_APPEND_KV_APPEND_RUNS_H

#include <assert.h>

#include "ops/kv_append/kv_append.h"

/* Consecutive tokens of one block, for one head. In elements: element i of token t's key goes to k_at + i * BNC_KV_BLOCK + t, of its value
   to v_at + t * head_size + i; its int8 scales to scale_at + t. */
typedef struct bnc_kv_run {
  const float *k, *v;        /* [tokens, head_size] */
  size_t k_stride, v_stride; /* elements from token to token */
  size_t tokens;             /* 1 to BNC_KV_BLOCK */
  size_t k_at, v_at, scale_at;
} bnc_kv_run;

typedef void bnc_kv_store(const bnc_kv_cache *cache, const bnc_kv_run *run);

static inline void bnc_kv_append(const bnc_kv_append_args *args, size_t from, size_t to, bnc_kv_store *store) {
  const bnc_kv_cache *cache = &args->cache;
  const size_t d = cache->head_size;
  assert(args->position + to <= cache->capacity);
  for (size_t row = from, tokens; row < to; row += tokens) {
    const size_t token = args->position + row, block_left = BNC_KV_BLOCK - token % BNC_KV_BLOCK;
    tokens = to - row < block_left ? to - row : block_left;
    for (size_t head = 0; head < cache->kv_heads; ++head) {
      const size_t first = head * cache->capacity;
      const bnc_kv_run run = {args->k + row * args->k_stride + head * d,
                              args->v + row * args->v_stride + head * d,
                              args->k_stride,
                              args->v_stride,
                              tokens,
                              first * d + bnc_kv_key_offset(cache, token, 0),
                              (first + token) * d,
                              first + token};
      store(cache, &run);
    }
  }
}

#endif
