/* SPDX-License-Identifier: Apache-2.0 */
/* The norms over sixteen lanes (their sums: norm_sums_v16.h). */
#include "ops/simd/v16.h"

#include <stdbool.h>

#include "ops/norm/norm.h"
#include "ops/norm/norm_sums_v16.h"
#include "ops/simd/math_v16.h"

/* A row and its statistics. */
typedef struct norm_row {
  const float *s, *gamma, *beta; /* [cols]; beta NULL: none */
  float mean, inverse;
} norm_row;

BNC_INLINE norm_row norm_prepare(const bnc_norm_args *a, size_t row, bool layer) {
  norm_row r = {a->x + row * a->x_stride, a->gamma, layer ? a->beta : NULL, 0.0f, 0.0f};
  float total = 0.0f;
  if (a->add) {
    float *sum = a->sum + row * a->sum_stride;
    total = norm_add_row(r.s, a->add + row * a->add_stride, sum, a->cols);
    r.s = sum;
  } else if (layer) {
    total = norm_sum_row(r.s, a->cols);
  }
  r.mean = layer ? total / (float)a->cols : 0.0f;
  r.inverse = norm_inverse(r.s, a->cols, r.mean, a->eps);
  return r;
}

BNC_INLINE v16 norm_value(const norm_row *r, size_t i, bool layer) {
  v16 s = v16_load(r->s + i);
  if (layer) s = v16_sub(s, v16_set1(r->mean));
  s = v16_mul(s, v16_set1(r->inverse));
  return r->beta ? v16_fma(s, v16_load(r->gamma + i), v16_load(r->beta + i)) : v16_mul(s, v16_load(r->gamma + i));
}

/* Lanes from n on are 0: gamma and beta are there. */
BNC_INLINE v16 norm_value_n(const norm_row *r, size_t i, bool layer, size_t n) {
  v16 s = v16_load_n(r->s + i, n);
  if (layer) s = v16_sub(s, v16_set1(r->mean));
  s = v16_mul(s, v16_set1(r->inverse));
  const v16 y = r->beta ? v16_fma(s, v16_load_n(r->gamma + i, n), v16_load_n(r->beta + i, n)) : v16_mul(s, v16_load_n(r->gamma + i, n));
  return v16_first_or(y, v16_set1(0.0f), n);
}

/* The row behind one, which other threads may have written: fetched while this one is computed. */
typedef struct norm_next {
  const float *x, *add;
} norm_next;

BNC_INLINE norm_next norm_behind(const bnc_norm_args *a, size_t row, size_t to) {
  const size_t next = row + 1 < to ? row + 1 : row;
  const float *x = a->x + next * a->x_stride;
  return (norm_next){x, a->add ? a->add + next * a->add_stride : x};
}

BNC_INLINE void norm_fetch(const norm_next *next, size_t i) {
  __builtin_prefetch(next->x + i, 1);
  __builtin_prefetch(next->add + i);
}

BNC_INLINE void norm_f32(const bnc_norm_args *a, size_t from, size_t to, bool layer) {
  for (size_t row = from; row < to; ++row) {
    const norm_row r = norm_prepare(a, row, layer);
    const norm_next next = norm_behind(a, row, to);
    float *y = a->y + row * a->y_stride; /* [cols] */
    size_t i = 0;
    for (; i + 16 <= a->cols; i += 16) {
      norm_fetch(&next, i);
      v16_store(y + i, norm_value(&r, i, layer));
    }
    if (i < a->cols) v16_store_n(y + i, norm_value_n(&r, i, layer, a->cols - i), a->cols - i);
  }
}

BNC_INLINE void norm_qd8(const bnc_norm_args *a, size_t from, size_t to, bool layer) {
  for (size_t row = from; row < to; ++row) {
    const norm_row r = norm_prepare(a, row, layer);
    int8_t *q = a->q + row * a->q_stride; /* [cols] */
    v16_range range = v16_range_start();
    float multiplier;
    const norm_next next = norm_behind(a, row, to);
    size_t i = 0;
    for (; i + 16 <= a->cols; i += 16) {
      norm_fetch(&next, i);
      v16_range_add(&range, norm_value(&r, i, layer));
    }
    if (i < a->cols) v16_range_add(&range, norm_value_n(&r, i, layer, a->cols - i));
    const bnc_qd8_params params = v16_range_choose(&range, &multiplier);
    /* The values are computed again: that costs less than storing them. */
    for (i = 0; i + 16 <= a->cols; i += 16) {
      v16_store_i8(q + i, v16_scaled(norm_value(&r, i, layer), multiplier, params.zero_point), params.zero_point);
    }
    if (i < a->cols) {
      const v16 y = norm_value_n(&r, i, layer, a->cols - i);
      v16_store_i8_n(q + i, v16_scaled(y, multiplier, params.zero_point), params.zero_point, a->cols - i);
    }
    a->params[row] = params;
  }
}

void BNC_AT_LEVEL(layer_norm_f32)(const bnc_norm_args *args, size_t from, size_t to) { norm_f32(args, from, to, true); }

void BNC_AT_LEVEL(layer_norm_qd8)(const bnc_norm_args *args, size_t from, size_t to) { norm_qd8(args, from, to, true); }

void BNC_AT_LEVEL(rms_norm_f32)(const bnc_norm_args *args, size_t from, size_t to) { norm_f32(args, from, to, false); }

void BNC_AT_LEVEL(rms_norm_qd8)(const bnc_norm_args *args, size_t from, size_t to) { norm_qd8(args, from, to, false); }
