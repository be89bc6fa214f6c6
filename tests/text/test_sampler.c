/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka.h needs these before it. */
#include <stdint.h>

#include <math.h>

#include "platforms/base/mem.h"
#include "runtime/text/sampler.h"
#include "tests/unit.h"

static bnc_error err;

static bnc_sampler *make(size_t rows, float temperature, size_t top_k, float top_p, uint64_t seed) {
  const bnc_sampler_settings settings = {temperature, top_k, top_p, seed};
  bnc_sampler *s;
  assert_int_equal(bnc_sampler_create(&s, rows, &settings, &err), BNC_OK);
  return s;
}

static void greedy(void **state) {
  (void)state;
  const float logits[5] = {-1.0f, 3.0f, 3.0f, -INFINITY, 2.0f};
  bnc_sampler *s = make(5, 0.0f, 0, 1.0f, 0);
  int32_t id;
  assert_int_equal(bnc_sampler_next(s, logits, &id, &err), BNC_OK);
  assert_int_equal(id, 1);
  const float damaged[2][5] = {{0, NAN, 0, 0, 0}, {0, 0, 0, 0, INFINITY}};
  for (int i = 0; i < 2; i++) assert_int_equal(bnc_sampler_next(s, damaged[i], &id, &err), BNC_ERROR_FORMAT);
  bnc_sampler_free(s);
}

/* Counts of 10000 draws against the probabilities that they should have; five standard deviations. */
static void check_draws(float temperature, size_t top_k, float top_p, const double expected[6]) {
  const float logits[6] = {0.0f, 1.0f, 2.0f, -INFINITY, 2.5f, 0.5f};
  enum { DRAWS = 10000 };
  bnc_sampler *s = make(6, temperature, top_k, top_p, 42);
  int counts[6] = {0};
  uint64_t before = bnc_mem_count();
  for (int i = 0; i < DRAWS; i++) {
    int32_t id;
    assert_int_equal(bnc_sampler_next(s, logits, &id, &err), BNC_OK);
    counts[id]++;
  }
  assert_int_equal(bnc_mem_count(), before);
  double sum = 0;
  for (int i = 0; i < 6; i++) sum += expected[i];
  for (int i = 0; i < 6; i++) {
    double p = expected[i] / sum;
    if (fabs(counts[i] - p * DRAWS) > 5 * sqrt(DRAWS * p * (1 - p))) fail_msg("token %d: %d draws, expected %.0f", i, counts[i], p * DRAWS);
  }
  bnc_sampler_free(s);
}

static void distributions(void **state) {
  (void)state;
  const double all[6] = {exp(0), exp(1), exp(2), 0, exp(2.5), exp(0.5)}, hot[6] = {exp(0), exp(0.5), exp(1), 0, exp(1.25), exp(0.25)};
  const double three[6] = {0, exp(1), exp(2), 0, exp(2.5), 0}, one[6] = {0, 0, 0, 0, 1, 0}, two[6] = {0, 0, exp(2), 0, exp(2.5), 0};
  check_draws(1.0f, 0, 1.0f, all);
  check_draws(2.0f, 0, 1.0f, hot);
  check_draws(1.0f, 3, 1.0f, three);
  check_draws(1.0f, 100, 1.0f, all);
  check_draws(1.0f, 1, 1.0f, one);
  check_draws(1.0f, 0, 0.01f, one);
  check_draws(1.0f, 0, 0.7f, two); /* 0.482 + 0.292 >= 0.7 */
  check_draws(1.0f, 3, 0.8f, two); /* of three: 0.547 + 0.331 >= 0.8 */
  check_draws(1e-30f, 0, 1.0f, one);
}

/* The draws of a seed are part of the contract: the same on every machine. */
static void reproducible(void **state) {
  (void)state;
  float logits[32];
  for (int i = 0; i < 32; i++) logits[i] = (float)(i * 7 % 32) * 0.125f;
  bnc_sampler *a = make(32, 0.8f, 20, 0.95f, 7), *b = make(32, 0.8f, 20, 0.95f, 7);
  static const int32_t expected[8] = {27, 9, 12, 13, 4, 18, 4, 27};
  for (int i = 0; i < 8; i++) {
    int32_t x, y;
    assert_int_equal(bnc_sampler_next(a, logits, &x, &err), BNC_OK);
    assert_int_equal(bnc_sampler_next(b, logits, &y, &err), BNC_OK);
    assert_int_equal(x, y);
    assert_int_equal(x, expected[i]);
  }
  bnc_sampler_reset(a, 7);
  int32_t x;
  assert_int_equal(bnc_sampler_next(a, logits, &x, &err), BNC_OK);
  assert_int_equal(x, expected[0]);
  bnc_sampler_free(a);
  bnc_sampler_free(b);
}

static void settings_are_checked(void **state) {
  (void)state;
  const bnc_sampler_settings wrong[] = {{-1.0f, 0, 1.0f, 0}, {NAN, 0, 1.0f, 0},  {INFINITY, 0, 1.0f, 0},
                                        {1.0f, 0, 0.0f, 0},  {1.0f, 0, 1.5f, 0}, {1.0f, 0, NAN, 0}};
  bnc_sampler *s;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_int_equal(bnc_sampler_create(&s, 4, &wrong[i], &err), BNC_ERROR_ARGUMENT);
  const bnc_sampler_settings good = bnc_sampler_defaults();
  assert_int_equal(bnc_sampler_create(&s, 0, &good, &err), BNC_ERROR_ARGUMENT);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(greedy), cmocka_unit_test(distributions), cmocka_unit_test(reproducible),
                                     cmocka_unit_test(settings_are_checked)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
