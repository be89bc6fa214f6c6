/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles, edges and scratch of the AVX512-BF16 kernel where no CPU has its instructions: bit for bit what pairs of fused products give. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/half.h"
#include "platforms/cpu/cpu.h"
#include "tests/ops/matmul_bf16_modelled.h"
#include "tests/unit.h"

#define BEHIND 12345.0f /* what stands behind each row of y, and must stay */

typedef struct fixture {
  bnc_matmul_float_args args;
  uint16_t *panels;
  float *x, *y, *bias;
  void *scratch;
} fixture;

static float next(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return (float)(int32_t)(*state ^ *state >> 13) * 0x1p-31f;
}

static fixture make(size_t rows, size_t k, size_t n, uint32_t seed) {
  fixture f = {.args = {.rows = rows, .k = k, .n = n, .x_stride = k + seed % 5, .y_stride = n + 1}};
  float *w = malloc(n * k * sizeof *w);
  const size_t scratch = (bnc_bf16_scratch(k) + 63) / 64 * 64;
  f.x = malloc(rows * f.args.x_stride * sizeof *f.x);
  f.y = malloc(rows * f.args.y_stride * sizeof *f.y);
  f.bias = malloc(n * sizeof *f.bias);
  f.panels = malloc(bnc_bf16_panels(n) * bnc_bf16_panel(k) * sizeof *f.panels);
  f.scratch = aligned_alloc(64, scratch);
  memset(f.scratch, 0xff, scratch); /* NaN, for who reads what was not written */
  for (size_t i = 0; i < rows * f.args.x_stride; i++) f.x[i] = next(&seed);
  for (size_t i = 0; i < rows * f.args.y_stride; i++) f.y[i] = BEHIND;
  for (size_t i = 0; i < n * k; i++) w[i] = next(&seed);
  for (size_t i = 0; i < n; i++) f.bias[i] = next(&seed);
  bnc_matmul_bf16_pack(n, k, w, f.panels, 0, bnc_bf16_panels(n));
  free(w);
  f.args.w = f.panels;
  f.args.x = f.x;
  f.args.y = f.y;
  f.args.bias = seed % 3 ? f.bias : NULL;
  return f;
}

static void release(fixture *f) {
  free(f->x);
  free(f->y);
  free(f->bias);
  free(f->panels);
  free(f->scratch);
}

static float expected(const bnc_matmul_float_args *a, size_t row, size_t n) {
  float sum = 0.0f;
  for (size_t k = 0; k < a->k; k += 2)
    for (size_t i = 2; i-- > 0;) {
      if (k + i >= a->k) continue; /* a zero there */
      const float x = bnc_f32_from_bf16(bnc_bf16_from_f32(a->x[row * a->x_stride + k + i]));
      sum = fmaf(x, bnc_f32_from_bf16(((const uint16_t *)a->w)[bnc_bf16_place(a->k, n, k + i)]), sum);
    }
  return sum + (a->bias ? a->bias[n] : 0.0f);
}

static void check(size_t rows, size_t k, size_t n) {
  fixture f = make(rows, k, n, (uint32_t)(rows * 31 + k * 7 + n));
  const size_t items = bnc_float_items(n), cut = items / 2;
  matmul_bf16_modelled(&f.args, cut, items, f.scratch);
  matmul_bf16_modelled(&f.args, 0, cut, f.scratch);
  for (size_t row = 0; row < rows; row++) {
    const float *y = f.y + row * f.args.y_stride;
    for (size_t i = 0; i < n; i++) {
      const float value = expected(&f.args, row, i);
      if (memcmp(&value, &y[i], sizeof value) != 0)
        fail_msg("%zu x %zu x %zu, y [%zu][%zu]: found %.9g, expected %.9g", rows, k, n, row, i, (double)y[i], (double)value);
    }
    if (y[n] != BEHIND) fail_msg("%zu x %zu x %zu: row %zu is too long", rows, k, n, row);
  }
  release(&f);
}

static void tiles_and_edges(void **state) {
  bnc_cpu_level level;
  (void)state;
  if (bnc_cpu_detect_level(&level, NULL) != BNC_OK || level < BNC_CPU_AVX512VNNI) skip();
  for (size_t rows = 1; rows <= 26; rows++) check(rows, 37, 70);
  for (size_t k = 1; k <= 70; k++) check(13, k, 20);
  for (size_t n = 1; n <= 140; n++) check(5, 19, n);
  check(14, 1025, 131);
  check(17, 2051, 64 * BNC_FLOAT_TOGETHER + 19);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tiles_and_edges)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
