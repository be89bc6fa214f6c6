/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "ops/hadamard/hadamard.h"

/* Columns 16, 32 ... apart, then each sixteen. */
static void transform_block(float *y, size_t block) {
  for (size_t apart = 16; apart < block; apart *= 2)
    for (size_t i = 0; i < block; i++) {
      if (i & apart) continue;
      const float a = y[i], b = y[i + apart];
      y[i] = a + b;
      y[i + apart] = a - b;
    }
  for (size_t i = 0; i < block; i += 16) {
    float x[16];
    memcpy(x, y + i, sizeof x);
    for (unsigned l = 0; l < 16; l++) {
      float even = x[0], odd = l & 1 ? -x[1] : x[1];
      for (unsigned j = 2; j < 16; j += 2) {
        const unsigned common = l & j;
        const unsigned ones = (common >> 1 & 1) + (common >> 2 & 1) + (common >> 3 & 1);
        const float a = ones & 1 ? -x[j] : x[j], b = (ones + (l & 1)) & 1 ? -x[j + 1] : x[j + 1];
        even += a;
        odd += b;
      }
      y[i + l] = even + odd;
    }
  }
}

static void mix_blocks(const bnc_hadamard_args *a, float *y) {
  const size_t block = bnc_hadamard_block(a->cols), m = a->mixed;
  for (size_t c = 0; c < block; c++) {
    float x[BNC_HADAMARD_BLOCKS];
    for (size_t j = 0; j < m; j++) x[j] = y[j * block + c];
    for (size_t i = 0; i < m; i++) {
      float sum = a->mix[i * m] * x[0];
      for (size_t j = 1; j < m; j++) sum = fmaf(a->mix[i * m + j], x[j], sum);
      y[i * block + c] = sum;
    }
  }
}

void bnc_hadamard_f32_scalar(const bnc_hadamard_args *args, size_t from, size_t to) {
  const size_t block = bnc_hadamard_block(args->cols);
  for (size_t row = from; row < to; ++row) {
    const float *x = args->x + row * args->x_stride; /* [cols] */
    float *y = args->y + row * args->y_stride;       /* [cols] */
    if (x != y) memcpy(y, x, args->cols * sizeof *y);
    for (size_t i = 0; i < args->cols; i += block) transform_block(y + i, block);
    if (args->mixed > 1) {
      mix_blocks(args, y);
    } else {
      for (size_t i = 0; i < args->cols; ++i) y[i] *= args->mix[0];
    }
  }
}
