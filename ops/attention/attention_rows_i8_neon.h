/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file attention_rows_i8_neon.h  attention_rows_i8 where NEON multiplies bytes: rounding, softmax and results of a tile of ROWS rows by
 * VECTORS vectors of four keys, or of four columns of values. How bytes stand and are multiplied is the level's.
 *
 * Each level's file defines before: ROWS and VECTORS; `query`, as many bytes of a row as stand together; LESS, what weights are stored
 * less, which 128 times the sums of the values make up for, or 0. And behind: spread, put_keys, put_values, key_products, value_products.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_ROWS_I8_NEON_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_ROWS_I8_NEON_H

#include "ops/simd/v16_neon.h"

#include "ops/attention/attention.h"

enum { LANES = 4 * VECTORS, TOGETHER = sizeof(query), STEPS = BNC_ATTENTION_BLOCK / TOGETHER };

typedef uint8_t rounded_weight;
typedef int8_t element; /* keys: [64 / LANES][padded / TOGETHER][LANES keys, TOGETHER]; values: [padded / LANES][STEPS][LANES columns,
                        TOGETHER keys] */

typedef struct block_keys {
  size_t all;     /* keys, as many as make whole sixteens */
  int32_t *start; /* [padded], LESS times the sums of the values; absent where that is 0 */
  float step[BNC_ATTENTION_BLOCK];
} block_keys;

static inline size_t room_bytes(size_t padded) { return LESS ? padded * sizeof(int32_t) : 0; } /* start */

#include "ops/attention/attention_rows_walk.h"

/* Sixteen bytes of a row to where the tile's rows stand side by side. */
BNC_INLINE void spread(query *out /* [16 / TOGETHER, ROWS] */, uint8x16_t bytes);
/* Sixteen bytes from i on of keys j to j + 3. */
BNC_INLINE void put_keys(const block *b, size_t padded, size_t j, size_t i, const uint8x16_t *x /* [4] */);
/* Columns c to c + 15 of values j to j + 7: y[k][i] holds four columns from c + 4 i on, of four values from j + 4 k on each. */
BNC_INLINE void put_values(const block *b, size_t c, size_t j, int8x16_t (*y)[4] /* [2] */);
/* The tile's queries times LANES keys from `key` on. */
BNC_INLINE void key_products(const block *b, const tile *t, size_t padded, size_t key, int32x4_t (*sum)[VECTORS] /* [ROWS] */);
/* The tile's weights times LANES columns from c on. */
BNC_INLINE void value_products(const block *b, const query *p /* [STEPS, ROWS] */, size_t c, int32x4_t (*sum)[VECTORS] /* [ROWS] */);

#include "ops/attention/attention_rows_i8_load_neon.h"

/* Functions of their own, so that each has all registers for what its loops keep. */
#define APART static __attribute__((noinline)) void

APART scores(const block *b, const tile *t, size_t padded, pass *p) {
  for (size_t key = 0; key < b->keys.all; key += LANES) {
    int32x4_t sum[ROWS][VECTORS];
    key_products(b, t, padded, key, sum);
    V16_UNROLL for (size_t r = 0; r < ROWS; ++r) {
      V16_UNROLL for (size_t x = 0; x < VECTORS; ++x) {
        const float32x4_t in_steps = vmulq_f32(vcvtq_f32_s32(sum[r][x]), vld1q_f32(b->keys.step + key + 4 * x));
        vst1q_f32(p->s + r * BNC_ATTENTION_BLOCK + key + 4 * x, vmulq_f32(in_steps, vdupq_n_f32(t->step[r])));
      }
    }
  }
}

/* Weights are stored less LESS. */
APART weights(const block *b, tile *t, pass *p) {
  const size_t all = b->keys.all, last = all - 16;
  query *out = (query *)(void *)p->p; /* [STEPS, ROWS] */
  float *s = p->s, total[16] = {0};
  v16_store(p->top, v16_load(t->m));
  for (size_t r = 0; r < ROWS; ++r, s += BNC_ATTENTION_BLOCK) {
    if (b->n < all) v16_store(s + last, v16_first_or(v16_load(s + last), v16_set1(-INFINITY), b->n - last));
    v16 most = v16_load(s);
    for (size_t j = 16; j < all; j += 16) most = v16_max(v16_load(s + j), most);
    const float greatest = v16_greatest(most);
    p->top[r] = greatest > p->top[r] ? greatest : p->top[r];
    uint32x4_t sum = vdupq_n_u32(0);
    for (size_t j = 0; j < all; j += 16) {
      const uint8x16_t x = low_bytes(rounded(v16_exp_nonpositive(v16_sub(v16_load(s + j), v16_set1(p->top[r]))), v16_set1(255.0f)));
      sum = vdotq_u32(sum, x, vdupq_n_u8(1));
      spread(out + j / TOGETHER * ROWS + r, LESS ? veorq_u8(x, vdupq_n_u8(LESS)) : x);
    }
    const uint32x2_t half = vadd_u32(vget_low_u32(sum), vget_high_u32(sum));
    total[r] = (float)(vget_lane_u32(half, 0) + vget_lane_u32(half, 1));
  }
  const v16 top = v16_load(p->top), shrink = v16_exp_nonpositive(v16_sub(v16_load(t->m), top));
  v16_store(p->alpha, shrink);
  v16_store(t->m, top);
  v16_store(t->l, v16_fma(v16_load(t->l), shrink, v16_load(total)));
}

APART values(const block *b, const tile *t, size_t padded, const pass *p) {
  const query *weight = (const query *)(const void *)p->p; /* [STEPS, ROWS] */
  float *out = t->out;
  for (size_t c = 0; c < padded; c += LANES, out += LANES) {
    int32x4_t sum[ROWS][VECTORS];
    float32x4_t step[VECTORS];
    value_products(b, weight, c, sum);
    V16_UNROLL for (size_t x = 0; x < VECTORS; ++x) step[x] = vld1q_f32(b->value_step + c + 4 * x);
    float *o = out;
    V16_UNROLL for (size_t r = 0; r < ROWS; ++r, o += padded) {
      V16_UNROLL for (size_t x = 0; x < VECTORS; ++x) {
        vst1q_f32(o + 4 * x, vfmaq_f32(vmulq_f32(vld1q_f32(o + 4 * x), vdupq_n_f32(p->alpha[r])), vcvtq_f32_s32(sum[r][x]), step[x]));
      }
    }
  }
}

static void load_block(const bnc_attention_args *a, const float *keys, const float *all_values, size_t padded, block *b) {
  b->keys.all = (b->n + 15) / 16 * 16;
  b->keys.start = (int32_t *)(void *)b->room;
  load_keys(a, keys, padded, b);
  load_values(a, all_values, padded, b);
}

static float round_query(const float *q, size_t d, size_t padded, size_t r, tile *t) {
  const float most = greatest_of(q, d);
  for (size_t i = 0; i < padded; i += 16) {
    spread(t->q + i / TOGETHER * ROWS + r, low_bytes(rounded(load_part(q, i, d), v16_set1(inverse_of(most)))));
  }
  return bnc_attention_i8_step(most);
}

#endif
