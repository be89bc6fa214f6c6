/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

/* SDOT multiplies signed bytes by signed bytes: queries and keys as they are, weights less 128, which the sums of the values, times 128,
   make up for. Two rows come in one load, each in a lane of it. */
#ifdef __aarch64__
enum { ROWS = 6, VECTORS = 4 }; /* 24 sums, 4 vectors and a pair of rows of 32 registers */
#else
enum { ROWS = 4, VECTORS = 2 }; /* of 16 */
#endif
enum { LESS = 128 };
typedef uint32_t query;

#include "ops/attention/attention_rows_i8_neon.h"
#include "ops/inline.h"

BNC_INLINE void spread(query *out, uint8x16_t bytes) {
  const uint32x4_t x = vreinterpretq_u32_u8(bytes);
  vst1q_lane_u32(out, x, 0);
  vst1q_lane_u32(out + ROWS, x, 1);
  vst1q_lane_u32(out + 2 * ROWS, x, 2);
  vst1q_lane_u32(out + 3 * ROWS, x, 3);
}

BNC_INLINE void put_keys(const block *b, size_t padded, size_t j, size_t i, const uint8x16_t *x) {
  int8_t *out = b->k + j / LANES * (padded * LANES) + i * LANES + j % LANES * 4;
  const uint32x4x2_t y = vtrnq_u32(vreinterpretq_u32_u8(x[0]), vreinterpretq_u32_u8(x[1]));
  const uint32x4x2_t z = vtrnq_u32(vreinterpretq_u32_u8(x[2]), vreinterpretq_u32_u8(x[3]));
  vst1q_s8(out, vreinterpretq_s8_u32(vcombine_u32(vget_low_u32(y.val[0]), vget_low_u32(z.val[0]))));
  vst1q_s8(out + 4 * LANES, vreinterpretq_s8_u32(vcombine_u32(vget_low_u32(y.val[1]), vget_low_u32(z.val[1]))));
  vst1q_s8(out + 8 * LANES, vreinterpretq_s8_u32(vcombine_u32(vget_high_u32(y.val[0]), vget_high_u32(z.val[0]))));
  vst1q_s8(out + 12 * LANES, vreinterpretq_s8_u32(vcombine_u32(vget_high_u32(y.val[1]), vget_high_u32(z.val[1]))));
}

BNC_INLINE void put_values(const block *b, size_t c, size_t j, int8x16_t (*y)[4]) {
  V16_UNROLL for (size_t i = 0; i < 4; ++i) {
    const size_t at = c + 4 * i;
    int8_t *out = b->v + at / LANES * (BNC_ATTENTION_BLOCK * LANES) + j * LANES + at % LANES * 4;
    vst1q_s8(out, y[0][i]);
    vst1q_s8(out + 4 * LANES, y[1][i]);
  }
}

/* sum[r][x] += the products of `steps` times four bytes of row r with as many of LANES lanes. */
BNC_INLINE void products(const query *rows /* [steps, ROWS] */, const int8_t *lanes /* [steps, LANES, 4] */, size_t steps,
                         int32x4_t (*sum)[VECTORS]) {
  BNC_UNROLL(2) for (size_t i = 0; i < steps; ++i, rows += ROWS, lanes += 4 * LANES) {
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

BNC_INLINE void key_products(const block *b, const tile *t, size_t padded, size_t key, int32x4_t (*sum)[VECTORS]) {
  V16_UNROLL for (size_t r = 0; r < ROWS; ++r) V16_UNROLL for (size_t x = 0; x < VECTORS; ++x) sum[r][x] = vdupq_n_s32(0);
  products(t->q, b->k + key * padded, padded / 4, sum);
}

BNC_INLINE void value_products(const block *b, const query *p, size_t c, int32x4_t (*sum)[VECTORS]) {
  V16_UNROLL for (size_t r = 0; r < ROWS; ++r) V16_UNROLL for (size_t x = 0; x < VECTORS; ++x) sum[r][x] =
      vld1q_s32(b->keys.start + c + 4 * x);
  products(p, b->v + c * BNC_ATTENTION_BLOCK, b->keys.all / 4, sum);
}

void bnc_attention_rows_i8_neon_dotprod(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  assert(args->head_size <= BNC_ATTENTION_I8_SIZE);
  attend(args, kv_head, from, to, scratch);
}
