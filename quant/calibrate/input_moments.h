/* SPDX-License-Identifier: Apache-2.0 */
/** @file input_moments.h  The inside of bnc_moments, for the writer. */
#ifndef BINOCLE_QUANT_CALIBRATE_INPUT_MOMENTS_H
#define BINOCLE_QUANT_CALIBRATE_INPUT_MOMENTS_H

#include <binocle/moments.h>
#include <stdbool.h>

#include "platforms/threads/threads.h"

/** Columns of the moments of a matrix with k: padded with zeros. */
static inline size_t bnc_moments_padded(size_t k) { return (k + 31) / 32 * 32; }

/** Means and deviations [k] of the columns that a matrix reads; false: nothing is known of it. */
bool bnc_moments_columns(const bnc_moments *moments, const char *matrix, size_t k, double *mean, double *deviation);

/** The factor (gptq.h) [bnc_moments_padded(k)]^2 of the moments of inputs (x - shift) / scale, a bnc_mem block; shift [k] NULL: 0, scale
   [k] NULL: 1. NULL in *factor: nothing is known of the matrix. */
bnc_status bnc_moments_factor(const bnc_moments *moments, const char *matrix, size_t k, const double *shift, const float *scale,
                              bnc_pool *pool, float **factor, bnc_error *err);

#endif
