/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "tests/ops/checkkern/check.h"

/* Noise, or black and white alone, which reach the ends of the clamp. */
static void fill_bytes(check *c, const tensor *t, bool harsh) {
  uint8_t *x = t->data;
  for (size_t i = 0; i < t->rows * t->stride; ++i) {
    if (i % t->stride < t->cols) x[i] = harsh ? (uint8_t)(check_below(c, 2) * 255) : (uint8_t)check_random(c);
  }
}

/* A sum of weights and pixels in exact integers, rounded and clamped; the weights are judged by their own test. */
static double expected(const bnc_resample *r, size_t i, const uint8_t *x, size_t stride) {
  int64_t sum = 1 << (BNC_RESAMPLE_BITS - 1);
  for (size_t t = 0; t < r->count[i]; ++t) sum += (int64_t)r->weights[i * r->taps + t] * x[t * stride];
  const int64_t one = (int64_t)1 << BNC_RESAMPLE_BITS, v = (sum - (sum % one + one) % one) / one;
  return v < 0 ? 0 : v > 255 ? 255 : (double)v;
}

static void oracle(check *c, const tensor *y, const double *want, const char *what) {
  for (size_t i = 0; i < y->rows * y->cols; ++i) {
    const uint8_t found = ((uint8_t *)y->data)[i / y->cols * y->stride + i % y->cols];
    if ((double)found == want[i]) continue;
    check_failed(c, "%s [%zu] of %zu x %zu: found %d, expected %g", what, i, y->rows, y->cols, found, want[i]);
    return;
  }
  check_passed(c);
}

static bnc_resample taps_of(size_t in, size_t out) {
  bnc_resample r;
  bnc_error err;
  if (bnc_resample_create(&r, in, out, &err) == BNC_OK) return r;
  fprintf(stderr, "checkkern: %s\n", err.text);
  exit(1);
}

static void case_rows(check *c, size_t in, size_t out, size_t rows, bool harsh) {
  bnc_resample r = taps_of(in, out);
  const size_t slots = rows + check_below(c, 3), first = check_below(c, 5), begin = check_below(c, out),
               end = begin + 1 + check_below(c, out - begin);
  tensor x = tensor_make(rows, in * 3, in * 3 + check_below(c, 4), 1, check_below(c, 2) ? SIDE_END : SIDE_START), y[2];
  double *want = calloc(slots * out * 3, sizeof *want);
  fill_bytes(c, &x, harsh);
  tensor_protect(&x);
  for (int i = 0; i < 2; ++i) {
    y[i] = tensor_make(slots, out * 3, out * 3 + 2, 1, SIDE_END);
    for (size_t row = 0; row < slots; ++row) memset((uint8_t *)y[i].data + row * y[i].stride, 0, y[i].cols);
    const bnc_resample_rows_args a = {.taps = &r,
                                      .in = x.data,
                                      .out = y[i].data,
                                      .in_stride = x.stride,
                                      .out_stride = y[i].stride,
                                      .first_row = first,
                                      .slots = slots,
                                      .begin = begin,
                                      .end = end};
    const size_t cut = first + check_below(c, rows + 1);
    if (i)
      c->scalar.resample.rows_u8(&a, first, first + rows);
    else
      c->test.resample.rows_u8(&a, cut, first + rows), c->test.resample.rows_u8(&a, first, cut);
  }
  check_equal(c, &y[0], &y[1], false, "rows");
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = begin * 3; i < end * 3; ++i) {
      want[(first + row) % slots * out * 3 + i] = expected(&r, i / 3, (uint8_t *)x.data + row * x.stride + r.first[i / 3] * 3 + i % 3, 3);
    }
  }
  oracle(c, &y[0], want, "rows");
  free(want);
  tensor_free(&x);
  tensor_free(&y[0]);
  tensor_free(&y[1]);
  bnc_resample_free(&r);
}

static void case_columns(check *c, size_t in, size_t out, size_t bytes, bool harsh) {
  bnc_resample r = taps_of(in, out);
  const size_t position = check_below(c, out), first = r.first[position];
  tensor x = tensor_make(in, bytes, bytes + check_below(c, 4), 1, check_below(c, 2) ? SIDE_END : SIDE_START), y[2];
  const uint8_t **rows = malloc(r.taps * sizeof *rows);
  double *want = malloc(bytes * sizeof *want);
  fill_bytes(c, &x, harsh);
  tensor_protect(&x);
  for (size_t t = 0; t < r.taps; ++t) rows[t] = (uint8_t *)x.data + (first + t < in ? first + t : 0) * x.stride;
  for (int i = 0; i < 2; ++i) {
    y[i] = tensor_make(1, bytes, bytes, 1, SIDE_END);
    const bnc_resample_columns_args a = {&r, position, rows, y[i].data};
    const size_t cut = check_below(c, bytes + 1);
    if (i)
      c->scalar.resample.columns_u8(&a, 0, bytes);
    else
      c->test.resample.columns_u8(&a, cut, bytes), c->test.resample.columns_u8(&a, 0, cut);
  }
  check_equal(c, &y[0], &y[1], false, "columns");
  for (size_t i = 0; i < bytes; ++i) want[i] = expected(&r, position, (uint8_t *)x.data + first * x.stride + i, x.stride);
  oracle(c, &y[0], want, "columns");
  free(want);
  free(rows);
  tensor_free(&x);
  tensor_free(&y[0]);
  tensor_free(&y[1]);
  bnc_resample_free(&r);
}

typedef struct resample_job {
  bnc_resample_rows_args rows;
  bnc_resample_columns_args columns;
  bool down;
} resample_job;

static void run_job(const void *job, const bnc_kernels *kernels) {
  const resample_job *j = job;
  if (j->down)
    kernels->resample.columns_u8(&j->columns, 0, j->rows.taps->out * 3);
  else
    kernels->resample.rows_u8(&j->rows, 0, 4);
}

static void bench_shape(check *c, bool down, size_t in, size_t out, const char *shape) {
  bnc_resample r = taps_of(in, out);
  const size_t count = r.count[out / 2], rows = down ? count : 4;
  const size_t cols = (down ? out : in) * 3;
  tensor x = tensor_make(rows, cols, cols, 1, SIDE_START), y = tensor_make(4, out * 3, out * 3, 1, SIDE_START);
  const uint8_t **each = malloc(r.taps * sizeof *each);
  fill_bytes(c, &x, false);
  for (size_t t = 0; t < r.taps; ++t) each[t] = (uint8_t *)x.data + (t < rows ? t : 0) * x.stride;
  const resample_job job = {
      {.taps = &r, .in = x.data, .out = y.data, .in_stride = x.stride, .out_stride = y.stride, .slots = 4, .end = out},
      {&r, out / 2, each, y.data},
      down};
  const double outputs = (down ? 1.0 : 4.0) * (double)(out * 3);
  const bench_job b = {shape,
                       run_job,
                       &job,
                       down ? outputs * (double)(count + 1) : 4.0 * (double)(in * 3) + outputs,
                       outputs * (double)count * 2,
                       {down ? (check_fn *)c->scalar.resample.columns_u8 : (check_fn *)c->scalar.resample.rows_u8,
                        down ? (check_fn *)c->lower.resample.columns_u8 : (check_fn *)c->lower.resample.rows_u8,
                        down ? (check_fn *)c->test.resample.columns_u8 : (check_fn *)c->test.resample.rows_u8}};
  bench_run(c, &b);
  free(each);
  tensor_free(&x);
  tensor_free(&y);
  bnc_resample_free(&r);
}

void check_resample(check *c) {
  for (int down = 0; down < 2; ++down) {
    if (!(down ? CHECK_BEGIN(c, resample, columns_u8) : CHECK_BEGIN(c, resample, rows_u8))) continue;
    if (c->bench && down) {
      bench_shape(c, down, 4000, 1008, "a row of 4000->1008");
      bench_shape(c, down, 640, 1008, "a row of 640->1008");
    } else if (c->bench) {
      bench_shape(c, down, 4000, 1008, "4 rows 4000->1008");
      bench_shape(c, down, 640, 1008, "4 rows 640->1008");
    }
    for (size_t in = 1; in <= 70; ++in) {
      const size_t out = 1 + check_below(c, 40);
      if (down)
        case_columns(c, in, out, 1 + check_below(c, 100), in % 2);
      else
        case_rows(c, in, out, 1 + check_below(c, 9), in % 2);
    }
    for (size_t out = 1; out <= 80; out += 13) { /* strong reductions, and enlargements */
      if (down)
        case_columns(c, 400, out, 65, false);
      else
        case_rows(c, 400, out, 5, true);
      if (down)
        case_columns(c, 1 + out / 9, out, 33, true);
      else
        case_rows(c, 1 + out / 9, out, 5, false);
    }
    check_end(c);
  }
}
