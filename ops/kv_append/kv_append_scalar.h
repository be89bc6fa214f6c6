/* SPDX-License-Identifier: Apache-2.0 */
/** @file kv_append_scalar.h  The walk over tokens and heads, once; the scalar kernels differ in how they store a head's key and value. */
#ifndef BINOCLE_OPS_KV_APPEND_KV_APPEND_SCALAR_H
#define BINOCLE_OPS_KV_APPEND_KV_APPEND_SCALAR_H

#include <assert.h>

#include "ops/kv_append/kv_append.h"

/* Where a head's key and value of one token go, in elements: element i of the key at k + i * BNC_KV_BLOCK, of the value at v + i; int8 scales at scale. */
typedef struct bnc_kv_place {
  size_t k, v, scale;
} bnc_kv_place;

typedef void bnc_kv_store(const bnc_kv_cache *cache, bnc_kv_place at, const float *k /* [d] */, const float *v /* [d] */);

static inline void bnc_kv_append(const bnc_kv_append_args *args, size_t from, size_t to, bnc_kv_store *store) {
  const bnc_kv_cache *cache = &args->cache;
  const size_t d = cache->head_size;
  assert(args->position + to <= cache->capacity);
  for (size_t row = from; row < to; ++row) {
    const size_t token = args->position + row;
    for (size_t head = 0; head < cache->kv_heads; ++head) {
      const size_t first = head * cache->capacity;
      const bnc_kv_place at = {first * d + bnc_kv_key_offset(cache, token, 0), (first + token) * d, first + token};
      store(cache, at, args->k + row * args->k_stride + head * d, args->v + row * args->v_stride + head * d);
    }
  }
}

#endif
