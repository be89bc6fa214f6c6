/* SPDX-License-Identifier: Apache-2.0 */
/** @file resample_scalar.h  One output position, for the scalar kernels and the ends of the others. */
#ifndef BINOCLE_OPS_RESAMPLE_RESAMPLE_SCALAR_H
#define BINOCLE_OPS_RESAMPLE_RESAMPLE_SCALAR_H

#include "ops/resample/resample.h"

#define BNC_RESAMPLE_HALF (1 << (BNC_RESAMPLE_BITS - 1))

/* arithmetic shift of a negative sum: gcc and clang define it so */
static inline uint8_t bnc_resample_pixel(int32_t sum) {
  const int32_t v = sum >> BNC_RESAMPLE_BITS;
  return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static inline void bnc_resample_position(const bnc_resample *taps, size_t i, const uint8_t *in /* [taps->in, 3] */,
                                         uint8_t *out /* [taps->out, 3] */) {
  const int32_t *w = taps->weights + i * taps->taps;
  const uint8_t *p = in + 3 * (size_t)taps->first[i];
  int32_t r = BNC_RESAMPLE_HALF, g = BNC_RESAMPLE_HALF, b = BNC_RESAMPLE_HALF;
  for (size_t t = 0; t < taps->count[i]; t++, p += 3) {
    r += w[t] * p[0];
    g += w[t] * p[1];
    b += w[t] * p[2];
  }
  out[3 * i] = bnc_resample_pixel(r);
  out[3 * i + 1] = bnc_resample_pixel(g);
  out[3 * i + 2] = bnc_resample_pixel(b);
}

/** The positions [begin, result) of args may be computed by loads of whole groups of taps that reach `slack` pixels further. */
static inline size_t bnc_resample_roomy(const bnc_resample_rows_args *a, size_t slack) {
  size_t end = a->end;
  while (end > a->begin && a->taps->first[end - 1] + a->taps->taps + slack > a->taps->in) end--;
  return end;
}

static inline void bnc_resample_column(const bnc_resample_columns_args *a, size_t from, size_t to) {
  const int32_t *w = a->taps->weights + a->position * a->taps->taps;
  for (size_t k = from; k < to; k++) {
    int32_t sum = BNC_RESAMPLE_HALF;
    for (size_t t = 0; t < a->taps->count[a->position]; t++) sum += w[t] * a->in[t][k];
    a->out[k] = bnc_resample_pixel(sum);
  }
}

#endif
