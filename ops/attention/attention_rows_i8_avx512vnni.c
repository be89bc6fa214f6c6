/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx512vnni.h"

#include "ops/attention/attention_products_avx512vnni.h"
#include "ops/attention/attention_round_avx512vnni.h"

/* VPDPBUSD multiplies unsigned by signed bytes: a query gets 128 added, which a key's sum takes off; weights are unsigned by themselves. A
   tile is six rows by four vectors of keys, or of columns of values: 24 sums, four vectors and a broadcast of 32 registers. */
enum { GROUPS = BNC_ATTENTION_BLOCK / 16, CHUNK = 4 /* vectors of columns */, STEPS = BNC_ATTENTION_BLOCK / 4 };

typedef uint8_t rounded_weight; /* in 255ths */
typedef uint8_t element;        /* keys: [padded / 4][GROUPS][16 keys, 4]; values: for each CHUNK of vectors of columns, or less at the end,
                                 [STEPS][vectors][16 columns, 4 keys that lie 16 apart] */
typedef uint8_t query;          /* [ROWS, padded], of q + 128 */

typedef struct block_keys {
  v16 step[GROUPS];
  __m512i start[GROUPS];   /* -128 times the keys' sums */
  __mmask16 there[GROUPS]; /* those that there are */
} block_keys;

/* Sixteen keys as they lie: [16, stride], stride a multiple of 64. */
static inline size_t row_stride(size_t padded) { return (padded + 63) / 64 * 64; }
static inline size_t room_bytes(size_t padded) { return 16 * row_stride(padded); }

#include "ops/attention/attention_rows_walk.h"

/* The integers that x * factor rounds to, 128 added, in the low bytes: of the same parity, hence rounded alike. Nothing stands in the byte
   above. */
BNC_INLINE __m512i rounded_128(v16 x, v16 factor) {
  return _mm512_castps_si512(v16_fma(x, factor, v16_set1(BNC_ATTENTION_I8_MAGIC + 128.0f)).a);
}

/* The low bytes of four vectors, those of a lane side by side. The byte above must be empty. */
BNC_INLINE __m512i low_bytes(const __m512i *x /* [4] */) {
  enum { OR_AND = 0xa8, OR_OR = 0xfe }; /* (a | b) & c; a | b | c */
  const __m512i low = _mm512_ternarylogic_epi32(x[0], _mm512_slli_epi32(x[1], 8), _mm512_set1_epi32(0xffff), OR_AND);
  return _mm512_ternarylogic_epi32(low, _mm512_slli_epi32(x[2], 16), _mm512_slli_epi32(x[3], 24), OR_OR);
}

/* The greatest magnitude of each lane of a row of d values. */
BNC_INLINE v16 greatest_lanes(const float *x /* [d] */, size_t d) {
  v16 most = v16_set1(0.0f);
  for (size_t i = 0; i < d; i += 16) most = v16_max(v16_abs(load_part(x, i, d)), most);
  return most;
}

/* Sixteen keys, or `n`, as bytes in rows, zeros behind them up to the next multiple of 16 and in place of those missing; their steps. */
static v16 round_keys(const float *keys /* [n, k_stride] */, size_t k_stride, size_t n, size_t d, size_t padded,
                      uint8_t *rows /* [16, stride] */, size_t stride) {
  _Alignas(64) float factor[16];
  __m512i x[16];
  UNROLL for (size_t j = 0; j < 16; ++j) {
    x[j] = _mm512_castps_si512(j < n ? greatest_lanes(keys + j * k_stride, d).a : _mm512_setzero_ps());
  }
  /* Turned round, the lanes of a key lie in one lane of all. */
  bnc_transpose_16x16(x);
  v16 most = {_mm512_castsi512_ps(x[0])};
  UNROLL for (size_t j = 1; j < 16; ++j) most = v16_max((v16){_mm512_castsi512_ps(x[j])}, most);
  v16_store(factor, inverse_of(most));
  for (size_t j = 0; j < n; ++j) {
    for (size_t i = 0; i < d; i += 16) {
      const __m512i bytes = rounded(load_part(keys + j * k_stride, i, d), v16_set1(factor[j]));
      _mm_storeu_si128((__m128i *)(rows + j * stride + i), _mm512_cvtepi32_epi8(bytes));
    }
  }
  for (size_t j = n; j < 16; ++j) memset(rows + j * stride, 0, padded);
  return step_of(most);
}

static void load_keys(const bnc_attention_args *a, const float *keys, size_t padded, block *b) {
  const size_t stride = row_stride(padded);
  uint8_t *rows = b->room;
  for (size_t g = 0; g < GROUPS; ++g) {
    const size_t n = b->n > 16 * g ? least(b->n - 16 * g, 16) : 0;
    __m512i sum = _mm512_setzero_si512();
    b->keys.there[g] = v16_first(n);
    b->keys.step[g] = v16_set1(0.0f);
    b->keys.start[g] = sum;
    if (!n) continue;
    b->keys.step[g] = round_keys(keys + 16 * g * a->k_stride, a->k_stride, n, a->head_size, padded, rows, stride);
    /* 16 keys of 64 bytes become 16 vectors of four bytes of each key, and add up on the way. */
    for (size_t i = 0; i < padded; i += 64) {
      __m512i x[16];
      UNROLL for (size_t j = 0; j < 16; ++j) x[j] = _mm512_loadu_si512((const void *)(rows + j * stride + i));
      bnc_transpose_16x16(x);
      for (size_t j = 0; j < 16 && i + 4 * j < padded; ++j) {
        _mm512_store_si512((void *)(b->k + ((i / 4 + j) * GROUPS + g) * 64), x[j]);
        sum = _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), x[j]);
      }
    }
    b->keys.start[g] = _mm512_slli_epi32(_mm512_sub_epi32(_mm512_setzero_si512(), sum), 7);
  }
}

/* `vectors` (a constant) times sixteen columns from c on. Rows are read once: where they lie a multiple of 4096 bytes apart, they drive
   each other out of the first cache. */
BNC_INLINE void load_columns(const bnc_attention_args *a, const float *all_values, size_t c, block *b, const size_t vectors) {
  const size_t n = b->n, d = a->head_size;
  uint8_t *out = b->v + c * BNC_ATTENTION_BLOCK;
  _Alignas(64) float copy[BNC_ATTENTION_BLOCK * 16 * CHUNK]; /* [n, 16 * vectors] */
  __mmask16 mask[CHUNK];
  v16 most[CHUNK];
  UNROLL for (size_t x = 0; x < vectors; ++x) {
    mask[x] = v16_first(least(d - c - 16 * x, 16));
    most[x] = v16_set1(0.0f);
  }
  /* A step for each column, from its greatest magnitude in this block. */
  for (size_t j = 0; j < n; ++j) {
    const float *value = all_values + j * a->v_stride + c;
    UNROLL for (size_t x = 0; x < vectors; ++x) {
      const v16 y = {_mm512_maskz_loadu_ps(mask[x], value + 16 * x)};
      v16_store(copy + 16 * (j * vectors + x), y);
      most[x] = v16_max(v16_abs(y), most[x]);
    }
  }
  UNROLL for (size_t x = 0; x < vectors; ++x) {
    v16_store(b->value_step + c + 16 * x, step_of(most[x]));
    most[x] = inverse_of(most[x]);
  }
  memset(copy + 16 * n * vectors, 0, (BNC_ATTENTION_BLOCK - n) * 64 * vectors);
  for (size_t j = 0; j < STEPS && j < n; ++j, out += 64 * vectors) {
    __m512i four[CHUNK][4];
    /* The rounded values of four keys, 16 apart as their weights are, share an int32 per column. */
    UNROLL for (size_t i = 0; i < 4; ++i) {
      const size_t key = j + 16 * i;
      UNROLL for (size_t x = 0; x < vectors; ++x) four[x][i] = rounded_128(v16_load(copy + 16 * (key * vectors + x)), most[x]);
    }
    UNROLL for (size_t x = 0; x < vectors; ++x) {
      _mm512_store_si512((void *)(out + 64 * x), _mm512_xor_si512(low_bytes(four[x]), _mm512_set1_epi8(-128)));
    }
  }
}

static float round_query(const float *q, size_t d, size_t padded, size_t r, tile *t) {
  const float most = v16_greatest(greatest_lanes(q, d));
  const v16 factor = v16_set1(most > BNC_ATTENTION_I8_TINY ? 127.0f / most : 0.0f);
  for (size_t i = 0; i < d; i += 16) {
    const __m128i bytes = _mm512_cvtepi32_epi8(rounded_128(load_part(q, i, d), factor));
    _mm_storeu_si128((__m128i *)(t->q + r * padded + i), bytes);
  }
  return bnc_attention_i8_step(most);
}

BNC_INLINE __m512 add_bits(__m512 x, __m512 y) {
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), _mm512_castps_si512(y)));
}
DEFINE_PRODUCTS(products, __m512i, "vpdpbusd")
REDUCE_6(greatest_6, _mm512_max_ps)
REDUCE_6(sums_6, add_bits) /* integers */

/* groups: vectors of keys that are looked at; masked: some of their keys may be missing. Constants. */
BNC_INLINE void scores_of(const block *b, const tile *t, size_t padded, pass *x, const size_t groups, const bool masked) {
  __m512i sum[ROWS][4];
  __m512 most[ROWS];
  /* As integers: what the queries' 128 adds is in the start. */
  UNROLL for (size_t r = 0; r < ROWS; ++r) UNROLL for (size_t g = 0; g < groups; ++g) sum[r][g] = b->keys.start[g];
  products(t->q, padded, b->k, GROUPS, padded / 4, sum, groups);
  /* As floats, with each row's maximum so far. */
  UNROLL for (size_t r = 0; r < ROWS; ++r) {
    UNROLL for (size_t g = 0; g < groups; ++g) {
      const v16 exact = {_mm512_cvtepi32_ps(sum[r][g])};
      __m512 s = v16_mul(v16_mul(exact, b->keys.step[g]), v16_set1(t->step[r])).a;
      if (masked) s = _mm512_mask_blend_ps(b->keys.there[g], _mm512_set1_ps(-INFINITY), s);
      _mm512_store_ps(x->s + r * BNC_ATTENTION_BLOCK + 16 * g, s);
      most[r] = g ? _mm512_max_ps(most[r], s) : s;
    }
  }
  v16_store(x->top, v16_max((v16){greatest_6(most)}, v16_load(t->m)));
}

/* Softmax in one pass (arXiv 1805.02867): what came before shrinks where the maximum grew. Weights stand in the order of low_bytes. */
BNC_INLINE void weights_of(tile *t, pass *x, const size_t groups) {
  __m512 total[ROWS];
  const v16 top = v16_load(x->top), shrink = v16_exp_nonpositive(v16_sub(v16_load(t->m), top));
  /* Weights in 255ths, and their exact sum. */
  UNROLL for (size_t r = 0; r < ROWS; ++r) {
    const float *s = x->s + r * BNC_ATTENTION_BLOCK;
    __m512i w[GROUPS] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
    v16 less[GROUPS];
    UNROLL for (size_t g = 0; g < groups; ++g) less[g] = v16_sub(v16_load(s + 16 * g), v16_set1(x->top[r]));
    weight_bits(less, w, groups);
    const __m512i bytes = low_bytes(w);
    _mm512_store_si512((void *)(x->p + r * BNC_ATTENTION_BLOCK), bytes);
    total[r] = _mm512_castsi512_ps(_mm512_dpbusd_epi32(_mm512_setzero_si512(), bytes, _mm512_set1_epi8(1)));
  }
  const v16 sums = {_mm512_cvtepi32_ps(_mm512_castps_si512(sums_6(total)))};
  v16_store(x->alpha, shrink);
  v16_store(t->m, top);
  v16_store(t->l, v16_fma(v16_load(t->l), shrink, sums));
}

/* `vectors` (a constant) times sixteen columns from c on. */
BNC_INLINE void values_of(const block *b, const tile *t, size_t c, size_t padded, const pass *p, const size_t vectors) {
  __m512i sum[ROWS][4];
  UNROLL for (size_t r = 0; r < ROWS; ++r) UNROLL for (size_t x = 0; x < vectors; ++x) sum[r][x] = _mm512_setzero_si512();
  products(p->p, BNC_ATTENTION_BLOCK, b->v + c * BNC_ATTENTION_BLOCK, vectors, b->n < STEPS ? b->n : STEPS, sum, vectors);
  UNROLL for (size_t r = 0; r < ROWS; ++r) {
    UNROLL for (size_t x = 0; x < vectors; ++x) {
      float *o = t->out + r * padded + c + 16 * x;
      const v16 before = v16_mul(v16_load(o), v16_set1(p->alpha[r])), exact = {_mm512_cvtepi32_ps(sum[r][x])};
      v16_store(o, v16_fma(exact, v16_load(b->value_step + c + 16 * x), before));
    }
  }
}

#include "ops/attention/attention_apart_avx512vnni.h"

void bnc_attention_rows_i8_avx512vnni(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  assert(args->head_size <= BNC_ATTENTION_I8_SIZE);
  attend(args, kv_head, from, to, scratch);
}
