/* SPDX-License-Identifier: Apache-2.0 */
/* VDPBF16PS: pairs of products, each fused with the sum and rounded to nearest even, subnormal numbers as zeros. */
#include "ops/simd/v16_avx512vnni.h"

#include "ops/attention/attention.h"
#include "ops/attention/attention_products_avx512vnni.h"
#include "ops/simd/math_v16.h"

#define UNROLL BNC_UNROLL(16)

enum { GROUPS = BNC_ATTENTION_BLOCK / 16, CHUNK = 4 /* vectors of columns */, STEPS = BNC_ATTENTION_BLOCK / 2 };

typedef uint16_t rounded_weight; /* [ROWS][STEPS, 2 keys that lie 16 apart] */
typedef uint16_t element;        /* keys: [padded / 2][GROUPS][16 keys, 2]; values: for each CHUNK of vectors of columns, or less at the
                                    end, [STEPS][vectors][16 columns, 2 keys that lie 16 apart] */
typedef uint16_t query;          /* [ROWS, padded] */

typedef struct block_keys {
  __mmask16 there[GROUPS]; /* those that there are */
} block_keys;

static inline size_t room_bytes(size_t padded) {
  (void)padded;
  return 0;
}

#include "ops/attention/attention_rows_walk.h"

DEFINE_PRODUCTS(products, __m512, "vdpbf16ps")
REDUCE_6(greatest_6, _mm512_max_ps)
REDUCE_6(sums_6, _mm512_add_ps)

/* Elements i to i + 15 of d, zeros for those that are not there. */
BNC_INLINE __m512 part_of(const float *x, size_t i, size_t d) {
  return _mm512_maskz_loadu_ps(i < d ? v16_first(d - i < 16 ? d - i : 16) : 0, x + i);
}

/* Two vectors as bf16, their lanes side by side, the first one's below. */
BNC_INLINE __m512i pairs_of(__m512 first, __m512 second) {
  const __m512i beside = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3,
                                          18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(beside, (__m512i)_mm512_cvtne2ps_pbh(second, first));
}

/* Where the pairs of keys of a step stand: the first, and sixteen keys further on. */
BNC_INLINE size_t first_key(size_t step) { return step < 16 ? step : step + 16; }
/* Steps in which there are any of n keys. */
BNC_INLINE size_t steps_of(size_t n) { return n <= 16 ? n : n <= 32 ? 16 : n <= 48 ? n - 16 : STEPS; }

static void load_keys(const bnc_attention_args *a, const float *keys, size_t padded, block *b) {
  for (size_t g = 0; g < GROUPS; ++g) {
    const size_t n = b->n <= 16 * g ? 0 : b->n - 16 * g < 16 ? b->n - 16 * g : 16;
    b->keys.there[g] = v16_first(n);
    if (!n) continue;
    const float *from = keys + 16 * g * a->k_stride;
    for (size_t i = 0; i < padded; i += 32) {
      __m512i x[16]; /* a key's columns in pairs, then a pair of all keys */
      UNROLL for (size_t j = 0; j < 16; ++j) {
        const float *key = from + j * a->k_stride;
        x[j] = j < n ? (__m512i)_mm512_cvtne2ps_pbh(part_of(key, i + 16, a->head_size), part_of(key, i, a->head_size))
                     : _mm512_setzero_si512();
      }
      bnc_transpose_16x16(x);
      for (size_t j = 0; j < 16 && i + 2 * j < padded; ++j) _mm512_store_si512((void *)(b->k + ((i / 2 + j) * GROUPS + g) * 32), x[j]);
    }
  }
}

/* `vectors` (a constant) times sixteen columns from c on. */
BNC_INLINE void load_columns(const bnc_attention_args *a, const float *all_values, size_t c, block *b, const size_t vectors) {
  element *out = b->v + c * BNC_ATTENTION_BLOCK;
  for (size_t step = 0; step < steps_of(b->n); ++step, out += 32 * vectors) {
    const size_t first = first_key(step), second = first + 16;
    UNROLL for (size_t x = 0; x < vectors; ++x) {
      const size_t at = c + 16 * x;
      const __m512 one = first < b->n ? part_of(all_values + first * a->v_stride, at, a->head_size) : _mm512_setzero_ps();
      const __m512 other = second < b->n ? part_of(all_values + second * a->v_stride, at, a->head_size) : _mm512_setzero_ps();
      _mm512_store_si512((void *)(out + 32 * x), pairs_of(one, other));
    }
  }
}

static float round_query(const float *q, size_t d, size_t padded, size_t r, tile *t) {
  for (size_t i = 0; i < padded; i += 16)
    _mm256_storeu_si256((__m256i *)(void *)(t->q + r * padded + i), (__m256i)_mm512_cvtneps_pbh(part_of(q, i, d)));
  return 1.0f;
}

/* groups: vectors of keys that are looked at; masked: some of their keys may be missing. Constants. */
BNC_INLINE void scores_of(const block *b, const tile *t, size_t padded, pass *x, const size_t groups, const bool masked) {
  __m512 sum[ROWS][4], most[ROWS];
  UNROLL for (size_t r = 0; r < ROWS; ++r) UNROLL for (size_t g = 0; g < groups; ++g) sum[r][g] = _mm512_setzero_ps();
  products(t->q, padded * sizeof(query), b->k, GROUPS, padded / 2, sum, groups);
  /* With each row's maximum so far. */
  UNROLL for (size_t r = 0; r < ROWS; ++r) {
    UNROLL for (size_t g = 0; g < groups; ++g) {
      __m512 s = _mm512_mul_ps(sum[r][g], _mm512_set1_ps(t->step[r]));
      if (masked) s = _mm512_mask_blend_ps(b->keys.there[g], _mm512_set1_ps(-INFINITY), s);
      _mm512_store_ps(x->s + r * BNC_ATTENTION_BLOCK + 16 * g, s);
      most[r] = g ? _mm512_max_ps(most[r], s) : s;
    }
  }
  v16_store(x->top, v16_max((v16){greatest_6(most)}, v16_load(t->m)));
}

/* Softmax in one pass (arXiv 1805.02867): what came before shrinks where the maximum grew. The sum is of what weights are rounded to. */
BNC_INLINE void weights_of(tile *t, pass *x, const size_t groups) {
  const __m512i ones = _mm512_set1_epi32(0x3f803f80);
  __m512 total[ROWS];
  const v16 top = v16_load(x->top), shrink = v16_exp_nonpositive(v16_sub(v16_load(t->m), top));
  UNROLL for (size_t r = 0; r < ROWS; ++r) {
    const float *s = x->s + r * BNC_ATTENTION_BLOCK;
    rounded_weight *p = x->p + r * BNC_ATTENTION_BLOCK;
    v16 w[GROUPS], exponent[GROUPS];
    UNROLL for (size_t g = 0; g < groups; ++g) w[g] = v16_sub(v16_load(s + 16 * g), v16_set1(x->top[r]));
    v16_exp_fractions(w, exponent, groups);
    UNROLL for (size_t g = 0; g < groups; ++g) w[g] = v16_mul(w[g], v16_power(exponent[g]));
    UNROLL for (size_t g = groups; g < GROUPS; ++g) w[g] = v16_set1(0.0f);
    const __m512i near = pairs_of(w[0].a, w[1].a), far = pairs_of(w[2].a, w[3].a);
    _mm512_store_si512((void *)p, near);
    _mm512_store_si512((void *)(p + 32), far);
    total[r] = _mm512_dpbf16_ps(_mm512_dpbf16_ps(_mm512_setzero_ps(), (__m512bh)near, (__m512bh)ones), (__m512bh)far, (__m512bh)ones);
  }
  v16_store(x->alpha, shrink);
  v16_store(t->m, top);
  v16_store(t->l, v16_fma(v16_load(t->l), shrink, (v16){sums_6(total)}));
}

/* `vectors` (a constant) times sixteen columns from c on. */
BNC_INLINE void values_of(const block *b, const tile *t, size_t c, size_t padded, const pass *p, const size_t vectors) {
  __m512 sum[ROWS][4];
  UNROLL for (size_t r = 0; r < ROWS; ++r) {
    UNROLL for (size_t x = 0; x < vectors; ++x) {
      sum[r][x] = _mm512_mul_ps(_mm512_loadu_ps(t->out + r * padded + c + 16 * x), _mm512_set1_ps(p->alpha[r]));
    }
  }
  products(p->p, BNC_ATTENTION_BLOCK * sizeof(rounded_weight), b->v + c * BNC_ATTENTION_BLOCK, vectors, steps_of(b->n), sum, vectors);
  UNROLL for (size_t r = 0; r < ROWS; ++r) UNROLL for (size_t x = 0; x < vectors; ++x)
      _mm512_storeu_ps(t->out + r * padded + c + 16 * x, sum[r][x]);
}

#include "ops/attention/attention_apart_avx512vnni.h"

void bnc_attention_rows_bf16_avx512bf16(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  attend(args, kv_head, from, to, scratch);
}
