/* SPDX-License-Identifier: Apache-2.0 */
/* The Hadamard transform over sixteen lanes. */
#include "ops/simd/v16.h"

#include "ops/hadamard/hadamard.h"

/* Two steps at once where there are two, since each reads and writes the whole block: the same sums. */
BNC_INLINE void combine_sixteens(const float *x, float *y, size_t block) {
  size_t apart = 16;
  for (; apart * 2 < block; apart *= 4) {
    for (size_t first = 0; first < block; first += 4 * apart)
      for (size_t i = first; i < first + apart; i += 16) {
        const v16 a = v16_load(x + i), b = v16_load(x + i + apart), c = v16_load(x + i + 2 * apart), d = v16_load(x + i + 3 * apart);
        const v16 ab = v16_add(a, b), a_b = v16_sub(a, b), cd = v16_add(c, d), c_d = v16_sub(c, d);
        v16_store(y + i, v16_add(ab, cd));
        v16_store(y + i + apart, v16_add(a_b, c_d));
        v16_store(y + i + 2 * apart, v16_sub(ab, cd));
        v16_store(y + i + 3 * apart, v16_sub(a_b, c_d));
      }
    x = y;
  }
  for (size_t first = 0; apart < block && first < block; first += 2 * apart)
    for (size_t i = first; i < first + apart; i += 16) {
      const v16 a = v16_load(x + i), b = v16_load(x + i + apart);
      v16_store(y + i, v16_add(a, b));
      v16_store(y + i + apart, v16_sub(a, b));
    }
}

/* Columns of H of sixteen: products with 1 and -1 are exact, so that fused multiply-adds are additions. */
static const float signs[16][16] = {
    {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},         {1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1},
    {1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1}, {1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, 1},
    {1, 1, 1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1}, {1, -1, 1, -1, -1, 1, -1, 1, 1, -1, 1, -1, -1, 1, -1, 1},
    {1, 1, -1, -1, -1, -1, 1, 1, 1, 1, -1, -1, -1, -1, 1, 1}, {1, -1, -1, 1, -1, 1, 1, -1, 1, -1, -1, 1, -1, 1, 1, -1},
    {1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1}, {1, -1, 1, -1, 1, -1, 1, -1, -1, 1, -1, 1, -1, 1, -1, 1},
    {1, 1, -1, -1, 1, 1, -1, -1, -1, -1, 1, 1, -1, -1, 1, 1}, {1, -1, -1, 1, 1, -1, -1, 1, -1, 1, 1, -1, -1, 1, 1, -1},
    {1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 1, 1, 1}, {1, -1, 1, -1, -1, 1, -1, 1, -1, 1, -1, 1, 1, -1, 1, -1},
    {1, 1, -1, -1, -1, -1, 1, 1, -1, -1, 1, 1, 1, 1, -1, -1}, {1, -1, -1, 1, -1, 1, 1, -1, -1, 1, 1, -1, 1, -1, -1, 1}};

/* factor: what the results are multiplied by. x may be y. */
BNC_INLINE void combine_lanes(const float *x, float *y, size_t cols, v16 factor) {
  for (size_t i = 0; i < cols; i += 16) {
    v16 even = v16_set1(x[i]), odd = v16_mul(v16_set1(x[i + 1]), v16_load(signs[1]));
    for (size_t j = 2; j < 16; j += 2) {
      even = v16_fma(v16_set1(x[i + j]), v16_load(signs[j]), even);
      odd = v16_fma(v16_set1(x[i + j + 1]), v16_load(signs[j + 1]), odd);
    }
    v16_store(y + i, v16_mul(v16_add(even, odd), factor));
  }
}

BNC_INLINE void mix_blocks(const bnc_hadamard_args *a, float *y, size_t block) {
  const size_t m = a->mixed;
  for (size_t c = 0; c < block; c += 16) {
    v16 x[BNC_HADAMARD_BLOCKS];
    for (size_t j = 0; j < m; j++) x[j] = v16_load(y + j * block + c);
    for (size_t i = 0; i < m; i++) {
      v16 sum = v16_mul(v16_set1(a->mix[i * m]), x[0]);
      for (size_t j = 1; j < m; j++) sum = v16_fma(v16_set1(a->mix[i * m + j]), x[j], sum);
      v16_store(y + i * block + c, sum);
    }
  }
}

BNC_INLINE void hadamard_row(const bnc_hadamard_args *a, const float *x, float *y, size_t block) {
  const v16 factor = v16_set1(a->mixed > 1 ? 1.0f : a->mix[0]);
  for (size_t i = 0; i < a->cols; i += block) {
    combine_sixteens(x + i, y + i, block);
    combine_lanes(block > 16 ? y + i : x + i, y + i, block, factor);
  }
  if (a->mixed > 1) mix_blocks(a, y, block);
}

void BNC_AT_LEVEL(hadamard_f32)(const bnc_hadamard_args *args, size_t from, size_t to) {
  const size_t block = bnc_hadamard_block(args->cols);
  for (size_t row = from; row < to; ++row) hadamard_row(args, args->x + row * args->x_stride, args->y + row * args->y_stride, block);
}
