/* SPDX-License-Identifier: Apache-2.0 */
#define I4_UNIT 2
#define I4_ROWS 6 /* 12 sums and as many of floats, 4 of weights and an activation, of 32 registers */
#include "ops/matmul/matmul_i4_slab_neon.h"

/* SMMLA takes eight products of two rows with two of the panel's, exactly into int32. */
BNC_INLINE void i4_block(const int8_t *bytes, const int8_t *const *q, int32x4_t (*sum)[I4_PARTS], const size_t units) {
  for (size_t c = 0; c < 4; ++c, bytes += 64) {
    int8x16_t w[I4_PARTS];
    I4_UNROLL for (size_t p = 0; p < I4_PARTS; ++p) w[p] = vld1q_s8(bytes + 16 * p);
    I4_UNROLL for (size_t u = 0; u < units; ++u) {
      const int8x16_t x = vld1q_s8(q[u] + 16 * c);
      I4_UNROLL for (size_t p = 0; p < I4_PARTS; ++p) sum[u][p] = vmmlaq_s32(sum[u][p], x, w[p]);
    }
  }
}

enum { SLAB_ROWS = 4 }; /* fewer are the dot product's: half of SMMLA's work is lost on a single row */

void bnc_matmul_i4_neon_i8mm(const bnc_matmul_args *args, size_t from, size_t to, void *scratch) {
  if (args->rows >= SLAB_ROWS && args->w.group <= DEPTH)
    i4_slab_matmul(args, from, to, scratch);
  else
    bnc_matmul_i4_neon_dotprod(args, from, to, scratch);
}
