/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file kv_append.h  The key/value cache of one layer, and writing rows into it.
 *
 * Keys lie in blocks of 16 tokens with the tokens innermost, so that attention reads 16 scores at a time without transposing; values lie
 * row by row. Elements are f32, f16, or int8 with one scale per head and token (x ~= q * scale, scale = max|x| / 127, q = rint(x * (127 /
 * max|x|))). The caller zeroes a new cache once: attention may read (and ignores) tokens of a block that were never written.
 */
#ifndef BINOCLE_OPS_KV_APPEND_KV_APPEND_H
#define BINOCLE_OPS_KV_APPEND_KV_APPEND_H

#include "ops/level.h"

enum { BNC_KV_BLOCK = 16 };

typedef struct bnc_kv_cache {
  size_t kv_heads, head_size;
  size_t capacity;          /* tokens, a multiple of BNC_KV_BLOCK */
  void *k;                  /* [kv_heads, capacity / 16, head_size, 16] */
  void *v;                  /* [kv_heads, capacity, head_size] */
  float *k_scale, *v_scale; /* [kv_heads, capacity]; int8 only */
} bnc_kv_cache;

/** Where element i of a token's key stands within its head's part of k. */
static inline size_t bnc_kv_key_offset(const bnc_kv_cache *cache, size_t token, size_t i) {
  return (token / BNC_KV_BLOCK * cache->head_size + i) * BNC_KV_BLOCK + token % BNC_KV_BLOCK;
}

typedef struct bnc_kv_append_args {
  bnc_kv_cache cache;
  const float *k, *v;        /* [rows, kv_heads * head_size] */
  size_t k_stride, v_stride; /* elements from row to row */
  size_t position;           /* row r becomes token position + r */
} bnc_kv_append_args;

#define BNC_KV_APPEND_KERNEL(name) BNC_KERNEL(name, const bnc_kv_append_args *args, size_t from, size_t to)
BNC_KV_APPEND_KERNEL(kv_append_f32);
BNC_KV_APPEND_KERNEL(kv_append_f16);
BNC_KV_APPEND_KERNEL(kv_append_i8);

typedef struct bnc_kv_append_ops {
  bnc_kv_append_f32_fn *f32;
  bnc_kv_append_f16_fn *f16;
  bnc_kv_append_i8_fn *i8;
} bnc_kv_append_ops;

#endif
