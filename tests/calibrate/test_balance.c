/* SPDX-License-Identifier: Apache-2.0 */
/* The balance multiplies by powers of two alone, wherever a read begins, so that a layer computes the same; and it is chosen where it
   saves something. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "quant/calibrate/balance.h"
#include "tests/noise_source.h"
#include "tests/unit.h"

enum { HIDDEN = 12, FFN = 20, LAYERS = 2, K = 64, ROWS = 40, N = 24 };

static const bnc_text_geometry geometry = {.hidden = HIDDEN, .ffn = FFN, .layers = LAYERS, .heads = 2, .kv_heads = 1, .head_dim = 6};

static void fill(const bnc_balance *b) {
  for (size_t i = 0; i < bnc_balance_bytes(b->text); i++) b->exponent[i] = (int8_t)((int)(i * 7 % 11) - 5);
}

static float expected(const bnc_balance *b, size_t layer, const char *tensor, size_t width, int column_site, int row_site, size_t i) {
  char name[96];
  snprintf(name, sizeof name, "model.layers.%zu.%s.weight", layer, tensor);
  int exponent = 0;
  if (column_site >= 0) exponent += bnc_balance_at(b, layer, (bnc_balance_site)column_site)[i % width];
  if (row_site >= 0) exponent -= bnc_balance_at(b, layer, (bnc_balance_site)row_site)[i / width];
  return ldexpf(noise_value(name, i), exponent);
}

static void tensors_are_scaled_by_rows_and_columns(void **state) {
  static const struct {
    const char *name;
    size_t count, width;
    int columns, rows;
  } tensors[] = {{"input_layernorm", HIDDEN, 1, -1, BNC_BALANCE_ATTENTION},
                 {"self_attn.q_proj", HIDDEN * 12, HIDDEN, BNC_BALANCE_ATTENTION, -1},
                 {"self_attn.k_proj", HIDDEN * 6, HIDDEN, BNC_BALANCE_ATTENTION, -1},
                 {"self_attn.v_proj", HIDDEN * 6, HIDDEN, BNC_BALANCE_ATTENTION, -1},
                 {"self_attn.o_proj", HIDDEN * 12, 12, -1, -1},
                 {"post_attention_layernorm", HIDDEN, 1, -1, BNC_BALANCE_MLP},
                 {"mlp.gate_proj", FFN * HIDDEN, HIDDEN, BNC_BALANCE_MLP, -1},
                 {"mlp.up_proj", FFN * HIDDEN, HIDDEN, BNC_BALANCE_MLP, BNC_BALANCE_DOWN},
                 {"mlp.down_proj", HIDDEN * FFN, FFN, BNC_BALANCE_DOWN, -1}};
  bnc_balance b;
  bnc_error err;
  float out[FFN * HIDDEN];
  (void)state;
  assert_int_equal(bnc_balance_create(&b, &geometry, &noise_source, &err), BNC_OK);
  fill(&b);
  for (size_t layer = 0; layer < LAYERS; layer++)
    for (size_t t = 0; t < sizeof tensors / sizeof *tensors; t++)
      for (size_t first = 0; first < tensors[t].count; first += 5) {
        char name[96];
        const size_t count = tensors[t].count - first < 37 ? tensors[t].count - first : 37;
        snprintf(name, sizeof name, "model.layers.%zu.%s.weight", layer, tensors[t].name);
        assert_int_equal(b.source.read(b.source.context, name, first, count, out, &err), BNC_OK);
        for (size_t i = 0; i < count; i++)
          assert_true(out[i] == expected(&b, layer, tensors[t].name, tensors[t].width, tensors[t].columns, tensors[t].rows, first + i));
      }
  static const char *const others[] = {"model.embed_tokens.weight", "model.norm.weight", "model.layers.2.mlp.up_proj.weight",
                                       "model.layers.0.mlp.up_proj.bias", "model.layers.x.mlp.up_proj.weight"};
  for (size_t t = 0; t < sizeof others / sizeof *others; t++) {
    assert_int_equal(b.source.read(b.source.context, others[t], 3, 9, out, &err), BNC_OK);
    for (size_t i = 0; i < 9; i++) assert_true(out[i] == noise_value(others[t], 3 + i));
  }
  bnc_balance_free(&b);
}

static void outliers_are_balanced_and_others_left(void **state) {
  float x[ROWS * K], w[N * K];
  int8_t exponent[K];
  bnc_error err;
  (void)state;
  for (size_t i = 0; i < ROWS * K; i++) x[i] = noise_value("x", i);
  for (size_t i = 0; i < N * K; i++) w[i] = noise_value("w", i);
  for (size_t group = 0; group <= 32; group += 32) {
    bnc_balance_samples s = {.x = x, .rows = ROWS, .k = K, .w = w, .n = N, .group = group};
    assert_int_equal(bnc_balance_choose(&s, exponent, &err), BNC_OK);
    for (size_t c = 0; c < K; c++) assert_in_range(exponent[c] + 1, 0, 2);
  }
  for (size_t r = 0; r < ROWS; r++) x[r * K + 5] *= 100;
  bnc_balance_samples s = {.x = x, .rows = ROWS, .k = K, .w = w, .n = N};
  assert_int_equal(bnc_balance_choose(&s, exponent, &err), BNC_OK);
  assert_in_range(exponent[5], 1, 6);
  for (size_t c = 0; c < K; c++) assert_true(c == 5 || exponent[c] < exponent[5]);
  memset(x, 0, sizeof x); /* nothing to follow */
  assert_int_equal(bnc_balance_choose(&s, exponent, &err), BNC_OK);
  for (size_t c = 0; c < K; c++) assert_int_equal(exponent[c], 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tensors_are_scaled_by_rows_and_columns),
                                     cmocka_unit_test(outliers_are_balanced_and_others_left)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
