/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file resample.h  An antialiased bicubic resize of 8-bit RGB in Pillow's fixed point: the taps of one axis, and the two passes, along
 * rows and then down columns, each of which rounds to 8 bits.
 */
#ifndef BINOCLE_OPS_RESAMPLE_RESAMPLE_H
#define BINOCLE_OPS_RESAMPLE_RESAMPLE_H

#include "ops/level.h"
#include "platforms/base/error.h"

#define BNC_RESAMPLE_BITS 22 /* fractional bits of a weight: 32 - 8 (a pixel) - 2 (sign, and sums of weights above 1) */

enum {
  BNC_RESAMPLE_GROUP = 4,     /* taps whose weights lie together */
  BNC_RESAMPLE_LOW_BITS = 11, /* a weight is high * 2^11 + low, 0 <= low < 2^11: both fit int16, and so does what multiplies them */
  BNC_RESAMPLE_DIGITS = 3     /* or (digit[2] * 2^8 + digit[1]) * 2^8 + digit[0], each in int8: weights are below 1.99 */
};

/** Output position i is clamp_0_255((2^21 + sum over t < count[i] of weights[i * taps + t] * input[first[i] + t]) >> 22).
 * The int32 sum cannot overflow; sums of parts or digits may, and give the same modulo 2^32. */
typedef struct bnc_resample {
  size_t in, out;   /* positions before and after */
  size_t taps;      /* row length of weights: a multiple of BNC_RESAMPLE_GROUP, no less than the largest count */
  uint32_t *first;  /* [out], ascending */
  uint32_t *count;  /* [out], at least 1; first + count <= in */
  int32_t *weights; /* [out, taps], 0 behind count */
  int16_t *parts;   /* [out, taps / 4, 2, 4]: four high parts, then their low ones */
  int8_t *digits;   /* [out, taps / 4, 3, 4]: four digits [0], then [1], then [2] */
} bnc_resample;

/**
 * Weights of the cubic convolution kernel with a = -0.5 (Keys, "Cubic convolution interpolation for digital image processing", 1981),
 * stretched by in / out where that shrinks (antialiasing), computed in double and rounded half away from zero.
 * in and out are 1 .. 2^20. Release with bnc_resample_free.
 */
bnc_status bnc_resample_create(bnc_resample *r, size_t in, size_t out, bnc_error *err);
void bnc_resample_free(bnc_resample *r);

typedef struct bnc_resample_rows_args {
  const bnc_resample *taps;
  const uint8_t *in;            /* [rows, taps->in, 3], beginning with row `first_row` */
  uint8_t *out;                 /* [slots, taps->out, 3]: row r goes to slot r % slots */
  size_t in_stride, out_stride; /* bytes from row to row */
  size_t first_row, slots;
  size_t begin, end; /* the output positions that are written, of each row */
} bnc_resample_rows_args;

typedef struct bnc_resample_columns_args {
  const bnc_resample *taps;
  size_t position;          /* of taps */
  const uint8_t *const *in; /* [taps->taps] rows first[position] and on; those behind count are read, and count for nothing */
  uint8_t *out;
} bnc_resample_columns_args;

/** The rows [from, to), along x. */
BNC_KERNEL(resample_rows_u8, const bnc_resample_rows_args *args, size_t from, size_t to);
/** The bytes [from, to) of one output row: rows of `in` weighted and summed. */
BNC_KERNEL(resample_columns_u8, const bnc_resample_columns_args *args, size_t from, size_t to);

typedef struct bnc_resample_ops {
  bnc_resample_rows_u8_fn *rows_u8;
  bnc_resample_columns_u8_fn *columns_u8;
} bnc_resample_ops;

#endif
