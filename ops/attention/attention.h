/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file attention.h  softmax(q k^T * scale) v with a streaming softmax: no score matrix, keys and values read once per block of queries.
 *
 * One algorithm for all uses (ViT, DEM cross attention, causal prefill with grouped heads, decode). Keys are taken in blocks of 64, counted
 * from key 0. Per query row and block: s[j] = (sum over i, in order, of fmaf(q[i], k[j][i])) * scale; m' = max(m, max s); p[j] = exp(s[j] -
 * m'); a = exp(m - m'); l = fmaf(l, a, sum p), the sum in 16 lanes (key j in lane j % 16) then halved pairwise; out = out * a, then in key
 * order out = fmaf(p[j], v[j], out). At the end out * (1 / l). A row's result depends on nothing but its query and the keys that it sees,
 * so a prefill row equals the decode row bit for bit, and all levels equal scalar.
 *
 * The _rows_i8_ kernel, for all keys alike (no causal), rounds what it multiplies to int8 on the way: symmetrically, by the greatest
 * magnitude a of a query row, of a key, and of a column of a block of values: round(x, a) = fmaf(x, 127 / a, 1.5 * 2^23) - 1.5 * 2^23 and
 * step(a) = a * (1 / 127), both 0 where a is no more than 2^-100. Then s[j] = ((sum of round(q[i]) round(k[j][i])) * step(k[j])) * (step(q)
 * * scale); p[j] becomes fmaf(p[j], 255, 1.5 * 2^23) - 1.5 * 2^23; l = fmaf(l, a, sum p) and out = fmaf(sum over j of p[j] round(v[j]),
 * step(v), out * a). The sums are of integers below 2^24, hence exact in any order and in f32: what AVX2 and NEON multiply as f32, VNNI and
 * SDOT do as bytes.
 *
 * The _rows_bf16_ kernel, for all keys alike, is _rows_f32_ but on avx512bf16: there it rounds queries, keys, values and weights to bf16
 * (to nearest even, subnormal numbers to zero), adds pairs of products as the CPU does, and sums up the rounded weights. A row's bits
 * depend on its query and the keys there too; checkkern holds them to a bound from an f64 oracle. bnc_attention_rounds tells where that is.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_H

#include <stdbool.h>

#include "ops/kv_append/kv_append.h"
#include "ops/level.h"

enum {
  BNC_ATTENTION_BLOCK = 64,
  BNC_ATTENTION_I8_SIZE = 1024 /* head sizes up to it keep the sums of _rows_i8_ below 2^24 */
};

#define BNC_ATTENTION_I8_MAGIC 0x1.8p23f /* adding it rounds to an integer, in the low bits of the sum */
#define BNC_ATTENTION_I8_TINY 0x1p-100f
#define BNC_ATTENTION_I8_STEP (1.0f / 127.0f)
/** step(a) */
static inline float bnc_attention_i8_step(float a) { return a > BNC_ATTENTION_I8_TINY ? a * BNC_ATTENTION_I8_STEP : 0.0f; }

typedef struct bnc_attention_args {
  size_t heads, kv_heads, head_size; /* query head h reads key head h / (heads / kv_heads) */
  size_t keys;                       /* at least 1; with causal at least position + rows */
  float scale;
  bool causal;        /* query row r sees the keys 0 .. position + r, else all */
  size_t position;    /* of query row 0 */
  const float *q;     /* [rows, heads * head_size] */
  const float *k;     /* [keys, kv_heads * head_size], the _rows_ kernels; may be a column slice of a wider matrix */
  const float *v;     /* [keys, kv_heads * head_size], the _rows_ kernels */
  bnc_kv_cache cache; /* the _cache_ kernels */
  float *out;         /* [rows, heads * head_size]; must not overlap the inputs */
  size_t q_stride, k_stride, v_stride, out_stride; /* elements from row to row */
} bnc_attention_args;

/** Computes the query rows [from, to) of all query heads of one key head. scratch: bnc_attention_scratch bytes, 64-byte aligned, this
 * thread's. */
#define BNC_ATTENTION_KERNEL(name) BNC_KERNEL(name, const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch)
BNC_ATTENTION_KERNEL(attention_rows_f32);
BNC_ATTENTION_KERNEL(attention_rows_i8);
BNC_ATTENTION_KERNEL(attention_rows_bf16);
BNC_ATTENTION_KERNEL(attention_cache_f32);
BNC_ATTENTION_KERNEL(attention_cache_f16);
BNC_ATTENTION_KERNEL(attention_cache_i8);

typedef struct bnc_attention_ops {
  bnc_attention_rows_f32_fn *rows_f32;
  bnc_attention_rows_i8_fn *rows_i8;
  bnc_attention_rows_bf16_fn *rows_bf16;
  bnc_attention_cache_f32_fn *cache_f32;
  bnc_attention_cache_f16_fn *cache_f16;
  bnc_attention_cache_i8_fn *cache_i8;
} bnc_attention_ops;

/** Whether a level's _rows_bf16_ kernel rounds, and is the faster one: AMD's CPUs do twice as many products of bf16 as of f32. Intel's do
 * half as many, so level amx, which has the instructions too, is to attend in f32. */
static inline bool bnc_attention_rounds(bnc_cpu_level level) { return level == BNC_CPU_AVX512BF16; }

/** Bytes of scratch that every kernel of every level can do with for calls of up to `rows` query rows. */
size_t bnc_attention_scratch(size_t heads, size_t kv_heads, size_t head_size, size_t rows);

/** The query rows that one call should take, and will at most: bringing keys and values into the form that the kernels read is paid once
 * per call, and what a call keeps per query should stay in the cache. */
size_t bnc_attention_most_rows(size_t heads, size_t kv_heads);
/** `rows` in equal parts of no more than that: a part's rows. */
size_t bnc_attention_part_rows(size_t heads, size_t kv_heads, size_t rows);

#endif
