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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(memory_and_faults), cmocka_unit_test(times), cmocka_unit_test(load)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
