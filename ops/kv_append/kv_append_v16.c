/* SPDX-License-Identifier: Apache-2.0 */
/* Storing a run of keys and values over sixteen lanes: of a whole block's keys, lanes are the tokens. */
#include "ops/simd/v16.h"

#include <string.h>

#include "ops/kv_append/kv_append_runs.h"

typedef enum kv_type { KV_F32, KV_F16, KV_I8 } kv_type;

/* kv_append_scalar.c's choose_i8. */
BNC_INLINE float kv_choose(const float *x /* [d] */, size_t d, float *scale) {
  v16 max = v16_set1(0.0f), other = max;
  size_t i = 0;
  for (; i + 32 <= d; i += 32) {
    max = v16_max(v16_abs(v16_load(x + i)), max);
    other = v16_max(v16_abs(v16_load(x + i + 16)), other);
  }
  max = v16_max(other, max);
  for (; i + 16 <= d; i += 16) max = v16_max(v16_abs(v16_load(x + i)), max);
  if (i < d) max = v16_max(v16_abs(v16_load_n(x + i, d - i)), max);
  const float most = v16_greatest(max);
  *scale = most / 127.0f;
  return most > 0.0f ? 127.0f / most : 0.0f;
}

/* What kv_put takes; NaN becomes 127. factor: int8 only. */
BNC_INLINE v16 kv_value(v16 x, v16 factor, const kv_type type) {
  return type == KV_I8 ? v16_max(v16_min(v16_mul(x, factor), v16_set1(127.0f)), v16_set1(-127.0f)) : x;
}

/* The first n lanes (at most 16) to the elements from `at` on. */
BNC_INLINE void kv_put(void *out, size_t at, v16 x, size_t n, const kv_type type) {
  if (type == KV_F32) {
    if (n < 16)
      v16_store_n((float *)out + at, x, n);
    else
      v16_store((float *)out + at, x);
  } else if (type == KV_F16) {
    if (n < 16)
      v16_store_f16_n((uint16_t *)out + at, x, n);
    else
      v16_store_f16((uint16_t *)out + at, x);
  } else {
    if (n < 16)
      v16_store_i8_n((int8_t *)out + at, x, 0, n);
    else
      v16_store_i8((int8_t *)out + at, x, 0);
  }
}

/* The same, to elements BNC_KV_BLOCK apart. */
BNC_INLINE void kv_scatter(void *out, size_t at, v16 x, size_t n, const kv_type type) {
  const size_t size = type == KV_F32 ? 4 : type == KV_F16 ? 2 : 1;
  _Alignas(64) char some[16 * sizeof(float)];
  kv_put(some, 0, x, 16, type);
  for (size_t i = 0; i < n; ++i) memcpy((char *)out + (at + i * BNC_KV_BLOCK) * size, some + i * size, size);
}

BNC_INLINE void kv_store(const bnc_kv_cache *cache, const bnc_kv_run *run, const kv_type type) {
  const size_t d = cache->head_size;
  float k_factor[BNC_KV_BLOCK] = {0}, v_factor[BNC_KV_BLOCK] = {0};
  if (type == KV_I8) {
    for (size_t t = 0; t < run->tokens; ++t) {
      k_factor[t] = kv_choose(run->k + t * run->k_stride, d, &cache->k_scale[run->scale_at + t]);
      v_factor[t] = kv_choose(run->v + t * run->v_stride, d, &cache->v_scale[run->scale_at + t]);
    }
  }
  /* Keys of a whole block: a transposed part is stored by columns of the block. */
  size_t whole = 0;
  if (run->tokens == BNC_KV_BLOCK) {
    for (; whole + V16_TRANSPOSE <= d; whole += V16_TRANSPOSE) {
      float part[V16_TRANSPOSE][16];
      v16_transpose(run->k + whole, run->k_stride, part[0]);
      for (size_t i = 0; i < V16_TRANSPOSE; ++i) {
        kv_put(cache->k, run->k_at + (whole + i) * BNC_KV_BLOCK, kv_value(v16_load(part[i]), v16_load(k_factor), type), 16, type);
      }
    }
  }
  /* The other keys token by token, and all values. */
  for (size_t t = 0; t < run->tokens; ++t) {
    const float *k = run->k + t * run->k_stride, *v = run->v + t * run->v_stride; /* [d] */
    for (size_t i = whole; i < d; i += 16) {
      const v16 x = d - i < 16 ? v16_load_n(k + i, d - i) : v16_load(k + i);
      kv_scatter(cache->k, run->k_at + t + i * BNC_KV_BLOCK, kv_value(x, v16_set1(k_factor[t]), type), d - i < 16 ? d - i : 16, type);
    }
    for (size_t i = 0; i < d; i += 16) {
      const v16 x = d - i < 16 ? v16_load_n(v + i, d - i) : v16_load(v + i);
      kv_put(cache->v, run->v_at + t * d + i, kv_value(x, v16_set1(v_factor[t]), type), d - i, type);
    }
  }
}

static void store_f32(const bnc_kv_cache *cache, const bnc_kv_run *run) { kv_store(cache, run, KV_F32); }

void BNC_AT_LEVEL(kv_append_f32)(const bnc_kv_append_args *args, size_t from, size_t to) { bnc_kv_append(args, from, to, store_f32); }

static void store_f16(const bnc_kv_cache *cache, const bnc_kv_run *run) { kv_store(cache, run, KV_F16); }

void BNC_AT_LEVEL(kv_append_f16)(const bnc_kv_append_args *args, size_t from, size_t to) { bnc_kv_append(args, from, to, store_f16); }

static void store_i8(const bnc_kv_cache *cache, const bnc_kv_run *run) { kv_store(cache, run, KV_I8); }

void BNC_AT_LEVEL(kv_append_i8)(const bnc_kv_append_args *args, size_t from, size_t to) { bnc_kv_append(args, from, to, store_i8); }
