/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/energy/thermal.h"
#include "tests/platforms/fake_tree.h"
#include "tests/unit.h"

static void zones(void **state) {
  (void)state;
  bnc_thermal_zone z[BNC_THERMAL_MAX_ZONES];
  fake_tree_begin("zones");
  assert_int_equal(bnc_thermal_read(z), 0);
  fake_file("/sys/class/thermal/thermal_zone10/temp", "30000\n");
  fake_file("/sys/class/thermal/thermal_zone10/type", "late\n");
  fake_file("/sys/class/thermal/thermal_zone2/temp", "-1500\n");
  fake_file("/sys/class/thermal/thermal_zone2/type", "cold\n");
  fake_file("/sys/class/thermal/thermal_zone3/temp", "-256000\n");
  fake_file("/sys/class/thermal/thermal_zone4/temp", "warm\n");
  fake_file("/sys/class/thermal/thermal_zone5/temp", "61250\n");
  assert_int_equal(bnc_thermal_read(z), 3);
  assert_string_equal(z[0].type, "cold");
  assert_true(z[0].celsius == -1.5);
  assert_string_equal(z[1].type, "thermal_zone5");
  assert_string_equal(z[2].type, "late");
}

static void throttling(void **state) {
  (void)state;
  bnc_throttle t;
  fake_tree_begin("throttle");
  bnc_throttle_read(&t);
  assert_null(t.source);
  fake_tree_laptop();
  bnc_throttle_read(&t);
  assert_string_equal(t.source, "thermal_throttle");
  assert_int_equal(t.events, 7);
  assert_int_equal(t.since_boot, BNC_THROTTLE_THROTTLED);
  fake_vcgencmd("echo throttled=0x80006");
  bnc_throttle_read(&t);
  assert_string_equal(t.source, "vcgencmd");
  assert_int_equal(t.now, BNC_THROTTLE_FREQUENCY_CAPPED | BNC_THROTTLE_THROTTLED);
  assert_int_equal(t.since_boot, BNC_THROTTLE_SOFT_LIMIT);
  fake_tree_none();
}

static void frequency(void **state) {
  (void)state;
  bnc_frequency f;
  fake_tree_orin();
  bnc_frequency_read(3, &f);
  assert_int_equal(f.mhz, 1510);
  assert_string_equal(f.governor, "schedutil");
  bnc_frequency_read(77, &f);
  assert_int_equal(f.mhz, 0);
  assert_string_equal(f.governor, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(zones), cmocka_unit_test(throttling), cmocka_unit_test(frequency)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
