/* SPDX-License-Identifier: Apache-2.0 */
/** @file norm_sums_v16.h  A row's sums over sixteen lanes, in two of them: 32 lanes, as norm.h says. Include a v16_*.h first. */
#ifndef BINOCLE_OPS_NORM_NORM_SUMS_V16_H
#define BINOCLE_OPS_NORM_NORM_SUMS_V16_H

#include <math.h>
#include <stddef.h>

/* Writes x + add to sum and adds it into the lanes. */
BNC_INLINE float norm_add_row(const float *x, const float *add, float *sum, size_t cols) {
  v16 s0 = v16_set1(0.0f), s1 = s0;
  size_t i = 0;
  for (; i + 32 <= cols; i += 32) {
    const v16 a = v16_add(v16_load(x + i), v16_load(add + i)), b = v16_add(v16_load(x + i + 16), v16_load(add + i + 16));
    v16_store(sum + i, a);
    v16_store(sum + i + 16, b);
    s0 = v16_add(s0, a);
    s1 = v16_add(s1, b);
  }
  if (i + 16 <= cols) {
    const v16 a = v16_add(v16_load(x + i), v16_load(add + i));
    v16_store(sum + i, a);
    s0 = v16_add(s0, a);
    i += 16;
  }
  if (i < cols) {
    const size_t n = cols - i;
    const v16 a = v16_add(v16_load_n(x + i, n), v16_load_n(add + i, n));
    v16_store_n(sum + i, a, n);
    if (i % 32)
      s1 = v16_add(s1, a);
    else
      s0 = v16_add(s0, a);
  }
  return v16_sum(v16_add(s0, s1));
}

BNC_INLINE float norm_sum_row(const float *s, size_t cols) {
  v16 s0 = v16_set1(0.0f), s1 = s0;
  size_t i = 0;
  for (; i + 32 <= cols; i += 32) {
    s0 = v16_add(s0, v16_load(s + i));
    s1 = v16_add(s1, v16_load(s + i + 16));
  }
  if (i + 16 <= cols) {
    s0 = v16_add(s0, v16_load(s + i));
    i += 16;
  }
  if (i < cols) {
    const v16 a = v16_load_n(s + i, cols - i);
    if (i % 32)
      s1 = v16_add(s1, a);
    else
      s0 = v16_add(s0, a);
  }
  return v16_sum(v16_add(s0, s1));
}

BNC_INLINE float norm_inverse(const float *s, size_t cols, float mean, float eps) {
  const v16 m = v16_set1(mean);
  v16 s0 = v16_set1(0.0f), s1 = s0;
  size_t i = 0;
  for (; i + 32 <= cols; i += 32) {
    const v16 a = v16_sub(v16_load(s + i), m), b = v16_sub(v16_load(s + i + 16), m);
    s0 = v16_fma(a, a, s0);
    s1 = v16_fma(b, b, s1);
  }
  if (i + 16 <= cols) {
    const v16 a = v16_sub(v16_load(s + i), m);
    s0 = v16_fma(a, a, s0);
    i += 16;
  }
  if (i < cols) {
    const size_t n = cols - i;
    const v16 a = v16_first_or(v16_sub(v16_load_n(s + i, n), m), v16_set1(0.0f), n);
    if (i % 32)
      s1 = v16_fma(a, a, s1);
    else
      s0 = v16_fma(a, a, s0);
  }
  return 1.0f / sqrtf(v16_sum(v16_add(s0, s1)) / (float)cols + eps);
}

#endif
