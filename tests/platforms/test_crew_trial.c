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
  const bnc_crew_way way = t->way;
  const bool trying = t->trying;
  int n = 0;
  for (; t->way == way && t->trying == trying && n < 10 * WINDOW / STRETCH; n++) stretch(t, kind, caller, speed);
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
  assert_true(t.way == BNC_CREW_ALONE && t.trying);
  assert_int_equal(lasts(&t, KIND, 0.99, SHORT / JOBS), GLANCE); /* clearly worse */
  assert_true(t.way == BNC_CREW_JOINED && !t.trying);
  assert_int_equal(lasts(&t, KIND, 0.99, SHORT / JOBS * 1.9), 10 * ALL);
  t = (bnc_crew_trial){0};
  assert_int_equal(lasts(&t, KIND, 0.99, SHORT / JOBS * 0.7), GLANCE);
  assert_int_equal(lasts(&t, KIND, 0.99, SHORT / JOBS), ALL);
  assert_true(t.way == BNC_CREW_ALONE && !t.trying);
  assert_int_equal(lasts(&t, KIND, 0.99, SHORT / JOBS), 5 * ALL);
  assert_int_equal(lasts(&t, KIND, 0.99, SHORT / JOBS * 0.7), GLANCE);
  assert_true(t.way == BNC_CREW_ALONE && !t.trying);
  assert_int_equal(t.patience, 8);
}

/* Helpers on the caller's CPU bring nothing: known after a glance at them and a window alone, then looked at again less and less often. */
static void useless(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  assert_int_equal(lasts(&t, KIND, 0.5, 1.0), GLANCE);
  assert_true(t.way == BNC_CREW_ALONE && t.trying);
  assert_int_equal(lasts(&t, KIND, 1.0, 1.0), ALL);
  assert_true(t.way == BNC_CREW_ALONE && !t.trying);
  static const int kept[] = {5, 9, 17, 17}; /* windows: patience, and the one that ends it */
  for (int i = 0; i < 4; i++) {
    int windows = 0;
    for (; t.way == BNC_CREW_ALONE; windows++)
      for (int k = 0; k < ALL; k++) stretch(&t, KIND, 1.0, 1.0);
    assert_int_equal(windows, kept[i]);
    assert_true(t.trying);
    assert_int_equal(lasts(&t, KIND, 0.5, 1.0), ALL);
    assert_true(t.way == BNC_CREW_ALONE && !t.trying);
  }
}

/* Four neighbours for each CPU: alone the caller gets a ninth of both, two threads a fifth. A caller that waits has little of its CPU. */
static void share(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  lasts(&t, KIND, 0.2, 0.4);
  assert_true(t.way == BNC_CREW_ALONE && t.trying);
  assert_int_equal(lasts(&t, KIND, 0.22, 0.2), GLANCE); /* clearly worse */
  assert_true(t.way == BNC_CREW_JOINED && !t.trying);
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
  assert_true(t.way == BNC_CREW_JOINED && t.trying);
  assert_int_equal(lasts(&t, KIND, 0.2, 0.1), GLANCE);
  assert_true(t.way == BNC_CREW_ALONE && !t.trying);
  assert_int_equal(t.patience, 8);
}

/* Other work begins, of which nothing is known: what was learned of the first does not decide, and is not lost. */
static void other_work(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  lasts(&t, KIND, 0.5, 1.0);
  lasts(&t, KIND, 0.6, 0.6);
  assert_true(t.way == BNC_CREW_JOINED && !t.trying); /* helpers are worth 1.67 */
  for (int i = 0; i < ALL; i++) stretch(&t, KIND, 0.5, 1.0);
  assert_int_equal(t.left, 3);
  int n = 0;
  for (; t.way == BNC_CREW_JOINED && n < 100; n++) stretch(&t, KIND + 1, 0.5, 0.4);
  assert_true(n < ALL && t.trying);
  lasts(&t, KIND + 1, 0.6, 0.6);
  assert_true(t.way == BNC_CREW_ALONE && !t.trying);
  n = 0;
  for (; t.way == BNC_CREW_ALONE && n < 1000; n++) stretch(&t, KIND, 0.6, 0.6);
  assert_true(n < 2 * ALL); /* long before patience ends */
}

/* Two neighbours on each of two CPUs: a stand-in that sleeps between jobs is given its CPU back sooner than a caller that works, and
   helpers lose less time. All three ways are seen at first, then again ever less often. */
static void led(void **state) {
  (void)state;
  bnc_crew_trial t = {.can_lead = true};
  assert_int_equal(lasts(&t, KIND, 0.3, 0.5), GLANCE);
  assert_true(t.way == BNC_CREW_LED && t.trying);
  assert_int_equal(lasts(&t, KIND, 0.01, 0.6), ALL);
  assert_true(t.way == BNC_CREW_ALONE && t.trying);
  assert_int_equal(lasts(&t, KIND, 0.3, 0.3), GLANCE); /* clearly worse than the best one, not than the first */
  for (int times = 1; times <= 2; times++) {           /* by turns from then on */
    assert_true(t.way == BNC_CREW_LED && !t.trying);
    assert_int_equal(t.patience, 4 * times);
    assert_int_equal(lasts(&t, KIND, 0.01, 0.6), (4 * times + 1) * ALL);
    assert_true(t.way == (times == 1 ? BNC_CREW_JOINED : BNC_CREW_ALONE) && t.trying);
    if (times == 1) assert_int_equal(lasts(&t, KIND, 0.3, 0.5), ALL);
    if (times == 2) assert_int_equal(lasts(&t, KIND, 0.3, 0.3), GLANCE);
  }
  /* The neighbours end: joined again, and no more asked. */
  assert_int_equal(lasts(&t, KIND, 0.01, 1.7), 10 * ALL);
  assert_true(t.way == BNC_CREW_LED);
  lasts(&t, KIND, 0.01, 1.7);
  assert_true(t.way == BNC_CREW_JOINED && t.trying);
  lasts(&t, KIND, 0.99, 1.9);
  assert_true(t.way == BNC_CREW_JOINED && !t.trying);
  assert_int_equal(lasts(&t, KIND, 0.99, 1.9), 10 * ALL);
}

/* A dozen kinds of long jobs, of so many ns each, one after the other; the windows until the way changes, at most `most`. */
static int rounds(bnc_crew_trial *t, uint64_t wall, double caller, int most) {
  const bnc_crew_way way = t->way;
  static unsigned job;
  uint64_t all = 0;
  while (t->way == way && all < (uint64_t)most * WINDOW) {
    all += wall;
    bnc_crew_trial_job(t, KIND + job++ % 12, wall);
    bnc_crew_trial_add(t, wall, (uint64_t)(caller * (double)wall));
  }
  return (int)((all + WINDOW / 2) / WINDOW);
}

/* A program that nobody disturbs, but once: a glance at the caller alone sees three kinds of twelve, and is not taken again and again. */
static void disturbed_once(void **state) {
  (void)state;
  enum { TOGETHER = 10000000, LED = 9900000, ALONE = 19000000 };
  bnc_crew_trial t = {.can_lead = true};
  assert_int_equal(rounds(&t, TOGETHER, 0.99, 5), 5);
  bnc_crew_trial_job(&t, KIND, 4 * TOGETHER);
  bnc_crew_trial_add(&t, 4 * TOGETHER, TOGETHER);
  assert_true(t.way == BNC_CREW_LED && t.trying);
  assert_int_equal(rounds(&t, LED, 0.01, 20), 1);
  assert_true(t.way == BNC_CREW_ALONE && t.trying);
  assert_true(rounds(&t, ALONE, 1.0, 20) <= 1);
  assert_true(t.way == BNC_CREW_LED && !t.trying);
  assert_int_equal(rounds(&t, LED, 0.01, 20), 5);
  assert_true(t.way == BNC_CREW_JOINED && t.trying);
  assert_int_equal(rounds(&t, LED - 1000, 0.99, 20), 20);
  assert_true(t.way == BNC_CREW_JOINED && !t.trying);
}

/* A stand-in costs more than it spares where jobs are short, disturbed or not: they are tried alone only. */
static void not_led(void **state) {
  (void)state;
  for (double caller = 0.5; caller < 1; caller += 0.49) {
    bnc_crew_trial t = {.can_lead = true};
    assert_int_equal(lasts(&t, KIND, caller, JOBS * 0.7), GLANCE);
    assert_true(t.way == BNC_CREW_ALONE && t.trying);
    assert_int_equal(lasts(&t, KIND, 0.99, JOBS), ALL);
    assert_true(t.way == BNC_CREW_ALONE && !t.trying);
    assert_int_equal(lasts(&t, KIND, 0.99, JOBS), 5 * ALL);
    assert_true(t.way == BNC_CREW_JOINED && t.trying);
  }
}

/* A stand-in that only delays: the caller alone is the fastest, and what is tried ends at a glance. */
static void led_in_the_way(void **state) {
  (void)state;
  bnc_crew_trial t = {.can_lead = true};
  assert_int_equal(lasts(&t, KIND, 0.5, 0.8), GLANCE);
  assert_int_equal(lasts(&t, KIND, 0.01, 0.5), GLANCE);
  assert_true(t.way == BNC_CREW_ALONE && t.trying);
  assert_int_equal(lasts(&t, KIND, 0.99, 1.0), ALL);
  assert_true(t.way == BNC_CREW_ALONE && !t.trying);
  lasts(&t, KIND, 0.99, 1.0);
  assert_true(t.way == BNC_CREW_JOINED && t.trying);
  lasts(&t, KIND, 0.5, 0.7);
  assert_true(t.way == BNC_CREW_ALONE && !t.trying);
}

/* The neighbours end. */
static void recovers(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  lasts(&t, KIND, 0.5, 0.9);
  lasts(&t, KIND, 0.9, 0.9);
  assert_true(t.way == BNC_CREW_ALONE);
  assert_int_equal(lasts(&t, KIND, 1.0, 1.0), 5 * ALL);
  assert_true(t.way == BNC_CREW_JOINED);
  lasts(&t, KIND, 1.0, 1.9);
  assert_int_equal(lasts(&t, KIND, 1.0, 1.9), 10 * ALL);
  assert_false(t.trying);
  assert_int_equal(t.patience, 0);
}

/* Waits for the disk look like neighbours: they are not held against helpers. */
static void disk(void **state) {
  (void)state;
  bnc_crew_trial t = {.can_lead = true};
  assert_int_equal(lasts(&t, KIND, 0.1, 0.1), GLANCE);
  assert_true(t.way == BNC_CREW_LED);
  bnc_crew_trial_forget(&t);
  assert_true(t.can_lead);
  assert_true(t.way == BNC_CREW_JOINED && !t.trying);
  assert_int_equal(lasts(&t, KIND, 0.99, 1.9), 10 * ALL);
}

/* More kinds than places. */
static void many_kinds(void **state) {
  (void)state;
  bnc_crew_trial t = {0};
  for (uint64_t k = 1; k <= 10 * BNC_CREW_KINDS; k++) bnc_crew_trial_job(&t, k, 1000);
  assert_int_equal(lasts(&t, KIND, 0.5, 1.0), GLANCE);
  for (int i = 0; i < 10 * ALL && (t.way == BNC_CREW_JOINED || t.trying); i++) stretch(&t, KIND, 1.0, t.way == BNC_CREW_ALONE ? 1.0 : 0.5);
  assert_true(t.way == BNC_CREW_ALONE && !t.trying);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(undisturbed),   cmocka_unit_test(useless),    cmocka_unit_test(share),
                                     cmocka_unit_test(in_the_way),    cmocka_unit_test(other_work), cmocka_unit_test(recovers),
                                     cmocka_unit_test(many_kinds),    cmocka_unit_test(disk),       cmocka_unit_test(short_jobs),
                                     cmocka_unit_test(led),           cmocka_unit_test(not_led),    cmocka_unit_test(led_in_the_way),
                                     cmocka_unit_test(disturbed_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
