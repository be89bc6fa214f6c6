/* SPDX-License-Identifier: Apache-2.0 */
/** @file resample.h  The taps of an antialiased bicubic resize along one axis, in Pillow's fixed point. */
#ifndef BINOCLE_RUNTIME_IMAGE_RESAMPLE_H
#define BINOCLE_RUNTIME_IMAGE_RESAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "platforms/error.h"

#define BNC_RESAMPLE_BITS 22 /* fractional bits of a weight: 32 - 8 (a pixel) - 2 (sign, and sums of weights above 1) */

/** Output position i is clamp_0_255((2^21 + sum over t < count[i] of weights[i * taps + t] * input[first[i] + t]) >> 22).
 * An int32 sum cannot overflow. */
typedef struct bnc_resample {
  size_t in, out;   /* positions before and after */
  size_t taps;      /* row length of weights, the largest count */
  uint32_t *first;  /* [out], ascending */
  uint32_t *count;  /* [out], at least 1; first + count <= in */
  int32_t *weights; /* [out, taps], 0 behind count */
} bnc_resample;

/**
 * Weights of the cubic convolution kernel with a = -0.5 (Keys, "Cubic convolution interpolation for digital image processing", 1981),
 * stretched by in / out where that shrinks (antialiasing), computed in double and rounded half away from zero.
 * in and out are 1 .. 2^20. Release with bnc_resample_free.
 */
bnc_status bnc_resample_coefficients(bnc_resample *r, size_t in, size_t out, bnc_error *err);
void bnc_resample_free(bnc_resample *r);

#endif
