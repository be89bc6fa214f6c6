/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "tests/ops/checkkern/check.h"

enum { HEIGHT = 130, WIDTH = 125 };

/* A picture, where its tile's rows and columns lie, and how bytes are normalised. */
typedef struct scene {
  tensor picture, at[2];
  float lut[3][256];
  bnc_patches_args args;
  size_t rows, cols;
} scene;

static int ascending(const void *a, const void *b) {
  const float x = *(const float *)a, y = *(const float *)b;
  return x < y ? -1 : x > y;
}

/* As a crop, a strided view or any other gather has them. */
static tensor positions(check *c, size_t side, size_t limit) {
  tensor t = tensor_make(1, side, side, 4, SIDE_END);
  const size_t step = check_below(c, 4), first = check_below(c, 2) ? limit - side : check_below(c, limit - side + 1);
  for (size_t i = 0; i < side; ++i) ((uint32_t *)t.data)[i] = (uint32_t)(step ? (first + i * step) % limit : check_below(c, limit));
  return t;
}

static void fill_levels(check *c, float lut[3][256]) {
  const size_t odd = check_below(c, 8);
  const float scale = odd == 0 ? 1e-3f : expf(check_normal(c));
  for (size_t k = 0; k < 3; ++k) {
    for (size_t v = 0; v < 256; ++v) lut[k][v] = scale * check_normal(c);
    for (size_t v = 0; odd == 1 && v < 256; ++v) lut[k][v] = k == 1 ? fabsf(lut[k][v]) : 0.0f;
    if (odd == 2) lut[k][0] = -INFINITY;
    if (odd == 2) lut[k][1] = INFINITY;
    qsort(lut[k], 256, sizeof(float), ascending);
  }
}

static scene scene_make(check *c, bool f32, size_t patch, size_t grid) {
  const size_t side = patch * grid, cols = 3 * patch * patch;
  const bool planar = check_below(c, 4) == 0;
  scene s = {.picture = tensor_make(HEIGHT, WIDTH * 3, WIDTH * 3, f32 ? 4 : 1, check_below(c, 2) ? SIDE_END : SIDE_START),
             .at = {positions(c, side, HEIGHT), positions(c, side, WIDTH)},
             .rows = grid * grid,
             .cols = cols};
  const size_t span = check_below(c, 2) ? 256 : 1 + check_below(c, 256), low = check_below(c, 257 - span);
  fill_levels(c, s.lut);
  if (f32) check_fill(c, &s.picture, 1.0f, 0);
  for (size_t i = 0; !f32 && i < HEIGHT * WIDTH * 3; ++i) ((uint8_t *)s.picture.data)[i] = (uint8_t)(low + check_below(c, span));
  tensor_protect(&s.picture);
  s.args = (bnc_patches_args){.side = side,
                              .patch = patch,
                              .y = s.at[0].data,
                              .x = s.at[1].data,
                              .out_stride = cols + 1,
                              .q_stride = cols + 1,
                              .y_stride = planar ? WIDTH : WIDTH * 3,
                              .x_stride = planar ? 1 : 3,
                              .c_stride = planar ? WIDTH * HEIGHT : 1};
  if (f32)
    s.args.f32 = s.picture.data;
  else
    s.args.u8 = s.picture.data;
  return s;
}

static void scene_free(scene *s) {
  tensor_free(&s->picture);
  tensor_free(&s->at[0]);
  tensor_free(&s->at[1]);
}

static void run_floats(const bnc_kernels *k, const bnc_patches_args *a, size_t from, size_t to) {
  (a->u8 ? k->patches.u8 : k->patches.f32)(a, from, to);
}

static void case_floats(check *c, bool u8, size_t patch, size_t grid) {
  scene s = scene_make(c, !u8, patch, grid);
  bnc_patches_args *a = &s.args;
  a->lut = (const float(*)[256])s.lut;
  double *expected = malloc(s.rows * s.cols * sizeof *expected);
  for (size_t i = 0; i < s.rows * s.cols; ++i) {
    const size_t g = i / s.cols, channel = i % s.cols / (patch * patch), dy = i % (patch * patch) / patch, dx = i % patch;
    const size_t from = a->y[g / grid * patch + dy] * a->y_stride + a->x[g % grid * patch + dx] * a->x_stride + channel * a->c_stride;
    expected[i] = (double)(u8 ? s.lut[channel][((uint8_t *)s.picture.data)[from]] : ((float *)s.picture.data)[from]);
  }
  tensor y[2];
  for (int i = 0; i < 2; ++i) {
    const size_t cut = check_below(c, s.rows + 1);
    y[i] = tensor_make(s.rows, s.cols, a->out_stride, 4, check_below(c, 2) ? SIDE_END : SIDE_START);
    a->out = y[i].data;
    run_floats(i ? &c->scalar : &c->test, a, cut, s.rows);
    run_floats(i ? &c->scalar : &c->test, a, 0, cut);
  }
  check_equal(c, &y[0], &y[1], true, "out");
  if (check_is_scalar(c)) check_near(c, &y[0], expected, 0, 0, "out");
  free(expected);
  tensor_free(&y[0]);
  tensor_free(&y[1]);
  scene_free(&s);
}

/* On every level, scalar included, the rows that the scalar kernels make one after the other. */
static void case_qd8(check *c, size_t patch, size_t grid) {
  scene s = scene_make(c, false, patch, grid);
  bnc_patches_args *a = &s.args;
  const tensor_side side = check_below(c, 2) ? SIDE_END : SIDE_START;
  const size_t cut = check_below(c, s.rows + 1);
  tensor x = tensor_make(s.rows, s.cols, a->out_stride, 4, SIDE_END), q[2], p[2];
  for (int i = 0; i < 2; ++i) q[i] = tensor_make(s.rows, s.cols, a->q_stride, 1, side), p[i] = tensor_make(s.rows, 2, 2, 4, side);
  a->lut = (const float(*)[256])s.lut;
  a->out = x.data;
  a->q = q[0].data;
  a->params = p[0].data;
  c->test.patches.qd8(a, cut, s.rows);
  c->test.patches.qd8(a, 0, cut);
  c->scalar.patches.u8(a, 0, s.rows);
  const bnc_quantize_args then = {s.cols, x.data, q[1].data, p[1].data, x.stride, q[1].stride};
  c->scalar.quantize.qd8(&then, 0, s.rows);
  check_equal(c, &q[0], &q[1], false, "int8");
  check_equal(c, &p[0], &p[1], false, "params");
  tensor *all[] = {&x, &q[0], &q[1], &p[0], &p[1]};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) tensor_free(all[i]);
  scene_free(&s);
}

typedef struct patches_job {
  bnc_patches_args args;
  bool qd8;
} patches_job;

static void run_job(const void *job, const bnc_kernels *kernels) {
  const patches_job *j = job;
  (j->qd8 ? kernels->patches.qd8 : kernels->patches.u8)(&j->args, 0, 24 * 24);
}

/* A tile of 336 x 336 pixels out of a picture of 1008 x 1008. */
static void bench_patches(check *c, bool qd8, size_t step, const char *shape) {
  enum { SIDE = 1008, TILE = 336, PATCH = 14, ROWS = 24 * 24, COLS = 3 * PATCH * PATCH };
  tensor picture = tensor_make(SIDE, SIDE * 3, SIDE * 3, 1, SIDE_START), out = tensor_make(ROWS, COLS, COLS, qd8 ? 1 : 4, SIDE_START),
         params = tensor_make(ROWS, 2, 2, 4, SIDE_START);
  static uint32_t at[TILE];
  static float lut[3][256];
  for (uint32_t i = 0; i < TILE; ++i) at[i] = i * (uint32_t)step;
  for (size_t i = 0; i < SIDE * SIDE * 3; ++i) ((uint8_t *)picture.data)[i] = (uint8_t)check_random(c);
  for (size_t i = 0; i < 3 * 256; ++i) lut[i / 256][i % 256] = ((float)(i % 256) / 255.0f - 0.45f) / 0.27f;
  patches_job job = {{.side = TILE,
                      .patch = PATCH,
                      .y = at,
                      .x = at,
                      .u8 = picture.data,
                      .lut = (const float(*)[256])lut,
                      .y_stride = SIDE * 3,
                      .x_stride = 3,
                      .c_stride = 1,
                      .out_stride = COLS,
                      .params = params.data,
                      .q_stride = COLS},
                     qd8};
  if (qd8)
    job.args.q = out.data;
  else
    job.args.out = out.data;
  const bench_job b = {shape,
                       run_job,
                       &job,
                       ROWS * COLS * (qd8 ? 2.0 : 5.0),
                       ROWS * COLS * (qd8 ? 3.0 : 0.0),
                       {qd8 ? (check_fn *)c->scalar.patches.qd8 : (check_fn *)c->scalar.patches.u8,
                        qd8 ? (check_fn *)c->lower.patches.qd8 : (check_fn *)c->lower.patches.u8,
                        qd8 ? (check_fn *)c->test.patches.qd8 : (check_fn *)c->test.patches.u8}};
  bench_run(c, &b);
  tensor_free(&picture);
  tensor_free(&out);
  tensor_free(&params);
}

void check_patches(check *c) {
  for (int u8 = 0; u8 < 2; ++u8) {
    if (!(u8 ? CHECK_BEGIN(c, patches, u8) : CHECK_BEGIN(c, patches, f32))) continue;
    if (c->bench && u8) {
      bench_patches(c, false, 1, "a crop");
      bench_patches(c, false, 3, "a strided view");
    }
    for (size_t i = 0; i < 4; ++i) {
      for (size_t patch = 1; patch <= 20; ++patch) case_floats(c, u8, patch, 1 + check_below(c, 3));
    }
    check_end(c);
  }
  if (!CHECK_BEGIN(c, patches, qd8)) return;
  if (c->bench) {
    bench_patches(c, true, 1, "a crop");
    bench_patches(c, true, 3, "a strided view");
  }
  for (size_t i = 0; i < 5; ++i) {
    for (size_t patch = 1; patch <= 40; ++patch) case_qd8(c, patch, 1 + check_below(c, 3));
    case_qd8(c, 14, 1 + check_below(c, 8));
  }
  check_end(c);
}
