/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ops/half.h"
#include "tests/ops/checkkern/check.h"

/* Random int4 weights, canonical and packed, with the activations of `rows` rows. */
typedef struct matmul_fixture {
  tensor source, source_scales;   /* [n, k / 2], bf16 [n, k / group] */
  tensor nibbles, scales, offset; /* packed */
  tensor q, params, sums, bias, scratch;
  bnc_matmul_args args;
} matmul_fixture;

static matmul_fixture make(check *c, size_t rows, size_t k, size_t n, size_t group, bool extreme, tensor_side side) {
  const size_t panels = bnc_i4_panels(n), groups = k / group;
  matmul_fixture f;
  f.source = tensor_make(n, k / 2, k / 2, 1, side);
  f.source_scales = tensor_make(n, groups, groups, 2, side);
  f.nibbles = tensor_make(panels, k * 4, k * 4, 1, side);
  f.scales = tensor_make(panels, groups * 8, groups * 8, 2, side);
  f.offset = tensor_make(1, panels * 8, panels * 8, 4, side);
  f.q = tensor_make(rows, k, k + check_below(c, 5), 1, side);
  f.params = tensor_make(rows, 2, 2, 4, side);
  f.sums = tensor_make(rows, groups, groups, 4, side);
  f.bias = tensor_make(1, n, n, 4, side);
  f.scratch = tensor_make(1, BNC_MATMUL_SCRATCH, BNC_MATMUL_SCRATCH, 1, SIDE_START);
  for (size_t i = 0; i < n * k / 2; ++i) ((uint8_t *)f.source.data)[i] = extreme ? 0xff : (uint8_t)check_random(c);
  for (size_t i = 0; i < n * groups; ++i) ((uint16_t *)f.source_scales.data)[i] = (uint16_t)(0x3c00 + check_below(c, 200));
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < k; ++i) ((int8_t *)f.q.data)[row * f.q.stride + i] = extreme ? (row % 2 ? 127 : -128) : (int8_t)check_random(c);
    ((bnc_qd8_params *)f.params.data)[row] =
        (bnc_qd8_params){(int32_t)check_below(c, 256) - 128, 0.01f + 0.001f * (float)check_below(c, 50)};
  }
  check_fill(c, &f.bias, 1.0f, 0);
  const bnc_i4_matrix w = {n, k, group, f.nibbles.data, f.scales.data, f.offset.data};
  bnc_matmul_i4_pack(n, k, group, f.source.data, f.source_scales.data, f.nibbles.data, f.scales.data, f.offset.data, 0, panels);
  uint8_t *unpacked = malloc(n * k / 2);
  uint16_t *unpacked_scales = malloc(n * groups * sizeof *unpacked_scales);
  bnc_matmul_i4_unpack(n, k, group, f.nibbles.data, f.scales.data, unpacked, unpacked_scales);
  if (memcmp(unpacked, f.source.data, n * k / 2) || memcmp(unpacked_scales, f.source_scales.data, n * groups * sizeof *unpacked_scales))
    check_failed(c, "%zu x %zu in groups of %zu: what is unpacked is not what was packed", n, k, group);
  free(unpacked);
  free(unpacked_scales);
  f.args = (bnc_matmul_args){w, check_below(c, 2) ? f.bias.data : NULL, rows, f.q.data, f.params.data, f.sums.data, NULL, f.q.stride, 0};
  return f;
}

static void release(matmul_fixture *f) {
  tensor *all[] = {&f->source, &f->source_scales, &f->nibbles, &f->scales, &f->offset, &f->q, &f->params, &f->sums, &f->bias, &f->scratch};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) tensor_free(all[i]);
}

/* f64 from the canonical weights; *bound: the float chain over groups, each term at most `largest`. */
static void oracle(const matmul_fixture *f, double *y, double *bound) {
  const bnc_i4_matrix *w = &f->args.w;
  const size_t groups = w->k / w->group;
  *bound = 0;
  for (size_t row = 0; row < f->args.rows; ++row) {
    const bnc_qd8_params p = f->args.params[row];
    for (size_t n = 0; n < w->n; ++n) {
      double sum = 0, magnitude = 0;
      for (size_t k = 0; k < w->k; ++k) {
        const int u = ((uint8_t *)f->source.data)[n * w->k / 2 + k / 2] >> (k % 2 ? 4 : 0) & 15;
        const double scale = (double)bnc_f32_from_bf16(((uint16_t *)f->source_scales.data)[n * groups + k / w->group]);
        sum += (f->args.q[row * f->args.q_stride + k] - p.zero_point) * scale * (u - 8);
        magnitude += 256 * scale * abs(u - 8);
      }
      y[row * w->n + n] = sum * (double)p.scale + (f->args.bias ? (double)f->args.bias[n] : 0);
      *bound = fmax(*bound, 0x1p-24 * magnitude * (double)p.scale * (2 + sqrt((double)groups)) + 1e-6);
    }
  }
}

static void run_case(check *c, size_t rows, size_t k, size_t n, size_t group, bool extreme) {
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  matmul_fixture f = make(c, rows, k, n, group, extreme, side);
  const size_t panels = bnc_i4_panels(n);
  tensor y[2];
  c->test.matmul.sums(&f.args, 0, rows);
  for (int i = 0; i < 2; ++i) {
    y[i] = tensor_make(rows, n, n + 3, 4, side);
    f.args.y = y[i].data;
    f.args.y_stride = n + 3;
    if (i) {
      c->scalar.matmul.i4(&f.args, 0, panels, f.scratch.data);
    } else {
      const size_t cut = check_below(c, panels + 1);
      c->test.matmul.i4(&f.args, cut, panels, f.scratch.data);
      c->test.matmul.i4(&f.args, 0, cut, f.scratch.data);
    }
  }
  check_equal(c, &y[0], &y[1], true, "y");
  if (tensor_damage(&f.sums)) check_failed(c, "sums: %s", tensor_damage(&f.sums));
  if (tensor_damage(&f.scratch)) check_failed(c, "scratch: %s", tensor_damage(&f.scratch));
  if (check_is_scalar(c)) {
    double *expected = malloc(rows * n * sizeof *expected), bound;
    oracle(&f, expected, &bound);
    check_near(c, &y[0], expected, bound, 0, "y");
    free(expected);
  }
  tensor_free(&y[0]);
  tensor_free(&y[1]);
  release(&f);
}

static void run_job(const void *job, const bnc_kernels *kernels) {
  const matmul_fixture *f = job;
  kernels->matmul.sums(&f->args, 0, f->args.rows);
  kernels->matmul.i4(&f->args, 0, bnc_i4_panels(f->args.w.n), f->scratch.data);
}

static void bench_shape(check *c, size_t rows, size_t k, size_t n, size_t group, const char *shape) {
  matmul_fixture f = make(c, rows, k, n, group, false, SIDE_START);
  tensor y = tensor_make(rows, n, n, 4, SIDE_START);
  f.args.y = y.data;
  f.args.y_stride = n;
  const double weights = (double)n * (double)k * (0.5 + 2.0 / (double)group);
  const bench_job b = {
      shape, run_job, &f, weights + (double)(rows * (k + 4 * n)), 2.0 * (double)rows * (double)k * (double)n, BENCH_SLOTS(c, matmul, i4)};
  bench_run(c, &b);
  tensor_free(&y);
  release(&f);
}

void check_matmul(check *c) {
  if (!CHECK_BEGIN(c, matmul, i4)) return;
  c->int8 = true;
  if (c->bench) {
    bench_shape(c, 1, 4096, 14336, 32, "1x4096x14336/32");
    bench_shape(c, 1, 4096, 14336, 128, "1x4096x14336/128");
    bench_shape(c, 16, 4096, 4096, 32, "16x4096x4096/32");
    bench_shape(c, 640, 4096, 4096, 32, "640x4096x4096/32");
    bench_shape(c, 640, 4096, 4096, 128, "640x4096x4096/128");
  }
  for (size_t i = 0; i < (c->quick ? 20u : 60u); ++i) {
    const size_t group = 32 * (1 + check_below(c, 4));
    run_case(c, 1 + check_below(c, 11), group * (1 + check_below(c, 4)), 1 + check_below(c, 35), group, i % 6 == 0);
  }
  run_case(c, 70, 128, 24, 32, false);
  run_case(c, 134, 1056, 24, 32, false); /* chunks of rows, and a rest */
  run_case(c, 13, 1088, 40, 32, true);   /* several slabs, and a rest */
  run_case(c, 17, 2176, 70, 64, true);
  run_case(c, 25, 1536, 27, 256, false);
  run_case(c, 13, 1024, 16, 1024, true); /* a group longer than a slab */
  check_end(c);
}
