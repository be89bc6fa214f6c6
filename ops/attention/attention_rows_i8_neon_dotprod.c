/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_neon.h"

#include "ops/attention/attention.h"

/* SDOT multiplies signed bytes by signed bytes: queries and keys as they are, weights less 128, which the sums of the values, times 128,
   make up for. A tile is ROWS rows by VECTORS vectors of four keys, or of four columns of values; two rows come in one load, each in a lane
   of it. */
#ifdef __aarch64__
enum { ROWS = 6, VECTORS = 4 }; /* 24 sums, 4 vectors and a pair of rows of 32 registers */
#else
enum { ROWS = 4, VECTORS = 2 }; /* of 16 */
#endif
enum { LANES = 4 * VECTORS, STEPS = BNC_ATTENTION_BLOCK / 4 };

typedef int8_t byte;    /* keys: [64 / LANES][padded / 4][LANES keys, 4]; values: [padded / LANES][STEPS][LANES columns, 4 keys] */
typedef uint32_t query; /* [padded / 4][ROWS], of four bytes */

typedef struct block_keys {
  size_t steps;   /* fours of keys, as many as make whole sixteens */
  int32_t *start; /* [padded], 128 times the sums of the values */
  float step[BNC_ATTENTION_BLOCK];
} block_keys;

static inline size_t room_bytes(size_t padded) { return padded * sizeof(int32_t); } /* start */

#include "ops/attention/attention_rows_i8_walk.h"

V16_INLINE float inverse_of(float most) { return most > BNC_ATTENTION_I8_TINY ? 127.0f / most : 0.0f; }
V16_INLINE float step_of(float most) { return most > BNC_ATTENTION_I8_TINY ? most * BNC_ATTENTION_I8_STEP : 0.0f; }
V16_INLINE v16 load_part(const float *x, size_t i, size_t d) { return d - i >= 16 ? v16_load(x + i) : v16_load_n(x + i, d - i); }
/* The integers that x * factor rounds to, in the low bits. */
V16_INLINE v16 rounded(v16 x, v16 factor) { return v16_fma(x, factor, v16_set1(BNC_ATTENTION_I8_MAGIC)); }

/* The low bytes of sixteen lanes. */
V16_INLINE uint8x16_t low_bytes(v16 x) {
  const uint16x8_t low = vuzpq_u16(vreinterpretq_u16_f32(x.a), vreinterpretq_u16_f32(x.b)).val[0];
  const uint16x8_t high = vuzpq_u16(vreinterpretq_u16_f32(x.c), vreinterpretq_u16_f32(x.d)).val[0];
  return vuzpq_u8(vreinterpretq_u8_u16(low), vreinterpretq_u8_u16(high)).val[0];
}
/* The low bytes of four rows of lanes, lane by lane. */
V16_INLINE int8x16_t low_columns(float32x4_t x, float32x4_t y, float32x4_t z, float32x4_t w) {
  const uint32x4_t first = vsliq_n_u32(vreinterpretq_u32_f32(x), vreinterpretq_u32_f32(y), 8);
  const uint32x4_t last = vsliq_n_u32(vreinterpretq_u32_f32(z), vreinterpretq_u32_f32(w), 8);
  return vreinterpretq_s8_u32(vsliq_n_u32(first, last, 16));
}
/* Four times four bytes of a row to where the tile's rows stand side by side. */
V16_INLINE void spread(uint32_t *out /* [4, ROWS] */, uint8x16_t bytes) {
  const uint32x4_t x = vreinterpretq_u32_u8(bytes);
  vst1q_lane_u32(out, x, 0);
  vst1q_lane_u32(out + ROWS, x, 1);
  vst1q_lane_u32(out + 2 * ROWS, x, 2);
  vst1q_lane_u32(out + 3 * ROWS, x, 3);
}

V16_INLINE float greatest_of(const float *x /* [d] */, size_t d) {
  v16 most = v16_set1(0.0f);
  for (size_t i = 0; i < d; i += 16) most = v16_max(v16_abs(load_part(x, i, d)), most);
  return v16_greatest(most);
}

/* Whole sixteens of keys: those that are not there repeat the last one, and get no weight. */
static void load_keys(const bnc_attention_args *a, const float *keys /* [n, d] */, size_t padded, block *b) {
  const size_t d = a->head_size;
  for (size_t j = 0; j < 4 * b->keys.steps; j += 4) {
    const float *row[4]; /* [d] each */
    v16 factor[4];
    int8_t *out = b->k + j / LANES * (padded * LANES) + j % LANES * 4;
    for (size_t r = 0; r < 4; ++r) {
      row[r] = keys + (j + r < b->n ? j + r : b->n - 1) * a->k_stride;
      const float most = greatest_of(row[r], d);
      factor[r] = v16_set1(inverse_of(most));
      b->keys.step[j + r] = step_of(most);
    }
    for (size_t i = 0; i < padded; i += 16, out += 16 * LANES) {
      uint32x4_t x[4];
      V16_UNROLL for (size_t r = 0; r < 4; ++r) x[r] = vreinterpretq_u32_u8(low_bytes(rounded(load_part(row[r], i, d), factor[r])));
      const uint32x4x2_t y = vtrnq_u32(x[0], x[1]), z = vtrnq_u32(x[2], x[3]);
      vst1q_s8(out, vreinterpretq_s8_u32(vcombine_u32(vget_low_u32(y.val[0]), vget_low_u32(z.val[0]))));
      vst1q_s8(out + 4 * LANES, vreinterpretq_s8_u32(vcombine_u32(vget_low_u32(y.val[1]), vget_low_u32(z.val[1]))));
      vst1q_s8(out + 8 * LANES, vreinterpretq_s8_u32(vcombine_u32(vget_high_u32(y.val[0]), vget_high_u32(z.val[0]))));
      vst1q_s8(out + 12 * LANES, vreinterpretq_s8_u32(vcombine_u32(vget_high_u32(y.val[1]), vget_high_u32(z.val[1]))));
    }
  }
}

/* As many values as keys, zeros for those that are not there. */
static void load_values(const bnc_attention_args *a, const float *values /* [n, d] */, size_t padded, block *b) {
  const size_t d = a->head_size;
  const int8x16_t one = vdupq_n_s8(1);
  const v16 zero = v16_set1(0.0f);
  for (size_t c = 0; c < padded; c += 16) {
    int32x4_t sum[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    v16 most = zero;
    for (size_t j = 0; j < b->n; ++j) most = v16_max(v16_abs(load_part(values + j * a->v_stride, c, d)), most);
    const v16 above = v16_sub(most, v16_set1(BNC_ATTENTION_I8_TINY)),
              factor = v16_if_positive(above, v16_div(v16_set1(127.0f), most), zero);
    v16_store(b->value_step + c, v16_if_positive(above, v16_mul(most, v16_set1(BNC_ATTENTION_I8_STEP)), zero));
    for (size_t j = 0; j < b->keys.steps; ++j) {
      v16 x[4];
      V16_UNROLL for (size_t i = 0; i < 4; ++i) x[i] =
          rounded(4 * j + i < b->n ? load_part(values + (4 * j + i) * a->v_stride, c, d) : zero, factor);
      const int8x16_t y[4] = {low_columns(x[0].a, x[1].a, x[2].a, x[3].a), low_columns(x[0].b, x[1].b, x[2].b, x[3].b),
                              low_columns(x[0].c, x[1].c, x[2].c, x[3].c), low_columns(x[0].d, x[1].d, x[2].d, x[3].d)};
      V16_UNROLL for (size_t i = 0; i < 4; ++i) {
        const size_t at = c + 4 * i;
        vst1q_s8(b->v + at / LANES * (STEPS * 4 * LANES) + j * (4 * LANES) + at % LANES * 4, y[i]);
        sum[i] = vdotq_s32(sum[i], y[i], one);
      }
    }
    V16_UNROLL for (size_t i = 0; i < 4; ++i) vst1q_s32(b->keys.start + c + 4 * i, vshlq_n_s32(sum[i], 7));
  }
}

/* sum[r][x] += the products of `steps` times four bytes of row r with as many of LANES lanes. */
V16_INLINE void products(const uint32_t *rows /* [steps, ROWS] */, const int8_t *lanes /* [steps, LANES, 4] */, size_t steps,
                         int32x4_t (*sum)[VECTORS]) {
  _Pragma("GCC unroll 2") for (size_t i = 0; i < steps; ++i, rows += ROWS, lanes += 4 * LANES) {
    int8x16_t y[VECTORS];
    V16_UNROLL for (size_t x = 0; x < VECTORS; ++x) y[x] = vld1q_s8(lanes + 16 * x);
    V16_UNROLL for (size_t r = 0; r < ROWS; r += 2) {
      const int8x8_t two = vld1_s8((const int8_t *)(rows + r));
      V16_UNROLL for (size_t x = 0; x < VECTORS; ++x) {
        sum[r][x] = vdotq_lane_s32(sum[r][x], y[x], two, 0);
        sum[r + 1][x] = vdotq_lane_s32(sum[r + 1][x], y[x], two, 1);
      }
    }
  }
}

/* Functions of their own, so that each has all registers for what its loops keep. */
#define APART static __attribute__((noinline)) void

APART scores(const block *b, const tile *t, size_t padded, float *s /* [ROWS, 64] */) {
  for (size_t key = 0; key < 4 * b->keys.steps; key += LANES) {
    int32x4_t sum[ROWS][VECTORS];
    V16_UNROLL for (size_t r = 0; r < ROWS; ++r) V16_UNROLL for (size_t x = 0; x < VECTORS; ++x) sum[r][x] = vdupq_n_s32(0);
    products(t->q, b->k + key * padded, padded / 4, sum);
    V16_UNROLL for (size_t r = 0; r < ROWS; ++r) {
      V16_UNROLL for (size_t x = 0; x < VECTORS; ++x) {
        const float32x4_t in_steps = vmulq_f32(vcvtq_f32_s32(sum[r][x]), vld1q_f32(b->keys.step + key + 4 * x));
        vst1q_f32(s + r * BNC_ATTENTION_BLOCK + key + 4 * x, vmulq_f32(in_steps, vdupq_n_f32(t->step[r])));
      }
    }
  }
}

/* Weights of the block's keys, in 255ths less 128; t's maxima and sums go on, and alpha says by what its results shrink. */
APART weights(const block *b, tile *t, float *s /* [ROWS, 64] */, uint32_t *p /* [STEPS, ROWS] */, float *alpha /* [16] */) {
  const size_t all = 4 * b->keys.steps, last = all - 16;
  float m[16], total[16] = {0};
  v16_store(m, v16_load(t->m));
  for (size_t r = 0; r < ROWS; ++r, s += BNC_ATTENTION_BLOCK) {
    if (b->n < all) v16_store(s + last, v16_first_or(v16_load(s + last), v16_set1(-INFINITY), b->n - last));
    v16 most = v16_load(s);
    for (size_t j = 16; j < all; j += 16) most = v16_max(v16_load(s + j), most);
    const float greatest = v16_greatest(most);
    m[r] = greatest > m[r] ? greatest : m[r];
    uint32x4_t sum = vdupq_n_u32(0);
    for (size_t j = 0; j < all; j += 16) {
      const uint8x16_t x = low_bytes(rounded(v16_exp_nonpositive(v16_sub(v16_load(s + j), v16_set1(m[r]))), v16_set1(255.0f)));
      sum = vdotq_u32(sum, x, vdupq_n_u8(1));
      spread(p + j / 4 * ROWS + r, veorq_u8(x, vdupq_n_u8(128)));
    }
    const uint32x2_t half = vadd_u32(vget_low_u32(sum), vget_high_u32(sum));
    total[r] = (float)(vget_lane_u32(half, 0) + vget_lane_u32(half, 1));
  }
  const v16 shrink = v16_exp_nonpositive(v16_sub(v16_load(t->m), v16_load(m)));
  v16_store(alpha, shrink);
  v16_store(t->m, v16_load(m));
  v16_store(t->l, v16_fma(v16_load(t->l), shrink, v16_load(total)));
}

APART values(const block *b, const tile *t, size_t padded, const uint32_t *p /* [STEPS, ROWS] */, const float *alpha /* [ROWS] */) {
  float *out = t->out;
  for (size_t c = 0; c < padded; c += LANES, out += LANES) {
    int32x4_t sum[ROWS][VECTORS];
    float32x4_t step[VECTORS];
    V16_UNROLL for (size_t r = 0; r < ROWS; ++r) V16_UNROLL for (size_t x = 0; x < VECTORS; ++x) sum[r][x] =
        vld1q_s32(b->keys.start + c + 4 * x);
    products(p, b->v + c * BNC_ATTENTION_BLOCK, b->keys.steps, sum);
    V16_UNROLL for (size_t x = 0; x < VECTORS; ++x) step[x] = vld1q_f32(b->value_step + c + 4 * x);
    float *o = out;
    V16_UNROLL for (size_t r = 0; r < ROWS; ++r, o += padded) {
      V16_UNROLL for (size_t x = 0; x < VECTORS; ++x) {
        vst1q_f32(o + 4 * x, vfmaq_f32(vmulq_f32(vld1q_f32(o + 4 * x), vdupq_n_f32(alpha[r])), vcvtq_f32_s32(sum[r][x]), step[x]));
      }
    }
  }
}

static void walk(const block *b, tile *t, size_t padded) {
  float s[ROWS * BNC_ATTENTION_BLOCK], alpha[16];
  uint32_t p[STEPS * ROWS];
  scores(b, t, padded, s);
  weights(b, t, s, p, alpha);
  values(b, t, padded, p, alpha);
}

static void load_block(const bnc_attention_args *a, const float *keys, const float *all_values, size_t padded, block *b) {
  b->keys.steps = (b->n + 15) / 16 * 4;
  b->keys.start = (int32_t *)(void *)b->room;
  load_keys(a, keys, padded, b);
  load_values(a, all_values, padded, b);
}

static float round_query(const float *q, size_t d, size_t padded, size_t r, tile *t) {
  const float most = greatest_of(q, d);
  for (size_t i = 0; i < padded; i += 16) {
    spread(t->q + i / 4 * ROWS + r, low_bytes(rounded(load_part(q, i, d), v16_set1(inverse_of(most)))));
  }
  return most;
}

void bnc_attention_rows_i8_neon_dotprod(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  rows_i8(args, kv_head, from, to, scratch);
}
