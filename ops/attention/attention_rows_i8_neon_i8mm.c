/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>

/* SMMLA takes eight products of two rows with those of two keys, and USMMLA unsigned weights as they are: pairs of rows, and of keys or
   columns, stand side by side, eight bytes of the one, then of the other. */
enum { ROWS = 6, VECTORS = 4, LESS = 0 }; /* 24 sums, three pairs of rows, and a pair of keys after the other, of 32 registers */
typedef uint64_t query;

#include "ops/attention/attention_rows_i8_neon.h"

enum { PAIRS = LANES / 2 };

BNC_INLINE void spread(query *out, uint8x16_t bytes) {
  vst1q_lane_u64(out, vreinterpretq_u64_u8(bytes), 0);
  vst1q_lane_u64(out + ROWS, vreinterpretq_u64_u8(bytes), 1);
}

BNC_INLINE void put_keys(const block *b, size_t padded, size_t j, size_t i, const uint8x16_t *x) {
  int8_t *out = b->k + j / LANES * (padded * LANES) + i * LANES + j % LANES * 8;
  V16_UNROLL for (size_t r = 0; r < 4; r += 2, out += 16) {
    const uint64x2_t y = vreinterpretq_u64_u8(x[r]), z = vreinterpretq_u64_u8(x[r + 1]);
    vst1q_s8(out, vreinterpretq_s8_u64(vzip1q_u64(y, z)));
    vst1q_s8(out + 8 * LANES, vreinterpretq_s8_u64(vzip2q_u64(y, z)));
  }
}

BNC_INLINE void put_values(const block *b, size_t c, size_t j, int8x16_t (*y)[4]) {
  int8_t *out = b->v + c * BNC_ATTENTION_BLOCK + j * LANES;
  V16_UNROLL for (size_t i = 0; i < 4; ++i, out += 32) {
    const int32x4_t first = vreinterpretq_s32_s8(y[0][i]), last = vreinterpretq_s32_s8(y[1][i]);
    vst1q_s8(out, vreinterpretq_s8_s32(vzip1q_s32(first, last)));
    vst1q_s8(out + 16, vreinterpretq_s8_s32(vzip2q_s32(first, last)));
  }
}

/* The products of `steps` times eight bytes of each row with as many of LANES lanes. unsigned_rows: a constant. */
BNC_INLINE void products(const query *rows /* [steps, ROWS] */, const int8_t *lanes /* [steps, LANES, 8] */, size_t steps,
                         const bool unsigned_rows, int32x4_t (*sum)[VECTORS]) {
  int32x4_t pair[ROWS / 2][PAIRS]; /* two keys of the one row, then of the other */
  V16_UNROLL for (size_t r = 0; r < ROWS / 2; ++r) V16_UNROLL for (size_t x = 0; x < PAIRS; ++x) pair[r][x] = vdupq_n_s32(0);
  for (size_t i = 0; i < steps; ++i, rows += ROWS, lanes += 8 * LANES) {
    int8x16_t q[ROWS / 2];
    V16_UNROLL for (size_t r = 0; r < ROWS / 2; ++r) q[r] = vld1q_s8((const int8_t *)(rows + 2 * r));
    V16_UNROLL for (size_t x = 0; x < PAIRS; ++x) {
      const int8x16_t y = vld1q_s8(lanes + 16 * x);
      V16_UNROLL for (size_t r = 0; r < ROWS / 2; ++r) pair[r][x] =
          unsigned_rows ? vusmmlaq_s32(pair[r][x], vreinterpretq_u8_s8(q[r]), y) : vmmlaq_s32(pair[r][x], q[r], y);
    }
  }
  V16_UNROLL for (size_t r = 0; r < ROWS / 2; ++r) {
    V16_UNROLL for (size_t x = 0; x < VECTORS; ++x) {
      const int64x2_t y = vreinterpretq_s64_s32(pair[r][2 * x]), z = vreinterpretq_s64_s32(pair[r][2 * x + 1]);
      sum[2 * r][x] = vreinterpretq_s32_s64(vzip1q_s64(y, z));
      sum[2 * r + 1][x] = vreinterpretq_s32_s64(vzip2q_s64(y, z));
    }
  }
}

BNC_INLINE void key_products(const block *b, const tile *t, size_t padded, size_t key, int32x4_t (*sum)[VECTORS]) {
  products(t->q, b->k + key * padded, padded / 8, false, sum);
}

BNC_INLINE void value_products(const block *b, const query *p, size_t c, int32x4_t (*sum)[VECTORS]) {
  products(p, b->v + c * BNC_ATTENTION_BLOCK, b->keys.all / 8, true, sum);
}

void bnc_attention_rows_i8_neon_i8mm(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  assert(args->head_size <= BNC_ATTENTION_I8_SIZE);
  attend(args, kv_head, from, to, scratch);
}
