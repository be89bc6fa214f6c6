/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "ops/half.h"
#include "ops/matmul/matmul_bf16.h"
#include "ops/matmul/matmul_f32.h"
#include "tests/ops/checkkern/check.h"

/* Of matmul_f32 or matmul_bf16, whose arguments are the same. */
typedef struct float_fixture {
  bool bf16;
  tensor stored, bias, x;
  float *w; /* [n, k] what is stored: a matrix, or panels of bf16 */
  void *scratch;
  bnc_matmul_float_args args;
} float_fixture;

static bnc_matmul_f32_fn *kernel_of(const bnc_kernels *kernels, const float_fixture *f) {
  return f->bf16 ? kernels->matmul.bf16 : kernels->matmul.f32;
}

/* Whether the kernel rounds x. */
static bool rounds(const check *c, const float_fixture *f) { return f->bf16 && bnc_bf16_rounds(c->test.level); }

/* Panels of the right values at the right places, by the formula of the header; pack must make the same of them. */
static void fill_panels(check *c, float_fixture *f, size_t k, size_t n, unsigned edges) {
  tensor source = tensor_make(n, k, k, 4, SIDE_END);
  uint16_t *panels = f->stored.data;
  bool good = true;
  check_fill(c, &source, 0.1f, edges);
  bnc_matmul_bf16_pack(n, k, source.data, panels, 0, bnc_bf16_panels(n));
  bnc_matmul_bf16_widen(n, k, panels, f->w);
  for (size_t row = 0; row < bnc_bf16_panels(n) * BNC_FLOAT_PANEL; ++row)
    for (size_t i = 0; i < (k + 1) / 2 * 2; ++i) {
      const uint16_t found = panels[((row / 16 * ((k + 1) / 2) + i / 2) * 16 + row % 16) * 2 + i % 2];
      const float value = row < n && i < k ? ((float *)source.data)[row * k + i] : 0.0f, kept = bnc_f32_from_bf16(found);
      good = good && (kept == value || fabsf(kept - value) <= fabsf(value) * 0x1p-8f + 0x1p-134f);
      good = good && (row >= n || i >= k || bnc_bits_from_f32(kept) == bnc_bits_from_f32(f->w[row * k + i]));
    }
  if (!good) check_failed(c, "panels of %zu x %zu do not hold the rounded weights", n, k);
  tensor_free(&source);
}

static float_fixture make(check *c, bool bf16, size_t rows, size_t k, size_t n, unsigned edges, tensor_side side) {
  float_fixture f = {.bf16 = bf16};
  const size_t values = bnc_bf16_panels(n) * bnc_bf16_panel(k);
  f.stored = bf16 ? tensor_make(1, values, values, 2, side) : tensor_make(n, k, k, 4, side);
  f.bias = tensor_make(1, n, n, 4, side);
  f.x = tensor_make(rows, k, k + check_below(c, 20), 4, side);
  f.w = malloc(n * k * sizeof *f.w);
  f.scratch = aligned_alloc(64, ((bf16 ? bnc_bf16_scratch(k) : BNC_FLOAT_SCRATCH) + 63) / 64 * 64);
  if (bf16) {
    fill_panels(c, &f, k, n, edges);
  } else {
    check_fill(c, &f.stored, 0.1f, edges);
    memcpy(f.w, f.stored.data, n * k * sizeof *f.w);
  }
  check_fill(c, &f.bias, 1.0f, 0);
  check_fill(c, &f.x, 1.0f, edges);
  tensor_protect(&f.stored);
  tensor_protect(&f.x);
  f.args = (bnc_matmul_float_args){.rows = rows,
                                   .k = k,
                                   .n = n,
                                   .w = f.stored.data,
                                   .bias = check_below(c, 2) ? f.bias.data : NULL,
                                   .x = f.x.data,
                                   .x_stride = f.x.stride};
  return f;
}

/* The items [from, to), with x laid out as the level wants it. */
static void run_items(const bnc_kernels *kernels, const float_fixture *f, const bnc_matmul_float_args *args, size_t from, size_t to) {
  const size_t bytes = f->bf16 ? bnc_matmul_tiles_bf16_bytes(kernels->level, args->rows, args->k) : 0;
  bnc_matmul_float_args mine = *args;
  if (bytes) {
    mine.tiles = malloc(bytes);
    kernels->matmul.tiles_bf16(&mine, 0, bnc_matmul_tiles_blocks(args->rows));
  }
  kernel_of(kernels, f)(&mine, from, to, f->scratch);
  free(mine.tiles);
}

static void release(float_fixture *f) {
  tensor_free(&f->stored);
  tensor_free(&f->bias);
  tensor_free(&f->x);
  free(f->w);
  free(f->scratch);
}

/* What the kernel makes of x. */
static float taken(const check *c, const float_fixture *f, float x) {
  if (!rounds(c, f)) return x;
  return fabsf(x) < 0x1p-126f ? 0.0f : bnc_f32_from_bf16(bnc_bf16_from_f32(x));
}

/* In the order of k a product and its sum are rounded once; instructions for bf16 may round to either side, and take what is below the
 * normal numbers for zero. */
static void check_oracle(check *c, const float_fixture *f, const tensor *y) {
  const bnc_matmul_float_args *a = &f->args;
  double *expected = malloc(a->rows * a->n * sizeof *expected), bound = 0;
  for (size_t row = 0; row < a->rows; ++row)
    for (size_t n = 0; n < a->n; ++n) {
      double sum = a->bias ? (double)a->bias[n] : 0, size = fabs(sum);
      for (size_t k = 0; k < a->k; ++k) {
        const double product = (double)taken(c, f, a->x[row * a->x_stride + k]) * (double)f->w[n * a->k + k];
        sum += product;
        size += fabs(product);
      }
      expected[row * a->n + n] = sum;
      bound = fmax(bound, (size * (rounds(c, f) ? 0x1p-23 : 0x1p-24) + 0x1p-120) * (double)(a->k + 2));
    }
  check_near(c, y, expected, bound, 0, "y");
  free(expected);
}

/* x + y as BFDOT adds (FPCR.EBF 0): inexact sums get an odd last bit, those below the normal numbers become zero. */
static float add_to_odd(float x, float y) {
  const double sum = (double)x + (double)y, back = sum - (double)x, rest = ((double)x - (sum - back)) + ((double)y - back);
  float t = (float)sum;
  if ((double)t != sum || rest != 0) {
    if (fabs((double)t) > fabs(sum) || ((double)t == sum && (rest < 0) == (sum > 0))) t = nextafterf(t, 0.0f);
    t = bnc_f32_from_bits(bnc_bits_from_f32(t) | 1u);
  }
  return fabsf(t) < 0x1p-126f ? copysignf(0.0f, t) : t;
}

static float product_of(float x, float w) {
  const float p = fabsf(w) < 0x1p-126f ? 0.0f : x * w;
  return fabsf(p) < 0x1p-126f ? copysignf(0.0f, p) : p;
}

/* The pairs of k as BFDOT takes them, bit for bit. */
static void check_bfdot(check *c, const float_fixture *f, const tensor *y) {
  const bnc_matmul_float_args *a = &f->args;
  for (size_t row = 0; row < a->rows; ++row)
    for (size_t n = 0; n < a->n; ++n) {
      const float *x = a->x + row * a->x_stride, *w = f->w + n * a->k;
      float sum = 0.0f;
      for (size_t k = 0; k < a->k; k += 2) {
        const float first = product_of(taken(c, f, x[k]), w[k]), second = k + 1 < a->k ? product_of(taken(c, f, x[k + 1]), w[k + 1]) : 0.0f;
        sum = add_to_odd(sum, add_to_odd(first, second));
      }
      sum += a->bias ? a->bias[n] : 0.0f;
      const float found = ((float *)y->data)[row * y->stride + n];
      if (bnc_bits_from_f32(found) == bnc_bits_from_f32(sum)) continue;
      check_failed(c, "y [%zu][%zu], k %zu: found %.9g, BFDOT gives %.9g", row, n, a->k, (double)found, (double)sum);
      return;
    }
  check_passed(c);
}

/* A row alone has the bits that it has among others. */
static void check_alone(check *c, const float_fixture *f, const tensor *y) {
  const size_t row = check_below(c, f->args.rows), n = f->args.n;
  const tensor among = {.data = (float *)y->data + row * y->stride, .rows = 1, .cols = n, .stride = n, .size = 4};
  tensor alone = tensor_make(1, n, n, 4, SIDE_END);
  bnc_matmul_float_args args = f->args;
  args.rows = 1;
  args.x += row * args.x_stride;
  args.y = alone.data;
  run_items(&c->test, f, &args, 0, bnc_float_items(n));
  check_equal(c, &alone, &among, true, "a row alone");
  tensor_free(&alone);
}

static void run_case(check *c, bool bf16, size_t rows, size_t k, size_t n, unsigned edges) {
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  float_fixture f = make(c, bf16, rows, k, n, edges, side);
  const size_t items = bnc_float_items(n);
  tensor y[2];
  for (int i = 0; i < 2; ++i) {
    y[i] = tensor_make(rows, n, n + 3, 4, side);
    f.args.y = y[i].data;
    f.args.y_stride = n + 3;
    if (i) {
      run_items(&c->scalar, &f, &f.args, 0, items);
    } else {
      const size_t cut = check_below(c, items + 1);
      run_items(&c->test, &f, &f.args, cut, items);
      run_items(&c->test, &f, &f.args, 0, cut);
    }
  }
  if (!rounds(c, &f)) check_equal(c, &y[0], &y[1], true, "y");
  check_alone(c, &f, &y[0]);
  if ((check_is_scalar(c) && !edges) || (rounds(c, &f) && !(edges & EDGE_INFINITE))) check_oracle(c, &f, &y[0]);
  if (bf16 && c->test.level == BNC_CPU_NEON_BF16 && !edges) check_bfdot(c, &f, &y[0]);
  tensor_free(&y[0]);
  tensor_free(&y[1]);
  release(&f);
}

static void run_job(const void *job, const bnc_kernels *kernels) {
  const float_fixture *f = job;
  run_items(kernels, f, &f->args, 0, bnc_float_items(f->args.n));
}

static void bench_shape(check *c, bool bf16, size_t rows, size_t k, size_t n, const char *shape) {
  float_fixture f = make(c, bf16, rows, k, n, 0, SIDE_START);
  tensor y = tensor_make(rows, n, n, 4, SIDE_START);
  f.args.y = y.data;
  f.args.y_stride = n;
  const bench_job b = {
      .shape = shape,
      .run = run_job,
      .job = &f,
      .bytes = (bf16 ? 2.0 : 4.0) * (double)n * (double)k + 4.0 * (double)(rows * (k + n)),
      .flops = 2.0 * (double)rows * (double)k * (double)n,
      .slots = {(check_fn *)kernel_of(&c->scalar, &f), (check_fn *)kernel_of(&c->lower, &f), (check_fn *)kernel_of(&c->test, &f)}};
  bench_run(c, &b);
  tensor_free(&y);
  release(&f);
}

static void run_cases(check *c, bool bf16) {
  if (c->bench) {
    bench_shape(c, bf16, 577, 1024, 1024, "577x1024x1024");
    bench_shape(c, bf16, 64, 4096, 1024, "64x4096x1024");
    bench_shape(c, bf16, 1, 4096, 4096, "1x4096x4096");
  }
  for (size_t rows = 1; rows <= 27; ++rows) run_case(c, bf16, rows, 1 + check_below(c, 130), 1 + check_below(c, 150), 0);
  for (size_t k = 1; k <= 34; ++k) run_case(c, bf16, 1 + check_below(c, 14), k, 1 + check_below(c, 40), 0);
  for (size_t n = 1; n <= (c->quick ? 34u : 140u); ++n) run_case(c, bf16, 1 + check_below(c, 14), 1 + check_below(c, 70), n, 0);
  for (size_t i = 0; i < 8; ++i) run_case(c, bf16, 5, 37, 19, i % 2 ? EDGE_FINITE : EDGE_FINITE | EDGE_INFINITE);
  run_case(c, bf16, 14, 1025, 131, 0);
  run_case(c, bf16, 17, 2051, 64 * BNC_FLOAT_TOGETHER + 19, 0);
  for (size_t i = 0; i < 5; ++i) { /* laid out for many rows: less than a stretch of k, whole ones, and what is left behind them */
    static const size_t depth[] = {7, BNC_FLOAT_DEPTH, BNC_FLOAT_DEPTH + 1, 2 * BNC_FLOAT_DEPTH, 3 * BNC_FLOAT_DEPTH - 3};
    run_case(c, bf16, 128 + check_below(c, 13), depth[i], 1 + check_below(c, 150), i % 2 ? EDGE_FINITE | EDGE_INFINITE : 0);
  }
}

/* Tiles hold what scalar's do. */
static void tiles_case(check *c, size_t rows, size_t k) {
  const size_t bytes = bnc_matmul_tiles_room(rows, (k + 1) / 2 * 4), blocks = bnc_matmul_tiles_blocks(rows),
               cut = check_below(c, blocks + 1);
  tensor x = tensor_make(rows, k, k + check_below(c, 20), 4, SIDE_END), y[2];
  check_fill(c, &x, 1.0f, EDGE_FINITE | EDGE_INFINITE);
  tensor_protect(&x);
  for (int i = 0; i < 2; ++i) {
    y[i] = tensor_make(1, bytes / 2, bytes / 2, 2, SIDE_END);
    memset(y[i].data, 0, bytes);
    const bnc_matmul_float_args args = {.rows = rows, .k = k, .x = x.data, .x_stride = x.stride, .tiles = y[i].data};
    bnc_matmul_tiles_bf16_fn *kernel = (i ? &c->scalar : &c->test)->matmul.tiles_bf16;
    kernel(&args, cut, blocks);
    kernel(&args, 0, cut);
  }
  if (memcmp(y[0].data, y[1].data, bytes) != 0) check_failed(c, "tiles of %zu x %zu differ from scalar's", rows, k);
  for (size_t row = 0; row < rows && check_is_scalar(c); ++row)
    for (size_t i = 0; i < k; ++i) {
      const float value = ((float *)x.data)[row * x.stride + i],
                  found = bnc_f32_from_bf16(((uint16_t *)y[0].data)[bnc_matmul_tiles_place(rows, (k + 1) / 2 * 4, row, 2 * i) / 2]);
      if (found != value && !(fabsf(found - value) <= fabsf(value) * 0x1p-8f + 0x1p-126f))
        check_failed(c, "%g became %g", (double)value, (double)found);
    }
  check_passed(c);
  tensor_free(&x);
  tensor_free(&y[0]);
  tensor_free(&y[1]);
}

void check_matmul_bf16(check *c) {
  if (CHECK_BEGIN(c, matmul, tiles_bf16)) {
    for (size_t k = 1; k < 100; k += 1 + check_below(c, 9)) tiles_case(c, 1 + check_below(c, 70), k);
    tiles_case(c, 33, 512);
    tiles_case(c, 5, 1100 + check_below(c, 100));
    check_end(c);
  }
  if (!CHECK_BEGIN(c, matmul, bf16)) return;
  run_cases(c, true);
  check_end(c);
}

void check_matmul_f32(check *c) {
  if (!CHECK_BEGIN(c, matmul, f32)) return;
  run_cases(c, false);
  for (size_t i = 0; i < 8; ++i) run_case(c, false, 5, 37, 9, EDGE_FINITE | EDGE_INFINITE | EDGE_NAN);
  check_end(c);
}
