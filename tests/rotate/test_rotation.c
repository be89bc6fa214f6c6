/* SPDX-License-Identifier: Apache-2.0 */
/* Rotated tensors against products with the whole orthogonal matrix in double, wherever a read begins. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "quant/rotate/rotation.h"
#include "tests/noise_source.h"
#include "tests/unit.h"

enum { HIDDEN = 48, FFN = 80, LAYERS = 2, HEADS = 2, HEAD = 18, MOST = FFN * HIDDEN };

static const bnc_text_geometry geometry = {.hidden = HIDDEN, .ffn = FFN, .layers = LAYERS, .heads = HEADS, .kv_heads = 1, .head_dim = HEAD};

/* Q[i][j] of n columns: symmetric, its own inverse. */
static double turn(size_t n, size_t i, size_t j) {
  const size_t block = n & (~n + 1), m = n / block;
  const double sign = __builtin_popcountll((unsigned long long)(i % block & j % block)) % 2 ? -1 : 1;
  const double angle = 2 * 3.14159265358979323846 * (double)((i / block) * (j / block)) / (double)m;
  return sign * (cos(angle) + sin(angle)) / sqrt((double)n);
}

typedef struct tensor_case {
  const char *name, *gamma;
  size_t n, k;
  bool rows, columns;
} tensor_case;

static double entry(const tensor_case *t, size_t i, size_t c) {
  char gamma[96];
  if (t->gamma) snprintf(gamma, sizeof gamma, "model.layers.1.%s.weight", t->gamma);
  return (double)noise_value(t->name, i * t->k + c) * (t->gamma ? (double)noise_value(gamma, c) : 1);
}

/* out [n, k] */
static void expect(const tensor_case *t, double *out) {
  static double half[MOST];
  for (size_t i = 0; i < t->n; i++)
    for (size_t c = 0; c < t->k; c++) {
      double sum = t->columns ? 0 : entry(t, i, c);
      for (size_t l = 0; t->columns && l < t->k; l++) sum += entry(t, i, l) * turn(t->k, l, c);
      half[i * t->k + c] = sum;
    }
  for (size_t i = 0; i < t->n; i++)
    for (size_t c = 0; c < t->k; c++) {
      double sum = t->rows ? 0 : half[i * t->k + c];
      for (size_t l = 0; t->rows && l < t->n; l++) sum += turn(t->n, i, l) * half[l * t->k + c];
      out[i * t->k + c] = sum;
    }
}

static void tensors_are_products(void **state) {
  static const char first[] = "input_layernorm", second[] = "post_attention_layernorm";
  static const tensor_case tensors[] = {
      {"model.layers.1.self_attn.q_proj.weight", first, HEADS * HEAD, HIDDEN, false, true},
      {"model.layers.1.self_attn.k_proj.weight", first, HEAD, HIDDEN, false, true},
      {"model.layers.1.self_attn.v_proj.weight", first, HEAD, HIDDEN, false, true},
      {"model.layers.1.self_attn.o_proj.weight", NULL, HIDDEN, HEADS * HEAD, true, false},
      {"model.layers.1.self_attn.o_proj.bias", NULL, HIDDEN, 1, true, false},
      {"model.layers.1.mlp.gate_proj.weight", second, FFN, HIDDEN, false, true},
      {"model.layers.1.mlp.up_proj.weight", second, FFN, HIDDEN, false, true},
      {"model.layers.1.mlp.down_proj.weight", NULL, HIDDEN, FFN, true, true},
      {"model.embed_tokens.weight", NULL, 7, HIDDEN, false, true},
      {"lm_head.weight", NULL, 7, HIDDEN, false, true},
      {"model.layers.1.self_attn.q_proj.bias", NULL, HEADS * HEAD, 1, false, false},
      {"model.norm.weight", NULL, 1, HIDDEN, false, false},
      {"model.mm_projector.2.weight", NULL, HIDDEN, 5, false, false},
  };
  static double expected[MOST];
  bnc_rotation r;
  bnc_error err;
  (void)state;
  assert_int_equal(bnc_rotation_create(&r, &geometry, &noise_source, &err), BNC_OK);
  for (size_t t = 0; t < sizeof tensors / sizeof *tensors; t++) {
    const size_t all = tensors[t].n * tensors[t].k;
    expect(&tensors[t], expected);
    for (size_t from = 0; from < all; from += 53) {
      float out[101];
      const size_t count = all - from < 101 ? all - from : 101;
      assert_int_equal(r.source.read(r.source.context, tensors[t].name, from, count, out, &err), BNC_OK);
      for (size_t i = 0; i < count; i++)
        if (!(fabs((double)out[i] - expected[from + i]) <= 3e-6))
          fail_msg("%s [%zu] is %g, expected %g", tensors[t].name, from + i, (double)out[i], expected[from + i]);
    }
  }
  bnc_rotation_free(&r);
}

static void norms_have_no_weights_left(void **state) {
  static const char *const names[] = {"model.layers.0.input_layernorm.weight", "model.layers.1.post_attention_layernorm.weight"};
  bnc_rotation r;
  bnc_error err;
  float out[HIDDEN];
  (void)state;
  assert_int_equal(bnc_rotation_create(&r, &geometry, &noise_source, &err), BNC_OK);
  for (size_t n = 0; n < 2; n++) {
    assert_int_equal(r.source.read(r.source.context, names[n], 0, HIDDEN, out, &err), BNC_OK);
    for (size_t i = 0; i < HIDDEN; i++) assert_true(out[i] == 1.0f);
  }
  bnc_rotation_free(&r);
}

static void sizes_are_asked_for(void **state) {
  bnc_text_geometry t = geometry;
  (void)state;
  assert_true(bnc_rotation_fits(&t));
  t.ffn = FFN + 8;
  assert_false(bnc_rotation_fits(&t));
  t.ffn = FFN;
  t.hidden = HIDDEN + 4;
  assert_false(bnc_rotation_fits(&t));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tensors_are_products), cmocka_unit_test(norms_have_no_weights_left),
                                     cmocka_unit_test(sizes_are_asked_for)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
