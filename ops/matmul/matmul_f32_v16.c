/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_panels_v16.h"

#include "ops/matmul/matmul_f32.h"

_Static_assert(BNC_FLOAT_DEPTH == BNC_FLOAT_PANEL * BNC_FLOAT_PANEL, "not all rows of a panel would be fetched");

/* The next stretch of a row of w, or what lies behind its end: a run for each transposed square, as memory likes it better than the
 * squares. */
BNC_INLINE void fetch(const float *w) {
  for (size_t i = 0; i < BNC_FLOAT_DEPTH; i += BNC_FLOAT_PANEL) __builtin_prefetch(w + i, 0, 2);
}

/* Rows of w become lanes. */
static void lay_out(const bnc_matmul_float_args *a, const stretch *s, float *wide) {
  for (size_t n = s->from; n < s->to; n += BNC_FLOAT_PANEL, wide += BNC_FLOAT_DEPTH * BNC_FLOAT_PANEL) {
    const size_t rows = a->n - n < BNC_FLOAT_PANEL ? a->n - n : BNC_FLOAT_PANEL;
    const float *w = (const float *)a->w + n * a->k + s->first; /* [rows, count] */
    size_t k = 0;
    for (; rows == BNC_FLOAT_PANEL && k + V16_TRANSPOSE <= s->count; k += V16_TRANSPOSE) {
      if (k % BNC_FLOAT_PANEL == 0) fetch(w + k / BNC_FLOAT_PANEL * a->k + BNC_FLOAT_DEPTH);
      v16_transpose(w + k, a->k, wide + k * BNC_FLOAT_PANEL);
    }
    for (; k < s->count; ++k)
      for (size_t r = 0; r < BNC_FLOAT_PANEL; ++r) wide[k * BNC_FLOAT_PANEL + r] = r < rows ? w[r * a->k + k] : 0.0f;
  }
}

void BNC_AT_LEVEL(matmul_f32)(const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch) {
  for (size_t item = from; item < to; ++item) {
    const size_t first = item * BNC_FLOAT_COLUMNS, end = first + BNC_FLOAT_COLUMNS < args->n ? first + BNC_FLOAT_COLUMNS : args->n;
    laid_out(args, first, end, scratch, lay_out);
  }
}
