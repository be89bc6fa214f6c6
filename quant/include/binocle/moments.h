/* SPDX-License-Identifier: Apache-2.0 */
/** @file moments.h  Second moments of what the int8 matrices of a vision model read, for compile to round them by (options.moments): a
 * model of the same checkpoint and options sees pictures, and this is told what its matrices read (bnc_session_observe_inputs). */
#ifndef BINOCLE_MOMENTS_H
#define BINOCLE_MOMENTS_H

#include <binocle/context.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Sums over the rows that each matrix has read. */
typedef struct bnc_moments bnc_moments;

/** None yet. context must outlive it. */
BNC_API bnc_status bnc_moments_create(bnc_context *context, bnc_moments **moments);
/** Adds rows [rows, cols] that a matrix has read. A new matrix takes four bytes times the square of its columns, of which half is touched.
 */
BNC_API bnc_status bnc_moments_add(bnc_moments *moments, const char *matrix, const float *values, size_t rows, size_t cols);
/** moments may be NULL. */
BNC_API void bnc_moments_free(bnc_moments *moments);

#ifdef __cplusplus
}
#endif
#endif
