/* SPDX-License-Identifier: Apache-2.0 */
/** @file gptq.h  Rounding of a matrix to int4 groups, or int8 rows, so that what it makes of real inputs changes least (GPTQ, Frantar et
   al., arXiv 2210.17323).

    With the second moments H = X^T X of a layer's inputs, the error of rounding a row w to q is (w - q) H (w - q)^T. H, damped, is factored
   as R R^T with R upper triangular, so that the error is the squared length of (w - q) R, of which component c depends on columns 0 .. c
   alone. Columns are rounded in this order, each to what makes its component smallest: q[c] = round(w[c] + sum over i < c of (w[i] - q[i])
   R[i][c] / R[c][c]). That is the paper's feedback with the inverse's Cholesky factor U = R^-1, without the inversion. A group's scale is
   the one of a few that leaves the group's components shortest when its columns are rounded so. */
#ifndef BINOCLE_QUANT_CALIBRATE_GPTQ_H
#define BINOCLE_QUANT_CALIBRATE_GPTQ_H

#include <stddef.h>
#include <stdint.h>

#include "platforms/threads/threads.h"

/** Rows that are rounded together, one a lane. */
#define BNC_GPTQ_ROWS 16u
/** The largest group. */
#define BNC_GPTQ_GROUP 128u

/** h [k, k] += x^T x for x [rows, k]: its lower triangle, whole tiles at the diagonal. k: a multiple of 16. */
void bnc_gptq_add_moments(float *h, size_t k, const float *x, size_t rows, bnc_pool *pool);

/** Turns the lower triangle of h [k, k] into that of R^T, h damped by a hundredth of its mean diagonal. Inputs that never were anything but
   0 count as if they had been of the damping's size. k: a multiple of 32. */
void bnc_gptq_factor(float *h, size_t k, bnc_pool *pool);

/** Floats of scratch for bnc_gptq_round. */
static inline size_t bnc_gptq_scratch(size_t k) { return 2 * k * BNC_GPTQ_ROWS; }

/** Rounds rows w [rows, k], at most BNC_GPTQ_ROWS, to what rounded_files.h holds of them: q [rows, k / 2]; groups [rows, k / group], bf16
   as bnc_quantize_row_qg4 leaves them, or steps as bnc_quantize_row_qc4 does, with scales [rows]. w becomes what they stand for. r: of
   bnc_gptq_factor. */
void bnc_gptq_round(float *w, size_t rows, size_t k, size_t group, const float *r, uint8_t *q, void *groups, float *scales, float *scratch);

/** Rounds rows w [rows, k], at most BNC_GPTQ_ROWS, to int8: q [rows, k] with the scales [rows] that bnc_quantize_row_qc8 gives them. r: of
   bnc_gptq_factor, [padded, padded]; columns beyond k are 0. scratch: for padded. */
void bnc_gptq_round_qc8(const float *w, size_t rows, size_t k, size_t padded, const float *r, int8_t *q, float *scales, float *scratch);

#endif
