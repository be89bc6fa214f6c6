/* SPDX-License-Identifier: Apache-2.0 */
/* A machine in the test's own hands: work takes CPU time that a simulated meter turns into joules, and the mean must stay below the limit.
 */
#include <math.h>

#include "platforms/base/clock.h"
#include "platforms/energy/pacer.h"
#include "tests/unit.h"

/* 3 W at rest, and 3 more for each thread that works. */
typedef struct machine {
  bnc_pacer pacer;
  uint64_t at;
  double joules;
  bool works;
  bool blind; /* the meter cannot be read */
} machine;

static void pass(machine *m) {
  const uint64_t now = bnc_clock_ns();
  if (m->at) m->joules += bnc_clock_seconds(m->at, now) * (3 + (m->works ? 3.0 * (double)bnc_pacer_threads(&m->pacer) : 0));
  m->at = now;
}

static double read_meter(void *context) {
  machine *m = context;
  pass(m);
  return m->blind ? (double)NAN : m->joules;
}

/* Works in pieces of 3 ms for so long. */
static void work_for(machine *m, double seconds) {
  bnc_pacer_begin(&m->pacer);
  for (const uint64_t start = bnc_clock_ns(); bnc_clock_seconds(start, bnc_clock_ns()) < seconds;) {
    pass(m);
    m->works = true;
    for (const uint64_t piece = bnc_clock_ns(); bnc_clock_ns() - piece < 3000000u;) {
    }
    pass(m);
    m->works = false;
    bnc_pacer_add_work(&m->pacer);
    while (bnc_pacer_pause(&m->pacer)) pass(m);
  }
  pass(m);
}

static void meter_holds_the_limit(void **state) {
  (void)state;
  static const double limits[] = {4.5, 7, 11};
  for (size_t i = 0; i < 3; i++) {
    machine m = {.at = 0};
    bnc_pacer_init(&m.pacer,
                   &(bnc_pacer_settings){
                       .threads = 4, .most = 4, .limit = limits[i], .idle = i == 1 ? (double)NAN : 3, .joules = read_meter, .context = &m});
    work_for(&m, 6);
    const double watts = bnc_pacer_watts(&m.pacer);
    if (!(watts < 1.03 * limits[i] && watts > 0.8 * limits[i])) fail_msg("limit %g W, %.3f W", limits[i], watts);
  }
}

static void estimate_is_a_straight_line(void **state) {
  (void)state;
  bnc_pacer p;
  bnc_pacer_settings s = {.threads = 4, .most = 4, .limit = 8, .idle = 2, .busy = 10};
  bnc_pacer_init(&p, &s);
  assert_true(fabs(p.level - 3) < 1e-9);
  assert_int_equal(bnc_pacer_threads(&p), 3);
  s.limit = 20; /* more than it ever draws */
  bnc_pacer_init(&p, &s);
  assert_true(p.level == 4);
  s.limit = 1; /* less than it draws at rest: some work goes on */
  bnc_pacer_init(&p, &s);
  assert_true(p.level > 0 && p.level < 0.2 && bnc_pacer_threads(&p) == 1);
  s = (bnc_pacer_settings){.threads = 5, .most = 3};
  bnc_pacer_init(&p, &s); /* no limit: nothing is owed */
  assert_int_equal(bnc_pacer_threads(&p), 3);
  bnc_pacer_begin(&p);
  bnc_pacer_add_work(&p);
  assert_false(bnc_pacer_pause(&p));
}

static void blind_meter_keeps_the_level(void **state) {
  (void)state;
  machine m = {.blind = true};
  bnc_pacer_init(&m.pacer,
                 &(bnc_pacer_settings){.threads = 2, .most = 2, .limit = 5, .idle = (double)NAN, .joules = read_meter, .context = &m});
  const double level = m.pacer.level;
  work_for(&m, 0.6);
  assert_true(m.pacer.level == level && isnan(bnc_pacer_watts(&m.pacer)));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(meter_holds_the_limit), cmocka_unit_test(estimate_is_a_straight_line),
                                     cmocka_unit_test(blind_meter_keeps_the_level)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
