/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_dots_avx512vnni.h  The innermost loop of the int8 and int4 matrices for many rows: a tile of sums in registers. VPDPBUSD
 * multiplies unsigned by signed bytes and adds four products exactly to an int32: weights are the unsigned factor, activations the signed
 * one.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_DOTS_AVX512VNNI_H
#define BINOCLE_OPS_MATMUL_MATMUL_DOTS_AVX512VNNI_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ops/inline.h"

#define DOTS_UNROLL BNC_UNROLL(16)

enum {
  /* Six rows of up to four vectors: 24 sums, four weights and an activation of 32 registers, and ten loads for 24 products. */
  DOTS_ROWS = 6,
  DOTS_VECTORS = 4
};

/* sum[r][v] += the products of four columns of row r, all 16 lanes the same, with four columns of 16 weights' rows each. rows, vectors:
 * constants. */
BNC_INLINE void dots_four(const uint8_t *weights /* [vectors, 16, 4] */, const int32_t *four /* [rows] */, __m512i (*sum)[DOTS_VECTORS],
                          const size_t rows, const size_t vectors) {
  __m512i w[DOTS_VECTORS];
  DOTS_UNROLL for (size_t v = 0; v < vectors; ++v) w[v] = _mm512_load_si512((const void *)(weights + 64 * v));
  DOTS_UNROLL for (size_t r = 0; r < rows; ++r) {
    const __m512i q = _mm512_set1_epi32(four[r]);
    DOTS_UNROLL for (size_t v = 0; v < vectors; ++v) sum[r][v] = _mm512_dpbusd_epi32(sum[r][v], w[v], q);
  }
}

/* The same with the columns from k on. */
BNC_INLINE void dots_at(const uint8_t *weights /* [vectors, 16, 4] */, const int8_t *const *q /* [rows] */, size_t k,
                        __m512i (*sum)[DOTS_VECTORS], const size_t rows, const size_t vectors) {
  int32_t four[DOTS_ROWS];
  DOTS_UNROLL for (size_t r = 0; r < rows; ++r) memcpy(&four[r], q[r] + k, sizeof four[r]);
  dots_four(weights, four, sum, rows, vectors);
}

/* The same `steps` times. */
BNC_INLINE void dots(const uint8_t *weights /* [steps, vectors, 16, 4] */, const int8_t *const *q /* [rows] */, size_t k, size_t steps,
                     __m512i (*sum)[DOTS_VECTORS], const size_t rows, const size_t vectors) {
  for (size_t i = 0; i < steps; ++i) dots_at(weights + 64 * vectors * i, q, k + 4 * i, sum, rows, vectors);
}

#endif
