/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/threads/crew_trial.h"
#include "tests/unit.h"

enum { WINDOW = 100000000, STRETCH = 2000000, JOBS = 10, KIND = 7 };

/* A stretch of equal jobs, of which so many would be done by a caller alone with a CPU of its own; how much of it the caller had one. */
static void stretch(bnc_crew_trial *t, uint64_t kind, double caller, double speed) {
  const int jobs = (int)(JOBS * speed + 0.5);
  for (int i = 0; i < jobs; i++) bnc_crew_trial_job(t, kind, (uint64_t)(STRETCH / jobs));
  bnc_crew_trial_add(t, STRETCH, (uint64_t)(caller * STRETCH + 0.5));
}

/* Stretches until the way changes, or a trial ends; at most 10 windows. */
static int lasts(bnc_crew_trial *t, uint64_t kind, double caller, double speed) {
  const bool alone = t->alone, trying = t->trying;
  int n = 0;
  for (; t->alone == alone && t->trying == trying && n < 10 * WINDOW / STRETCH; n++) stretch(t, kind, caller, speed);
  return n;
}

enum { ALL = WINDOW / STRETCH, GLANCE = 13 };

static void undisturbed(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  assert_int_equal(lasts(&t, KIND, 0.99, 1.9), 10 * ALL);
  assert_int_equal(lasts(&t, KIND, 0.99, 1.0), 10 * ALL); /* hardly any help, but nobody in the way */
}

/* Short jobs are asked about though nobody is in the way: once where helpers pay, again and again, ever less often, where they do not. */
static void short_jobs(void **state) {
  (void)state;
  enum { SHORT = JOBS * 10 }; /* 20 us each */
  bnc_crew_trial t = {0};
  assert_int_equal(lasts(&t, KIND, 0.99, SHORT / JOBS * 1.9), GLANCE);
  assert_true(t.alone && t.trying);
  assert_int_equal(lasts(&t, KIND, 0.99, SHORT / JOBS), GLANCE); /* clearly worse */
  assert_true(!t.alone && !t.trying);
  assert_int_equal(lasts(&t, KIND, 0.99, SHORT / JOBS * 1.9), 10 * ALL);
  t = (bnc_crew_trial){0};
  assert_int_equal(lasts(&t, KIND, 0.99, SHORT / JOBS * 0.7), GLANCE);
  assert_int_equal(lasts(&t, KIND, 0.99, SHORT / JOBS), ALL);
  assert_true(t.alone && !t.trying);
  assert_int_equal(lasts(&t, KIND, 0.99, SHORT / JOBS), 5 * ALL);
  assert_int_equal(lasts(&t, KIND, 0.99, SHORT / JOBS * 0.7), GLANCE);
  assert_true(t.alone && !t.trying);
  assert_int_equal(t.patience, 8);
}

/* Helpers on the caller's CPU bring nothing: known after a glance at them and a window alone, then looked at again less and less often. */
static void useless(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  assert_int_equal(lasts(&t, KIND, 0.5, 1.0), GLANCE);
  assert_true(t.alone && t.trying);
  assert_int_equal(lasts(&t, KIND, 1.0, 1.0), ALL);
  assert_true(t.alone && !t.trying);
  static const int kept[] = {5, 9, 17, 17}; /* windows: patience, and the one that ends it */
  for (int i = 0; i < 4; i++) {
    int windows = 0;
    for (; t.alone; windows++)
      for (int k = 0; k < ALL; k++) stretch(&t, KIND, 1.0, 1.0);
    assert_int_equal(windows, kept[i]);
    assert_true(t.trying);
    assert_int_equal(lasts(&t, KIND, 0.5, 1.0), ALL);
    assert_true(t.alone && !t.trying);
  }
}

/* Four neighbours for each CPU: alone the caller gets a ninth of both, two threads a fifth. A caller that waits has little of its CPU. */
static void share(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  lasts(&t, KIND, 0.2, 0.4);
  assert_true(t.alone && t.trying);
  assert_int_equal(lasts(&t, KIND, 0.22, 0.2), GLANCE); /* clearly worse */
  assert_true(!t.alone && !t.trying);
  assert_int_equal(lasts(&t, KIND, 0.2, 0.4), 5 * ALL);
  assert_int_equal(lasts(&t, KIND, 0.22, 0.2), GLANCE);
  assert_int_equal(t.patience, 8);
}

/* The caller waits for helpers that have no CPU: where that is known, a trial of them ends at a glance. */
static void in_the_way(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  assert_int_equal(lasts(&t, KIND, 0.2, 0.1), GLANCE);
  assert_int_equal(lasts(&t, KIND, 0.2, 0.2), ALL);
  assert_int_equal(lasts(&t, KIND, 0.2, 0.2), 5 * ALL);
  assert_true(!t.alone && t.trying);
  assert_int_equal(lasts(&t, KIND, 0.2, 0.1), GLANCE);
  assert_true(t.alone && !t.trying);
  assert_int_equal(t.patience, 8);
}

/* Other work begins, of which nothing is known: what was learned of the first does not decide, and is not lost. */
static void other_work(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  lasts(&t, KIND, 0.5, 1.0);
  lasts(&t, KIND, 0.6, 0.6);
  assert_true(!t.alone && !t.trying); /* helpers are worth 1.67 */
  for (int i = 0; i < ALL; i++) stretch(&t, KIND, 0.5, 1.0);
  assert_int_equal(t.left, 3);
  int n = 0;
  for (; !t.alone && n < 100; n++) stretch(&t, KIND + 1, 0.5, 0.4);
  assert_true(n < ALL && t.trying);
  lasts(&t, KIND + 1, 0.6, 0.6);
  assert_true(t.alone && !t.trying);
  n = 0;
  for (; t.alone && n < 1000; n++) stretch(&t, KIND, 0.6, 0.6);
  assert_true(n < 2 * ALL); /* long before patience ends */
}

/* The neighbours end. */
static void recovers(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  lasts(&t, KIND, 0.5, 0.9);
  lasts(&t, KIND, 0.9, 0.9);
  assert_true(t.alone);
  assert_int_equal(lasts(&t, KIND, 1.0, 1.0), 5 * ALL);
  assert_true(!t.alone);
  lasts(&t, KIND, 1.0, 1.9);
  assert_int_equal(lasts(&t, KIND, 1.0, 1.9), 10 * ALL);
  assert_false(t.trying);
  assert_int_equal(t.patience, 0);
}

/* Waits for the disk look like neighbours: they are not held against helpers. */
static void disk(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  assert_int_equal(lasts(&t, KIND, 0.1, 0.1), GLANCE);
  assert_true(t.alone);
  bnc_crew_trial_forget(&t);
  assert_false(t.alone || t.trying);
  assert_int_equal(lasts(&t, KIND, 0.99, 1.9), 10 * ALL);
}

/* More kinds than places. */
static void many_kinds(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  for (uint64_t k = 1; k <= 10 * BNC_CREW_KINDS; k++) bnc_crew_trial_job(&t, k, 1000);
  assert_int_equal(lasts(&t, KIND, 0.5, 1.0), GLANCE);
  for (int i = 0; i < 10 * ALL && (!t.alone || t.trying); i++) stretch(&t, KIND, 1.0, t.alone ? 1.0 : 0.5);
  assert_true(t.alone && !t.trying);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(undisturbed), cmocka_unit_test(useless),    cmocka_unit_test(share),
                                     cmocka_unit_test(in_the_way),  cmocka_unit_test(other_work), cmocka_unit_test(recovers),
                                     cmocka_unit_test(many_kinds),  cmocka_unit_test(disk),       cmocka_unit_test(short_jobs)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
