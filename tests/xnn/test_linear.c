/* SPDX-License-Identifier: Apache-2.0 */
/* Linear layers against their formulas, by kind, shape, stride, bias and number of threads. */
#include <stdint.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "ops/half.h"
#include "ops/kernels.h"
#include "ops/qd8.h"
#include "ops/xnn/linear.h"
#include "platforms/base/mem.h"
#include "tests/unit.h"

/* On x86, XNNPACK's int8 sums are scaled in our order on every level. On ARM its kernels for SDOT scale in another order. */
#define X86 (BNC_CPU_ARCH == BNC_ARCH_X86_64)

#define ALONE_ROWS 13 /* more than any kernel takes at once */
#define POOLS 3
static bnc_pool *pools[POOLS]; /* of 1, 2 and 4 threads */

static uint32_t state = 1;
static float uniform(void) {
  state = state * 1664525u + 1013904223u;
  return (float)(state >> 8) / (float)(1u << 23) - 1.0f;
}

typedef struct matrix_case {
  bnc_linear_kind kind;
  size_t rows, n, k, in_pad, out_pad;
  bool bias;
  size_t group; /* int4 */
} matrix_case;

typedef struct data {
  matrix_case c;
  bnc_linear_spec spec;
  float *x, *y, *bias, *scales;
  uint8_t *w; /* int4: rows, and panels behind them */
  uint16_t *group_scales, *panel_scales;
  int8_t *q;
  bnc_qd8_params *params;
} data;

static void *need(size_t size) {
  void *block = bnc_mem_zalloc(size + 64);
  assert_non_null(block);
  return block;
}

/* The random bytes of w are nibbles by rows; their panels take their place. */
static void make_int4(data *d) {
  const matrix_case *c = &d->c;
  const size_t panels = bnc_i4_panels(c->n);
  uint8_t *nibbles = d->w + c->n * c->k; /* 64-byte aligned enough: bytes */
  float *offset = need(panels * BNC_I4_PANEL * sizeof *offset);
  for (size_t i = 0; i < c->n * (c->k / c->group); i++) d->group_scales[i] = (uint16_t)(0x3c00 + i % 97);
  bnc_matmul_i4_pack(c->n, c->k, c->group, d->w, d->group_scales, nibbles, d->panel_scales, offset, 0, panels);
  bnc_mem_free(offset);
}

static data make(const matrix_case *c) {
  size_t in = c->k + c->in_pad, out = c->n + c->out_pad;
  data d = {.c = *c,
            .x = need(c->rows * in * 4),
            .y = need((c->rows + 1) * out * 4),
            .bias = need(c->n * 4),
            .scales = need(c->n * 4),
            .w = need((c->n + BNC_I4_PANEL) * c->k * 4),
            .q = need(c->rows * in + BNC_QD8_EXTRA),
            .group_scales = need(c->n * c->k),
            .panel_scales = need((c->n + BNC_I4_PANEL) * c->k),
            .params = need((c->rows + BNC_QD8_EXTRA) * sizeof(bnc_qd8_params))};
  for (size_t i = 0; i < c->rows * in; i++) d.x[i] = uniform();
  for (size_t k = 0; c->rows > 2 && k < c->k; k++) d.x[in + k] = 0.0f; /* the second row is one of zeros */
  for (size_t i = 0; i < c->n; i++) {
    d.bias[i] = uniform();
    d.scales[i] = 0.001f + fabsf(uniform()) * 0.01f;
  }
  for (size_t i = 0; i < c->n * c->k; i++) {
    if (c->kind == BNC_LINEAR_F32)
      ((float *)(void *)d.w)[i] = uniform();
    else
      d.w[i] = (uint8_t)(int8_t)(uniform() * 127.0f);
  }
  if (c->kind == BNC_LINEAR_QD8_QG4) make_int4(&d);
  for (size_t r = 0; r < c->rows; r++) {
    float lo = 0.0f, hi = 0.0f, s;
    for (size_t k = 0; k < c->k; k++) {
      lo = fminf(lo, d.x[r * in + k]);
      hi = fmaxf(hi, d.x[r * in + k]);
    }
    d.params[r] = bnc_qd8_choose(lo, hi, &s);
    for (size_t k = 0; k < c->k; k++) d.q[r * in + k] = bnc_qd8_value(d.x[r * in + k], s, d.params[r].zero_point);
  }
  bnc_qd8_pad(d.params, c->rows);
  d.spec = (bnc_linear_spec){.kind = c->kind,
                             .n = c->n,
                             .k = c->k,
                             .in_stride = in,
                             .out_stride = out,
                             .weights = c->kind == BNC_LINEAR_QD8_QG4 ? d.w + c->n * c->k : d.w,
                             .scales = d.scales,
                             .group = c->group,
                             .group_scales = d.panel_scales,
                             .bias = c->bias ? d.bias : NULL};
  return d;
}

static void drop(data *d) {
  void *blocks[] = {d->x, d->y, d->bias, d->scales, d->w, d->q, d->params, d->group_scales, d->panel_scales};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) bnc_mem_free(blocks[i]);
}

static double int4_at(const data *d, size_t n, size_t k) {
  const matrix_case *c = &d->c;
  const int nibble = d->w[n * (c->k / 2) + k / 2] >> (k % 2 ? 4 : 0) & 15;
  return (nibble - 8) * (double)bnc_f32_from_bf16(d->group_scales[n * (c->k / c->group) + k / c->group]);
}

/* y[row][n] in double, or for int8 exactly as the kernels round; *bound: what f32 sums may differ by. */
static double expected(const data *d, size_t r, size_t n, double *bound) {
  const matrix_case *c = &d->c;
  size_t in = c->k + c->in_pad;
  double sum = 0.0, size = 0.0, bias = c->bias ? (double)d->bias[n] : 0.0;
  int64_t whole = 0;
  for (size_t k = 0; k < c->k; k++) {
    if (c->kind == BNC_LINEAR_QD8_QC8) {
      whole += (d->q[r * in + k] - d->params[r].zero_point) * (int8_t)d->w[n * c->k + k];
      continue;
    }
    const double product = c->kind == BNC_LINEAR_F32
                               ? (double)d->x[r * in + k] * (double)((const float *)(const void *)d->w)[n * c->k + k]
                               : (d->q[r * in + k] - d->params[r].zero_point) * int4_at(d, n, k) * (double)d->params[r].scale;
    sum += product;
    size += fabs(product);
  }
  if (c->kind == BNC_LINEAR_QD8_QC8) {
    const double y = (double)fmaf((float)whole * d->params[r].scale, d->scales[n], c->bias ? d->bias[n] : 0.0f);
    *bound = X86 ? 0.0 : (fabs(y) + 2 * fabs(bias)) * 0x1p-22;
    return y;
  }
  *bound = (size + fabs(bias)) * 1.2e-7 * ((double)c->k + 4.0);
  return sum + bias;
}

/* Our int8 kernels give XNNPACK's bits. */
static void check_own_int8(const data *d, const float *expected_y, size_t out) {
  const matrix_case *c = &d->c;
  bnc_cpu_level best;
  bnc_error err;
  assert_int_equal(bnc_cpu_detect_level(&best, &err), BNC_OK);
  const bnc_cpu_level levels[] = {BNC_CPU_SCALAR, best};
  void *scratch = need(BNC_MATMUL_SCRATCH);
  float *y = need((c->rows + 1) * out * sizeof *y);
  for (size_t i = 0; i < 2; i++) {
    bnc_kernels kernels;
    bnc_kernels_init(&kernels, levels[i]);
    const size_t tiles = bnc_matmul_tiles_bytes(levels[i], c->rows, c->k);
    const bnc_matmul_i8_args args = {.rows = c->rows,
                                     .k = c->k,
                                     .n = c->n,
                                     .w = (const int8_t *)d->w,
                                     .scale = d->scales,
                                     .bias = d->spec.bias,
                                     .q = d->q,
                                     .params = d->params,
                                     .y = y,
                                     .q_stride = d->spec.in_stride,
                                     .y_stride = out,
                                     .tiles = tiles ? need(tiles) : NULL};
    if (tiles) kernels.matmul.tiles(&args, 0, bnc_matmul_tiles_blocks(c->rows));
    for (size_t j = 0; j < (c->rows + 1) * out; j++) y[j] = 12345.0f;
    kernels.matmul.i8(&args, 0, bnc_matmul_i8_items(c->n), scratch);
    assert_memory_equal(y, expected_y, (c->rows + 1) * out * sizeof *y);
    bnc_mem_free(args.tiles);
  }
  bnc_mem_free(scratch);
  bnc_mem_free(y);
}

static void check_case(const matrix_case *c) {
  data d = make(c);
  bnc_error err;
  size_t out = c->n + c->out_pad, bytes = (c->rows + 1) * out * sizeof(float);
  float *first = need(bytes);
  for (size_t p = 0; p < POOLS; p++) {
    bnc_packed_store *store;
    bnc_linear_set *set;
    bnc_pool *pool = pools[p];
    uint32_t id;
    if (p > 0 && c->rows * c->n < 128) continue; /* nothing to share */
    assert_int_equal(bnc_packed_create(&store, &err), BNC_OK);
    assert_int_equal(bnc_linear_set_create(&set, store, &err), BNC_OK);
    assert_int_equal(bnc_linear_set_add(set, &d.spec, 3, 0, &id, &err), BNC_OK);
    for (size_t i = 0; i < bytes / sizeof(float); i++) d.y[i] = 12345.0f;
    assert_int_equal(bnc_linear_set_run(set, id, c->rows, c->kind == BNC_LINEAR_F32 ? (const void *)d.x : d.q, d.params, d.y, pool),
                     BNC_OK);
    if (p == 0) memcpy(first, d.y, bytes);
    assert_memory_equal(first, d.y, bytes);
    bnc_linear_set_destroy(set);
    bnc_packed_destroy(store);
  }
  for (size_t r = 0; r <= c->rows; r++)
    for (size_t n = 0; n < out; n++) {
      double bound = 0.0, want = r == c->rows || n >= c->n ? 12345.0 : expected(&d, r, n, &bound), have = (double)first[r * out + n];
      if (!(fabs(have - want) <= bound))
        fail_msg("kind %d, %zu rows, %zu x %zu: row %zu column %zu is %g, expected %g +- %g", (int)c->kind, c->rows, c->n, c->k, r, n, have,
                 want, bound);
    }
  if (c->kind == BNC_LINEAR_QD8_QC8 && X86) check_own_int8(&d, first, out);
  bnc_mem_free(first);
  drop(&d);
}

static void test_formula(void **s) {
  (void)s;
  static const size_t rows[] = {1, 2, 3, 5, 8, 17}, n[] = {1, 15, 17, 64, 100}, k[] = {32, 96, 256};
  for (int kind = 0; kind < 2; kind++)
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
      for (size_t j = 0; j < sizeof n / sizeof *n; j++)
        for (size_t l = 0; l < sizeof k / sizeof *k; l++) {
          matrix_case c = {(bnc_linear_kind)kind, rows[i],          n[j], k[l], kind == BNC_LINEAR_F32 ? 3 : 0,
                           (i + j) % 2 * 5,       (i + l) % 2 == 0, 0};
          check_case(&c);
          c.k -= 1 + j % 3; /* depths that no vector divides */
          check_case(&c);
        }
}

/* int4 in panels, as model files hold it, through what XNNPACK has for groups. */
static void test_int4(void **s) {
  (void)s;
  static const size_t rows[] = {1, 3, 17}, n[] = {1, 8, 15, 64}, group[] = {32, 64, 128};
  for (size_t i = 0; i < 3; i++)
    for (size_t j = 0; j < 4; j++)
      for (size_t g = 0; g < 3; g++) {
        const matrix_case c = {BNC_LINEAR_QD8_QG4, rows[i], n[j], 128 * (1 + (i + j) % 2), 0, j % 2 * 5, (i + g) % 2 == 0, group[g]};
        check_case(&c);
      }
}

/* Column slabs of one matrix give the bits of the whole, through one operator per shape. */
static void test_slabs(void **s) {
  (void)s;
  for (int kind = 0; kind < 2; kind++) {
    matrix_case c = {(bnc_linear_kind)kind, 7, 192, 128, 0, 0, true, 0};
    data d = make(&c);
    bnc_error err;
    bnc_packed_store *store;
    bnc_linear_set *set;
    bnc_pool *pool = pools[1];
    uint32_t whole, part[3];
    const void *x = kind == BNC_LINEAR_F32 ? (const void *)d.x : d.q;
    float *apart = need(c.rows * c.n * 4);
    assert_int_equal(bnc_packed_create(&store, &err), BNC_OK);
    assert_int_equal(bnc_linear_set_create(&set, store, &err), BNC_OK);
    assert_int_equal(bnc_linear_set_add(set, &d.spec, 0, 0, &whole, &err), BNC_OK);
    for (uint32_t p = 0; p < 3; p++) {
      bnc_linear_spec slab = d.spec;
      size_t row = p * 64;
      slab.n = 64;
      slab.weights = d.w + row * c.k * (kind == BNC_LINEAR_F32 ? 4 : 1);
      slab.scales = d.scales + row;
      slab.bias = d.bias + row;
      assert_int_equal(bnc_linear_set_add(set, &slab, 0, p * 64, &part[p], &err), BNC_OK);
    }
    assert_int_equal(bnc_linear_set_operators(set), 2);
    assert_int_equal(bnc_linear_set_layers(set), 4);
    assert_int_equal(bnc_linear_set_run(set, whole, c.rows, x, d.params, d.y, pool), BNC_OK);
    for (uint32_t p = 3; p-- > 0;) assert_int_equal(bnc_linear_set_run(set, part[p], c.rows, x, d.params, apart + p * 64, pool), BNC_OK);
    assert_memory_equal(apart, d.y, c.rows * c.n * 4);
    bnc_mem_free(apart);
    bnc_linear_set_destroy(set);
    bnc_packed_destroy(store);
    drop(&d);
  }
}

/* `count` rows from `first` on, by themselves, have the bits that they have among all; what stands behind them is left alone. */
static void check_some(bnc_linear_set *set, uint32_t id, const data *d, size_t first, size_t count, float *apart) {
  const matrix_case *c = &d->c;
  const size_t in = d->spec.in_stride, out = d->spec.out_stride;
  bnc_qd8_params params[ALONE_ROWS + BNC_QD8_EXTRA];
  memcpy(params, d->params + first, count * sizeof *params);
  bnc_qd8_pad(params, count);
  for (size_t i = 0; i < (count + 1) * out; i++) apart[i] = 12345.0f;
  const void *x = c->kind == BNC_LINEAR_F32 ? (const void *)(d->x + first * in) : d->q + first * in;
  assert_int_equal(bnc_linear_set_run(set, id, count, x, params, apart, pools[1]), BNC_OK);
  for (size_t r = 0; r < count; r++) assert_memory_equal(apart + r * out, d->y + (first + r) * out, c->n * sizeof *apart);
  for (size_t i = (count - 1) * out + c->n; i < (count + 1) * out; i++) assert_float_equal(apart[i], 12345.0f, 0.0f);
}

/* Rows alone, in twos, threes and so on give the batch's bits: what guessing ahead and prompts in chunks rest on. */
static void test_alone(void **s) {
  (void)s;
  static const size_t n[] = {1, 17, 64}, k[] = {1, 31, 128};
  for (int kind = 0; kind < 3; kind++)
    for (size_t i = 0; i < 9; i++) {
      const bool int4 = kind == BNC_LINEAR_QD8_QG4, wide = i % 2 == 0 && !int4;
      const matrix_case c = {(bnc_linear_kind)kind, ALONE_ROWS, n[i / 3],     int4 ? 128 : k[i % 3], wide && kind == BNC_LINEAR_F32 ? 3 : 0,
                             wide ? 5 : 0,          i % 2 == 0, int4 ? 32 : 0};
      data d = make(&c);
      bnc_error err;
      bnc_packed_store *store;
      bnc_linear_set *set;
      uint32_t id;
      float *apart = need((c.rows + 1) * d.spec.out_stride * sizeof *apart);
      assert_int_equal(bnc_packed_create(&store, &err), BNC_OK);
      assert_int_equal(bnc_linear_set_create(&set, store, &err), BNC_OK);
      assert_int_equal(bnc_linear_set_add(set, &d.spec, 0, 0, &id, &err), BNC_OK);
      assert_int_equal(bnc_linear_set_run(set, id, c.rows, kind == BNC_LINEAR_F32 ? (const void *)d.x : d.q, d.params, d.y, pools[1]),
                       BNC_OK);
      for (size_t count = 1; count <= 7; count++)
        for (size_t first = 0; first + count <= c.rows; first += count) check_some(set, id, &d, first, count, apart);
      bnc_mem_free(apart);
      bnc_linear_set_destroy(set);
      bnc_packed_destroy(store);
      drop(&d);
    }
}

static int setup(void **s) {
  bnc_error err;
  (void)s;
  for (size_t p = 0; p < POOLS; p++)
    if (bnc_pool_create(&pools[p], (size_t)1 << p, &err) != BNC_OK || bnc_pool_start_native(pools[p], &err) != BNC_OK) return -1;
  return 0;
}

static int teardown(void **s) {
  (void)s;
  for (size_t p = 0; p < POOLS; p++) bnc_pool_destroy(pools[p]);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_formula), cmocka_unit_test(test_int4), cmocka_unit_test(test_slabs),
                                     cmocka_unit_test(test_alone)};
  return cmocka_run_group_tests(tests, setup, teardown);
}
