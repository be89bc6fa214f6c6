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

/* What boards without such firmware tell: the kernel of clocks that it holds down now, Jetsons of what their supply gave. */
static void kernels(void **state) {
  (void)state;
  bnc_throttle t;
  fake_tree_begin("cooling");
  fake_file("/sys/class/thermal/cooling_device0/type", "pwm-fan\n");
  fake_file("/sys/class/thermal/cooling_device0/cur_state", "3\n");
  fake_file("/sys/class/thermal/cooling_device1/type", "cpufreq-cpu0\n");
  bnc_throttle_read(&t);
  assert_null(t.source);
  fake_file("/sys/class/thermal/cooling_device1/cur_state", "0\n");
  bnc_throttle_read(&t);
  assert_string_equal(t.source, "cooling devices");
  assert_true(t.now == 0 && t.now_only && t.events == -1);
  fake_file("/sys/class/thermal/cooling_device2/type", "thermal-cpufreq-1\n");
  fake_file("/sys/class/thermal/cooling_device2/cur_state", "5\n");
  bnc_throttle_read(&t);
  assert_int_equal(t.now, BNC_THROTTLE_FREQUENCY_CAPPED);
  fake_file("/sys/class/thermal/cooling_device9/type", "cpu-throttle-alert\n");
  fake_file("/sys/class/thermal/cooling_device9/cur_state", "1\n");
  fake_file("/sys/class/hwmon/hwmon3/name", "soctherm_oc\n");
  fake_file("/sys/class/hwmon/hwmon3/oc1_event_cnt", "2\n");
  fake_file("/sys/class/hwmon/hwmon3/oc3_event_cnt", "-7\n");
  bnc_throttle_read(&t);
  assert_string_equal(t.source, "soctherm_oc");
  assert_int_equal(t.now, BNC_THROTTLE_FREQUENCY_CAPPED | BNC_THROTTLE_THROTTLED);
  assert_true(t.events == 2 && t.over_current && !t.now_only && t.since_boot == BNC_THROTTLE_THROTTLED);
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
  const struct CMUnitTest tests[] = {cmocka_unit_test(zones), cmocka_unit_test(throttling), cmocka_unit_test(kernels),
                                     cmocka_unit_test(frequency)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
