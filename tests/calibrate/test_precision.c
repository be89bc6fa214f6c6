/* SPDX-License-Identifier: Apache-2.0 */
/* compile --bits-per-weight: the budget is kept, a larger one never loses more, matrices that round badly get the bits. */
#include "quant/compile/precision_choose.h"
#include "tests/unit.h"

enum { HIDDEN = 128, FFN = 192, LAYERS = 3 };
static const bnc_text_geometry text = {.layers = LAYERS, .hidden = HIDDEN, .ffn = FFN, .heads = 4, .kv_heads = 2, .head_dim = 32};

/* Weights of +-1 and 3 lie on the grid of any group, where int4 loses nothing; down_proj's of layer 1 do not. */
static bnc_status read_rows(void *context, const char *name, size_t first, size_t count, float *out, bnc_error *err) {
  (void)context;
  (void)err;
  const bool rough = strcmp(name, "model.layers.1.mlp.down_proj.weight") == 0;
  for (size_t i = 0; i < count; i++) {
    const size_t at = first + i;
    const uint32_t bits = (uint32_t)at * 2654435761u + (uint32_t)strlen(name) * 40503u;
    const float coarse = (bits >> 20 & 1) ? 0.5f : -0.5f, fine = (float)(bits >> 8 & 0xffff) / 65536.0f - 0.5f;
    out[i] = rough ? fine * (at % 37 == 0 ? 9.0f : 1.0f) : coarse + 0.05f * fine;
  }
  return BNC_OK;
}

static const bnc_tensor_source source = {.read = read_rows};

static double bits_of(size_t group, size_t k) {
  return group == 0 ? 8 + 32.0 / (double)k : group == 16 ? 4.25 + 64.0 / (double)k : 4 + 16.0 / (double)group + 32.0 / (double)k;
}

static double average(const bnc_text_precision *p) {
  static const size_t k[] = {HIDDEN, HIDDEN, HIDDEN, FFN}, n[] = {128 + 64 + 64, HIDDEN, 2 * FFN, HIDDEN};
  double bits = 0, weights = 0;
  for (size_t l = 0; l < p->layers; l++)
    for (size_t s = 0; s < BNC_TEXT_SITES; s++) {
      assert_true(p->group[l][s] == 0 || k[s] % p->group[l][s] == 0);
      bits += bits_of(p->group[l][s], k[s]) * (double)(n[s] * k[s]);
      weights += (double)(n[s] * k[s]);
    }
  return bits / weights;
}

static void test_budget(void **state) {
  (void)state;
  bnc_error err;
  double loss = 1e9, bits = 0;
  for (double budget = 4.5; budget < 9; budget += 0.1) {
    bnc_text_precision p, again;
    assert_int_equal(bnc_text_precision_choose(&p, &text, &source, budget, &err), BNC_OK);
    assert_int_equal(bnc_text_precision_choose(&again, &text, &source, budget, &err), BNC_OK);
    assert_memory_equal(p.group, again.group, LAYERS * sizeof *p.group);
    assert_true(p.bits <= budget && p.bits >= bits && p.loss <= loss);
    assert_true(p.bits - average(&p) < 1e-9 && average(&p) - p.bits < 1e-9);
    bits = p.bits;
    loss = p.loss;
    bnc_text_precision_free(&p);
    bnc_text_precision_free(&again);
  }
  assert_true(bits > 8 && loss < 0.01);
}

/* The first matrix that becomes int8 is the one that int4 fits worst. */
static void test_worst_first(void **state) {
  (void)state;
  bnc_error err;
  size_t finer = 0;
  for (double budget = 4.5; budget < 9 && finer == 0; budget += 0.05) {
    bnc_text_precision p;
    assert_int_equal(bnc_text_precision_choose(&p, &text, &source, budget, &err), BNC_OK);
    for (size_t l = 0; l < LAYERS; l++)
      for (size_t s = 0; s < BNC_TEXT_SITES; s++) finer += p.group[l][s] == 0;
    if (finer) assert_int_equal(p.group[1][BNC_SITE_DOWN], 0);
    bnc_text_precision_free(&p);
  }
  assert_true(finer > 0);
}

static void test_too_little(void **state) {
  (void)state;
  bnc_error err;
  bnc_text_precision p;
  assert_int_equal(bnc_text_precision_choose(&p, &text, &source, 4.1, &err), BNC_ERROR_ARGUMENT);
  assert_non_null(strstr(err.text, "4.100 bits per weight, expected at least 4."));
  bnc_text_precision_free(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_budget), cmocka_unit_test(test_worst_first), cmocka_unit_test(test_too_little)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
