/* SPDX-License-Identifier: Apache-2.0 */
/* What is centred computes the same in double: norm, projections, attention and the layer behind it; and its inputs lie around zero. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/context_private.h"
#include "platforms/base/mem.h"
#include "quant/calibrate/centre.h"
#include "tests/noise_source.h"
#include "tests/unit.h"

enum { WIDTH = 40, MLP = 56, ROWS = 24 };

static const bnc_vision_geometry geometry = {.width = WIDTH, .mlp = MLP, .layers = 3, .layers_used = 2, .heads = 1};

#define LAYER "vision_model.encoder.layers.1."
#define DEM "model.spatial_embed.attention.linears."

static void read(const bnc_tensor_source *source, const char *name, size_t n, double *out) {
  float values[MLP * WIDTH];
  /* In two parts, so that a read begins inside of a row as well. */
  assert_int_equal(source->read(source->context, name, 0, n - 3, values, NULL), BNC_OK);
  assert_int_equal(source->read(source->context, name, n - 3, 3, values + n - 3, NULL), BNC_OK);
  for (size_t i = 0; i < n; i++) out[i] = (double)values[i];
}

/* y [ROWS, n] = x W^T + b. */
static void linear(const bnc_tensor_source *source, const char *matrix, size_t n, const double *x, double *y) {
  double w[MLP * WIDTH], b[MLP];
  char name[96];
  snprintf(name, sizeof name, "%s.weight", matrix);
  read(source, name, n * WIDTH, w);
  snprintf(name, sizeof name, "%s.bias", matrix);
  read(source, name, n, b);
  for (size_t r = 0; r < ROWS; r++)
    for (size_t i = 0; i < n; i++) {
      y[r * n + i] = b[i];
      for (size_t c = 0; c < WIDTH; c++) y[r * n + i] += x[r * WIDTH + c] * w[i * WIDTH + c];
    }
}

static void norm(const bnc_tensor_source *source, const char *layer, const double *x, double *y) {
  double gamma[WIDTH], beta[WIDTH];
  char name[96];
  snprintf(name, sizeof name, "%s.weight", layer);
  read(source, name, WIDTH, gamma);
  snprintf(name, sizeof name, "%s.bias", layer);
  read(source, name, WIDTH, beta);
  for (size_t i = 0; i < ROWS * WIDTH; i++) y[i] = x[i] * gamma[i % WIDTH] + beta[i % WIDTH];
}

static void attend(const double *q, const double *k, const double *v, double *y) {
  for (size_t r = 0; r < ROWS; r++) {
    double p[ROWS], all = 0;
    for (size_t j = 0; j < ROWS; j++) {
      p[j] = 0;
      for (size_t c = 0; c < WIDTH; c++) p[j] += q[r * WIDTH + c] * k[j * WIDTH + c];
      all += p[j] = exp(p[j] / WIDTH);
    }
    for (size_t c = 0; c < WIDTH; c++) {
      y[r * WIDTH + c] = 0;
      for (size_t j = 0; j < ROWS; j++) y[r * WIDTH + c] += p[j] / all * v[j * WIDTH + c];
    }
  }
}

typedef struct pass {
  double normed[ROWS * WIDTH], second[ROWS * WIDTH], key[ROWS * WIDTH], value[ROWS * WIDTH], mixed[ROWS * WIDTH];
  double attention[ROWS * WIDTH], hidden[ROWS * MLP], dem[ROWS * WIDTH];
} pass;

static void run(const bnc_tensor_source *source, const double *x, pass *p) {
  double q[ROWS * WIDTH];
  norm(source, LAYER "layer_norm1", x, p->normed);
  linear(source, LAYER "self_attn.q_proj", WIDTH, p->normed, q);
  linear(source, LAYER "self_attn.k_proj", WIDTH, p->normed, p->key);
  linear(source, LAYER "self_attn.v_proj", WIDTH, p->normed, p->value);
  attend(q, p->key, p->value, p->mixed);
  linear(source, LAYER "self_attn.out_proj", WIDTH, p->mixed, p->attention);
  norm(source, LAYER "layer_norm2", x, p->second);
  linear(source, LAYER "mlp.fc1", MLP, p->second, p->hidden);
  double k[ROWS * WIDTH], v[ROWS * WIDTH], mixed[ROWS * WIDTH];
  linear(source, DEM "0", WIDTH, x, q);
  linear(source, DEM "1", WIDTH, x, k);
  linear(source, DEM "2", WIDTH, x, v);
  attend(q, k, v, mixed);
  linear(source, DEM "3", WIDTH, mixed, p->dem);
}

static void tell(bnc_moments *m, const char *matrix, const double *x) {
  float rows[ROWS * WIDTH];
  for (size_t i = 0; i < ROWS * WIDTH; i++) rows[i] = (float)x[i];
  assert_int_equal(bnc_moments_add(m, matrix, rows, ROWS, WIDTH), BNC_OK);
}

static void same(const double *a, const double *b, size_t n) {
  for (size_t i = 0; i < n; i++) assert_true(fabs(a[i] - b[i]) < 2e-5 * (1 + fabs(a[i])));
}

static double mean_of(const double *x, size_t c) {
  double sum = 0;
  for (size_t r = 0; r < ROWS; r++) sum += x[r * WIDTH + c];
  return sum / ROWS;
}

/* Element (i, j) of what a factor multiplies back to, i at most j. */
static double product(const float *factor, size_t padded, size_t i, size_t j) {
  double sum = 0;
  for (size_t c = j; c < padded; c++) sum += (double)factor[c * padded + i] * (double)factor[c * padded + j];
  return sum;
}

/* The factor for what a matrix reads now is that of the moments that such rows have. */
static void check_factor(bnc_context *context, const bnc_centre *c, const char *matrix, const double *x) {
  bnc_moments *now;
  bnc_pool *pool;
  float *factor, *right;
  const size_t padded = bnc_moments_padded(WIDTH);
  assert_int_equal(bnc_moments_create(context, &now), BNC_OK);
  assert_int_equal(bnc_pool_create(&pool, 1, NULL), BNC_OK);
  tell(now, matrix, x);
  assert_int_equal(bnc_moments_factor(now, matrix, WIDTH, NULL, NULL, pool, &right, NULL), BNC_OK);
  assert_int_equal(bnc_centre_factor(c, matrix, WIDTH, pool, &factor, NULL), BNC_OK);
  double size = 0;
  for (size_t i = 0; i < WIDTH; i++) size += product(right, padded, i, i) / WIDTH;
  for (size_t i = 0; i < WIDTH; i++)
    for (size_t j = i; j < WIDTH; j++) assert_true(fabs(product(factor, padded, i, j) - product(right, padded, i, j)) < 1e-3 * size);
  bnc_mem_free(right);
  assert_int_equal(bnc_centre_factor(c, "another.weight", WIDTH, pool, &right, NULL), BNC_OK);
  assert_null(right);
  bnc_moments_free(now);
  bnc_pool_destroy(pool);
  bnc_mem_free(factor);
}

static void computes_the_same(void **state) {
  static double x[ROWS * WIDTH];
  static pass before, after;
  bnc_context *context;
  bnc_moments *moments;
  bnc_centre centre;
  (void)state;
  assert_int_equal(bnc_context_create(NULL, &context), BNC_OK);
  assert_int_equal(bnc_moments_create(context, &moments), BNC_OK);
  for (size_t i = 0; i < ROWS * WIDTH; i++) x[i] = (double)noise_value("x", i) * (i % WIDTH == 3 ? 20 : 1) + (double)(i % WIDTH) / 9;
  run(&noise_source, x, &before);
  tell(moments, LAYER "self_attn.q_proj.weight", before.normed);
  tell(moments, LAYER "mlp.fc1.weight", before.second);
  tell(moments, LAYER "self_attn.out_proj.weight", before.mixed);
  tell(moments, DEM "1.weight", x);
  assert_int_equal(bnc_centre_create(&centre, &geometry, moments, &noise_source, NULL), BNC_OK);
  run(&centre.source, x, &after);
  same(before.attention, after.attention, ROWS * WIDTH);
  same(before.hidden, after.hidden, ROWS * MLP);
  same(before.dem, after.dem, ROWS * WIDTH);
  for (size_t c = 0; c < WIDTH; c++) {
    assert_true(fabs(mean_of(after.normed, c)) < 1e-4 && fabs(mean_of(after.second, c)) < 1e-4);
    assert_true(fabs(mean_of(after.key, c)) < 1e-4 && fabs(mean_of(after.value, c)) < 1e-4);
  }
  check_factor(context, &centre, LAYER "self_attn.q_proj.weight", after.normed);
  check_factor(context, &centre, LAYER "self_attn.out_proj.weight", after.mixed);
  bnc_centre_free(&centre);
  bnc_moments_free(moments);
  bnc_context_destroy(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(computes_the_same)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
