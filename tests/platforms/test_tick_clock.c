/* SPDX-License-Identifier: Apache-2.0 */
/* The counter tells the time that the clock tells, and where the system does not trust it, the clock itself is asked. */
#include <math.h>
#include <stdbool.h>
#include <time.h>

#include "platforms/base/tick_clock.h"
#include "tests/platforms/fake_tree.h"
#include "tests/unit.h"

#define SOURCE "/sys/devices/system/clocksource/clocksource0/current_clocksource"

static bnc_tick_clock started(void) {
  bnc_tick_clock c;
  bnc_tick_clock_begin(&c);
  bnc_tick_clock_end(&c);
  return c;
}

/* How far the counter is from the clock, ns: the least of some looks, as a thread may lose its CPU in between. */
static double off(const bnc_tick_clock *c) {
  double least = INFINITY;
  for (int i = 0; i < 100; i++) {
    const uint64_t before = bnc_clock_ns(), counted = bnc_tick_clock_ns(c), after = bnc_clock_ns();
    const double far = counted < before ? (double)(before - counted) : counted > after ? (double)(counted - after) : 0;
    least = fmin(least, far);
  }
  return least;
}

static void tells_the_time(void **state) {
  (void)state;
  const bnc_tick_clock c = started();
  assert_true(off(&c) < 2000);
  nanosleep(&(struct timespec){0, 300000000}, NULL);
  if (!(off(&c) < 30000)) fail_msg("%.0f ns after 0.3 s", off(&c)); /* a hundred parts in a million */
}

static void never_goes_back(void **state) {
  (void)state;
  const bnc_tick_clock c = started();
  for (uint64_t last = 0, i = 0; i < 1000000; i++) {
    const uint64_t now = bnc_tick_clock_ns(&c);
    assert_true(now >= last);
    last = now;
  }
}

static void only_where_the_system_trusts_it(void **state) {
  (void)state;
  static const struct {
    const char *source;
    bool trusted;
  } cases[] = {{"tsc\n", true},        {"arch_sys_counter\n", true}, {"hpet\n", false},
               {"kvm-clock\n", false}, {"tsc-early\n", false},       {"", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    fake_tree_begin("clocks");
    fake_file(SOURCE, cases[i].source);
    const bnc_tick_clock c = started();
    assert_int_equal(c.factor != 0, cases[i].trusted && BNC_HAS_TICKS);
    assert_true(off(&c) < 2000);
  }
  fake_tree_begin("no clocks");
  assert_int_equal(started().factor, 0);
  fake_tree_none();
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(tells_the_time), cmocka_unit_test(never_goes_back),
                                     cmocka_unit_test(only_where_the_system_trusts_it)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
