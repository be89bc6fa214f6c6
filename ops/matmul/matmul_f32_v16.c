/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_panels_v16.h"

#include "ops/matmul/matmul_f32.h"

/* Rows of w become lanes. */
static void lay_out(const bnc_matmul_float_args *a, const stretch *s, float *wide) {
  for (size_t n = s->from; n < s->to; n += BNC_FLOAT_PANEL, wide += DEPTH * BNC_FLOAT_PANEL) {
    const size_t rows = a->n - n < BNC_FLOAT_PANEL ? a->n - n : BNC_FLOAT_PANEL;
    const float *w = (const float *)a->w + n * a->k + s->first; /* [rows, count] */
    size_t k = 0;
    for (; rows == BNC_FLOAT_PANEL && k + V16_TRANSPOSE <= s->count; k += V16_TRANSPOSE)
      v16_transpose(w + k, a->k, wide + k * BNC_FLOAT_PANEL);
    for (; k < s->count; ++k)
      for (size_t r = 0; r < BNC_FLOAT_PANEL; ++r) wide[k * BNC_FLOAT_PANEL + r] = r < rows ? w[r * a->k + k] : 0.0f;
  }
}

static ahead place(const bnc_matmul_float_args *a, const stretch *s) {
  const size_t stride = a->k * sizeof(float);
  const char *w = (const char *)a->w + s->from * stride + s->first * sizeof(float);
  return (ahead){.at = w, .rows = s->to - s->from, .lines = (s->count * sizeof(float) + 63) / 64, .stride_bytes = stride};
}

void BNC_AT_LEVEL(matmul_f32)(const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch) {
  laid_out(args, from, to, scratch, lay_out, place);
}
