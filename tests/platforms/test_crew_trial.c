/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/threads/crew_trial.h"
#include "tests/unit.h"

enum { WINDOW = 100000000, STRETCH = 2000000 };

/* A window of time in stretches; what the caller and all threads got of it. */
static void pass(bnc_crew_trial *t, double caller, double useful) {
  for (int i = 0; i < WINDOW / STRETCH; i++)
    bnc_crew_trial_add(t, STRETCH, (uint64_t)(caller * STRETCH + 0.5), (uint64_t)(useful * STRETCH + 0.5));
}

/* Windows until the way changes, at most 100. */
static int lasts(bnc_crew_trial *t, double caller, double useful) {
  const bool alone = t->alone;
  int windows = 0;
  for (; t->alone == alone && windows < 100; windows++) pass(t, caller, useful);
  return windows;
}

static void undisturbed(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  assert_int_equal(lasts(&t, 0.99, 1.9), 100);
  assert_int_equal(lasts(&t, 0.99, 1.02), 100); /* hardly any help, but nobody in the way */
  assert_int_equal(lasts(&t, 0.6, 1.4), 100);   /* more than any caller could do alone */
}

/* Helpers on the caller's CPU bring nothing. */
static void useless(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  for (int i = 0; i < WINDOW / STRETCH - 1; i++) bnc_crew_trial_add(&t, STRETCH, STRETCH / 2, STRETCH);
  assert_false(t.alone); /* not before a whole window */
  bnc_crew_trial_add(&t, STRETCH, STRETCH / 2, STRETCH);
  assert_true(t.alone && t.trying);
  pass(&t, 1.0, 1.0);
  assert_true(t.alone && !t.trying);
  static const int kept[] = {5, 9, 17, 17}; /* patience, and the window that ends it */
  for (int i = 0; i < 4; i++) {
    assert_int_equal(lasts(&t, 1.0, 1.0), kept[i]);
    assert_true(!t.alone && t.trying);
    pass(&t, 0.5, 1.0);
    assert_true(t.alone);
  }
}

/* Four neighbours for each CPU: alone the caller gets a ninth of both, two threads a fifth. */
static void share(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  pass(&t, 0.2, 0.39);
  assert_true(t.alone);
  pass(&t, 0.22, 0.22);
  assert_false(t.alone);
  assert_int_equal(lasts(&t, 0.2, 0.39), 5);
  pass(&t, 0.22, 0.22);
  assert_false(t.alone);
}

/* The caller waits for helpers that have no CPU: seen after a quarter of a window, whether it is the first one or a trial. */
static void in_the_way(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  enum { GLANCE = 13 };
  for (int i = 0; i < GLANCE - 1; i++) bnc_crew_trial_add(&t, STRETCH, STRETCH / 5, STRETCH / 10);
  assert_false(t.alone);
  bnc_crew_trial_add(&t, STRETCH, STRETCH / 5, STRETCH / 10);
  assert_true(t.alone && t.trying);
  pass(&t, 0.2, 0.2); /* alone is never cut short */
  assert_true(t.alone && !t.trying);
  assert_int_equal(lasts(&t, 0.2, 0.2), 5);
  for (int i = 0; i < GLANCE; i++) bnc_crew_trial_add(&t, STRETCH, STRETCH / 5, STRETCH / 10);
  assert_true(t.alone && !t.trying);
  assert_int_equal(t.patience, 8);
}

/* The neighbours end. */
static void recovers(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  pass(&t, 0.5, 0.9);
  pass(&t, 0.9, 0.9);
  assert_true(t.alone);
  assert_int_equal(lasts(&t, 1.0, 1.0), 5);
  assert_int_equal(lasts(&t, 1.0, 1.9), 100);
  assert_false(t.trying);
  assert_int_equal(t.patience, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(undisturbed), cmocka_unit_test(useless), cmocka_unit_test(share),
                                     cmocka_unit_test(in_the_way), cmocka_unit_test(recovers)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
