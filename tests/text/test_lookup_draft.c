/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/lookup_draft.h"
#include "tests/unit.h"

enum { COUNT_MOST = 32 };

static void expect(const bnc_lookup_draft *draft, const int32_t *ids, size_t count, size_t most, const int32_t *expected, size_t n) {
  int32_t guess[COUNT_MOST];
  for (size_t i = 0; i < COUNT_MOST; i++) guess[i] = -7;
  assert_int_equal(bnc_lookup_draft_guess(draft, ids, count, guess, most), n);
  for (size_t i = 0; i < n; i++) assert_int_equal(guess[i], expected[i]);
  for (size_t i = n; i < COUNT_MOST; i++) assert_int_equal(guess[i], -7);
}

static void guesses(void **state) {
  (void)state;
  bnc_lookup_draft d = {8, 2};
  static const int32_t once[] = {1, 2, 3, 4, 5, 1, 2};
  expect(&d, once, 7, 8, (const int32_t[]){3, 4, 5, 1, 2, 3, 4, 5}, 8); /* round and round */
  expect(&d, once, 7, 2, (const int32_t[]){3, 4}, 2);
  expect(&d, once, 6, 8, NULL, 0); /* one id alone is too little */
  expect(&d, once, 1, 8, NULL, 0);
  expect(&d, once, 0, 8, NULL, 0);
  d.match = 3;
  expect(&d, once, 7, 8, NULL, 0);
  d.match = 2;
  static const int32_t latest[] = {1, 2, 3, 9, 1, 2, 4, 1, 2}, longest[] = {8, 1, 2, 3, 9, 1, 2, 4, 8, 1, 2};
  expect(&d, latest, 9, 1, (const int32_t[]){4}, 1);
  expect(&d, longest, 11, 1, (const int32_t[]){3}, 1);
  static const int32_t run[] = {5, 5, 5}, picture[] = {1, 2, 3, -200, 1, 2};
  expect(&d, run, 3, 4, (const int32_t[]){5, 5, 5, 5}, 4);
  expect(&d, picture, 6, 8, (const int32_t[]){3}, 1);
  d.length = 1;
  expect(&d, once, 7, 8, (const int32_t[]){3}, 1);
}

static void learns(void **state) {
  (void)state;
  bnc_lookup_draft d = bnc_lookup_draft_begin();
  const size_t length = d.length, match = d.match;
  bnc_lookup_draft_learn(&d, 0, 0);
  assert_true(d.length == length && d.match == match);
  for (int i = 0; i < 10; i++) bnc_lookup_draft_learn(&d, d.length, d.length);
  assert_int_equal(d.length, 16);
  bnc_lookup_draft_learn(&d, 16, 4);
  assert_int_equal(d.length, 5);
  for (int i = 0; i < 10; i++) bnc_lookup_draft_learn(&d, d.length, 0);
  assert_int_equal(d.length, 1);
  assert_int_equal(d.match, 5);
  for (int i = 0; i < 10; i++) bnc_lookup_draft_learn(&d, d.length, 1);
  assert_int_equal(d.match, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(guesses), cmocka_unit_test(learns)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
