/* SPDX-License-Identifier: Apache-2.0 */
/** @file tap_table.h  Resamplings as sparse tables: output row r is the sum of weight[k] * input row index[k] over k in [start[r],
   start[r+1]). Crops, strided views, interleavings and the interpolations of PyTorch are all of this form. */
#ifndef BINOCLE_QUANT_GRAPH_TAP_TABLE_H
#define BINOCLE_QUANT_GRAPH_TAP_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"

typedef struct bnc_taps {
  size_t rows;     /* of the output */
  size_t in_rows;  /* of the input */
  uint32_t *start; /* [rows + 1] */
  uint32_t *index; /* [start[rows]], each < in_rows */
  float *weight;   /* [start[rows]] */
} bnc_taps;

/** An empty table of `rows` rows with room for `taps` taps; start, index and weight are zero. Free with bnc_taps_free. */
bnc_status bnc_taps_create(bnc_taps *taps, size_t rows, size_t in_rows, size_t capacity, bnc_error *err);
void bnc_taps_free(bnc_taps *taps);

/** Output row r is input row first + r * step. */
bnc_status bnc_taps_strided(bnc_taps *taps, size_t rows, size_t in_rows, size_t first, size_t step, bnc_error *err);
/** Output row r is input row index[r]. */
bnc_status bnc_taps_gather(bnc_taps *taps, size_t rows, size_t in_rows, const uint32_t *index, bnc_error *err);
/** One dimension of torch.nn.functional.interpolate(mode='bicubic', align_corners=False, antialias=False): a = -0.75, borders clamped. */
bnc_status bnc_taps_bicubic(bnc_taps *taps, size_t rows, size_t in_rows, bnc_error *err);
/** One dimension of torch.nn.functional.interpolate(mode='bilinear', align_corners=False). */
bnc_status bnc_taps_bilinear(bnc_taps *taps, size_t rows, size_t in_rows, bnc_error *err);
/** The two-dimensional table of a separable one: row y * x.rows + x of the output, input rows alike. */
bnc_status bnc_taps_outer(bnc_taps *taps, const bnc_taps *y, const bnc_taps *x, bnc_error *err);
/** outer after inner: one table from inner's input to outer's output. */
bnc_status bnc_taps_compose(bnc_taps *taps, const bnc_taps *outer, const bnc_taps *inner, bnc_error *err);
bnc_status bnc_taps_copy(bnc_taps *taps, const bnc_taps *from, bnc_error *err);

/** Drops taps of weight zero. Returns how many went. */
size_t bnc_taps_drop_zeros(bnc_taps *taps);
/** True where each row is exactly one tap of weight 1: a gather. */
bool bnc_taps_is_gather(const bnc_taps *taps);
/** True where the output is the input. */
bool bnc_taps_is_identity(const bnc_taps *taps);
bool bnc_taps_equal(const bnc_taps *a, const bnc_taps *b);

#endif
