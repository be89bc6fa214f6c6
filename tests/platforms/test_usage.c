/* SPDX-License-Identifier: Apache-2.0 */
/* What the process takes: it grows where it should, and the machine's load is read where it is told. */
#include "platforms/machine/usage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/platforms/fake_tree.h"
#include "tests/unit.h"

#define SIZE ((size_t)64 << 20)

static void memory_and_faults(void **state) {
  bnc_usage before, after;
  (void)state;
  bnc_usage_read(&before);
  char *block = malloc(SIZE);
  assert_non_null(block);
  memset(block, 1, SIZE);
  bnc_usage_read(&after);
  assert_int_equal(block[SIZE / 2], 1);
  free(block);
  assert_true(before.rss_bytes > 0 && after.rss_bytes >= before.rss_bytes + SIZE / 2);
  assert_true(after.minor_faults > before.minor_faults && after.major_faults >= before.major_faults);
}

static void times(void **state) {
  const uint64_t all = bnc_usage_cpu_ns(), own = bnc_usage_thread_cpu_ns(), waited = bnc_usage_thread_waited_ns();
  double sum = 0;
  (void)state;
  for (int i = 1; i < 20000000; i++) sum += 1.0 / i;
  const uint64_t took = bnc_usage_thread_cpu_ns() - own;
  assert_true(sum > 1 && took > 1000000);
  assert_true(bnc_usage_cpu_ns() - all >= took);
  assert_true(bnc_usage_thread_waited_ns() >= waited);
}

static void load(void **state) {
  (void)state;
  fake_tree_begin("usage");
  assert_true(isnan(bnc_usage_load()));
  fake_filef("/proc/loadavg", "%s\n", "12.75 8.01 7.00 3/412 1234");
  assert_true(fabs(bnc_usage_load() - 12.75) < 1e-9);
  fake_filef("/proc/loadavg", "%s\n", "busy");
  assert_true(isnan(bnc_usage_load()));
}

static void doubt(void **state) {
  static const struct {
    bnc_usage_span span;
    const char *expected; /* NULL: none */
  } cases[] = {
      {{394e9, 57e9, 0, 3}, "the machine was busy: 57.0 s of CPU in 394 s"},
      {{100e6, 95e6, 4e6, 0}, NULL},
      {{100e6, 180e6, 6e6, 0}, "the machine was busy: the leading thread waited 6.00 ms of 100 ms for a CPU"},
      {{10e6, 5e6, 0, 100}, "the run waited for the disk: 5.00 ms of CPU in 10.0 ms, 100 page faults read from it"},
      {{10e6, 5e6, 1e6, 100}, "the machine was busy: 5.00 ms of CPU in 10.0 ms"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[200] = "";
    assert_int_equal(bnc_usage_doubt(&cases[i].span, text, sizeof text), cases[i].expected != NULL);
    assert_string_equal(text, cases[i].expected ? cases[i].expected : "");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(memory_and_faults), cmocka_unit_test(times), cmocka_unit_test(load),
                                     cmocka_unit_test(doubt)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
