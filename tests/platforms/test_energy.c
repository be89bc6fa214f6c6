/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platforms/base/clock.h"
#include "platforms/energy/meter_source.h"
#include "platforms/energy/vcgencmd.h"
#include "tests/platforms/fake_tree.h"
#include "tests/unit.h"

static size_t find(const bnc_meter_set *set, const char *name) {
  for (size_t i = 0; i < bnc_meter_set_count(set); i++)
    if (strcmp(bnc_meter_set_info(set, i)->name, name) == 0) return i;
  fail_msg("no meter '%s'", name);
  return 0;
}

static void pause_ms(unsigned ms) {
  for (uint64_t end = bnc_clock_ns() + ms * 1000000ull; bnc_clock_ns() < end;) usleep(5000);
}

/* Measures for a while and returns what the best meter says. */
static bnc_meter_reading measure(bnc_meter_set *set, unsigned ms, size_t *best) {
  assert_int_equal(bnc_meter_set_start(set, NULL), BNC_OK);
  pause_ms(ms);
  assert_int_equal(bnc_meter_set_stop(set, NULL), BNC_OK);
  assert_true(bnc_meter_set_best(set, best));
  return bnc_meter_set_reading(set, *best);
}

static void constant_power(const char *name, bnc_meter_kind kind, double watts, unsigned ms) {
  bnc_meter_set *set;
  size_t best;
  assert_int_equal(bnc_meter_set_open(&set, NULL), BNC_OK);
  bnc_meter_reading r = measure(set, ms, &best);
  assert_string_equal(bnc_meter_set_info(set, best)->name, name);
  assert_int_equal(bnc_meter_set_info(set, best)->kind, kind);
  assert_true(r.valid && r.samples >= 2 && r.lost == 0);
  assert_true(fabs(r.watts - watts) < 1e-6);
  assert_true(fabs(r.joules - watts * r.seconds) < 1e-6 && r.seconds > 0.8e-3 * ms);
  bnc_meter_set_close(set);
}

static void jetson(void **state) {
  (void)state;
  fake_tree_orin();
  constant_power("ina3221 total input", BNC_METER_BOARD, 7.0, 250); /* VDD_IN alone: the other rails are parts of it */
  fake_file("/sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/in1_label", "NC\n");
  constant_power("ina3221 sum of 2 rails", BNC_METER_BOARD, 3.5, 50);
  /* Orin's memory is fed by the 5 V rail, and counted there. */
  fake_file("/sys/bus/i2c/drivers/ina3221/1-0041/hwmon/hwmon2/in2_label", "VDDQ_VDD2_1V8AO\n");
  fake_file("/sys/bus/i2c/drivers/ina3221/1-0041/hwmon/hwmon2/in2_input", "1000\n");
  fake_file("/sys/bus/i2c/drivers/ina3221/1-0041/hwmon/hwmon2/curr2_input", "250\n");
  constant_power("ina3221 sum of 3 rails", BNC_METER_BOARD, 3.75, 50);
  fake_file("/sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/in3_label", "VIN_SYS_5V0\n");
  fake_file("/sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/in3_input", "5000\n");
  fake_file("/sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/curr3_input", "900\n");
  constant_power("ina3221 sum of 2 rails", BNC_METER_BOARD, 6.5, 50);
}

/* The mainline driver's folder is found by the class of the chip. */
static void jetpack6(void **state) {
  (void)state;
  fake_tree_begin("class");
  fake_file("/sys/class/hwmon/hwmon0/name", "cpu_thermal\n");
  fake_file("/sys/class/hwmon/hwmon2/name", "ina3221\n");
  fake_file("/sys/class/hwmon/hwmon2/in1_label", "VDD_CPU_CV\n");
  fake_file("/sys/class/hwmon/hwmon2/in1_input", "5000\n");
  fake_file("/sys/class/hwmon/hwmon2/curr1_input", "600\n");
  constant_power("ina3221 sum of 1 rails", BNC_METER_BOARD, 3.0, 50);
}

static void jetpack4(void **state) {
  (void)state;
  fake_tree_begin("nano");
  fake_file("/sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/rail_name_0", "POM_5V_IN\n");
  fake_file("/sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power0_input", "4200\n");
  fake_file("/sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/rail_name_1", "POM_5V_GPU\n");
  fake_file("/sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0/in_power1_input", "800\n");
  constant_power("ina3221 total input", BNC_METER_BOARD, 4.2, 50);
}

static void raspberry(void **state) {
  (void)state;
  fake_tree_pi5();
  constant_power("vcgencmd pmic_read_adc", BNC_METER_BOARD, 1.1451 * (5.0 * 1.0 + 0.8 * 2.5) + 0.5879, 350);
  /* Pi 4: the program is there but knows no currents. */
  fake_vcgencmd("echo 'error=1 error_msg=\"Command not registered\"'");
  bnc_meter_set *set;
  assert_int_equal(bnc_meter_set_open(&set, NULL), BNC_OK);
  const bnc_meter_info *info = bnc_meter_set_info(set, find(set, "vcgencmd pmic_read_adc"));
  assert_false(info->available);
  assert_non_null(strstr(info->reason, "not a Raspberry Pi 5"));
  bnc_meter_set_close(set);
}

static void firmware_program(void **state) {
  (void)state;
  char out[64];
  double watts;
  uint32_t bits;
  fake_tree_begin("firmware");
  assert_false(bnc_vcgencmd_run("version", out, sizeof out));
  fake_vcgencmd("echo \"$1\"; exit 3");
  assert_false(bnc_vcgencmd_run("version", out, sizeof out));
  fake_vcgencmd("yes | head -c 100000");
  assert_true(bnc_vcgencmd_run("version", out, sizeof out) || out[0]); /* more than fits: no hang */
  fake_vcgencmd("exec sleep 30");
  uint64_t begin = bnc_clock_ns();
  assert_false(bnc_vcgencmd_run("version", out, sizeof out));
  assert_true(bnc_clock_seconds(begin, bnc_clock_ns()) < 10);
  fake_vcgencmd(NULL);
  assert_true(bnc_vcgencmd_parse_pmic("A_A current(0)=2A\nA_V volt(1)=3V\nB_A current(2)=9A\n", &watts));
  assert_true(fabs(watts - (1.1451 * 6 + 0.5879)) < 1e-9);
  static const char *const bad[] = {
      "", "\n", "=\n= =", "_A =1A\n_V =1V", "A_A current(0)=2A\n", "A_A current(0)=xA\nA_V volt(1)=3V", "A_A current(0)=nanA\nA_V volt=3V"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(bnc_vcgencmd_parse_pmic(bad[i], &watts));
  assert_true(bnc_vcgencmd_parse_throttled("throttled=0x50005\n", &bits));
  assert_int_equal(bits, 0x50005);
  assert_false(bnc_vcgencmd_parse_throttled("throttled=", &bits));
  assert_false(bnc_vcgencmd_parse_throttled("error=1", &bits));
  assert_false(bnc_vcgencmd_parse_throttled("throttled=0x1ffffffff", &bits));
}

static void rapl(void **state) {
  (void)state;
  bnc_meter_set *set;
  size_t best;
  fake_tree_laptop();
  fake_file("/sys/class/powercap/intel-rapl:0/energy_uj", "262143000000\n");
  assert_int_equal(bnc_meter_set_open(&set, NULL), BNC_OK);
  size_t package = find(set, "rapl package"), psys = find(set, "rapl psys");
  assert_true(bnc_meter_set_info(set, package)->counter);
  assert_int_equal(bnc_meter_set_start(set, NULL), BNC_OK);
  assert_int_equal(bnc_meter_set_start(set, NULL), BNC_ERROR_ARGUMENT);
  pause_ms(250);
  fake_file("/sys/class/powercap/intel-rapl:0/energy_uj", "671150\n"); /* wrapped: 328850 to the end and 671150 more */
  fake_file("/sys/class/powercap/intel-rapl:1/energy_uj", "9500000\n");
  assert_int_equal(bnc_meter_set_stop(set, NULL), BNC_OK);
  assert_int_equal(bnc_meter_set_stop(set, NULL), BNC_ERROR_ARGUMENT);
  bnc_meter_reading r = bnc_meter_set_reading(set, package);
  assert_true(r.valid && fabs(r.joules - 1.0) < 1e-6);
  r = bnc_meter_set_reading(set, psys);
  assert_true(r.valid && fabs(r.joules - 2.5) < 1e-9 && fabs(r.watts - 2.5 / r.seconds) < 1e-9);
  assert_true(bnc_meter_set_best(set, &best) && best == psys); /* the board before the battery and the package */
  bnc_meter_set_close(set);
  assert_int_equal(bnc_meter_counter_delta(10, 15, 100), 5);
  assert_int_equal(bnc_meter_counter_delta(95, 5, 100), 10);
  assert_int_equal(bnc_meter_counter_delta(95, 5, 0), 0);
}

static void rapl_denied(void **state) {
  (void)state;
  if (geteuid() == 0) skip(); /* root reads everything */
  bnc_meter_set *set;
  char path[600];
  fake_tree_laptop();
  snprintf(path, sizeof path, "%s/sys/class/powercap/intel-rapl:0/energy_uj", fake_root());
  assert_int_equal(chmod(path, 0), 0);
  assert_int_equal(bnc_meter_set_open(&set, NULL), BNC_OK);
  const bnc_meter_info *info = bnc_meter_set_info(set, find(set, "rapl package"));
  assert_false(info->available);
  assert_non_null(strstr(info->reason, "permission denied"));
  bnc_meter_set_close(set);
}

static void battery(void **state) {
  (void)state;
  bnc_meter_set *set;
  fake_tree_phone();
  constant_power("battery battery", BNC_METER_BATTERY, 3.6, 50);
  fake_file("/sys/class/power_supply/battery/status", "Charging\n");
  assert_int_equal(bnc_meter_set_open(&set, NULL), BNC_OK);
  const bnc_meter_info *info = bnc_meter_set_info(set, find(set, "battery battery"));
  assert_false(info->available);
  assert_non_null(strstr(info->reason, "Charging"));
  bnc_meter_set_close(set);
}

static void choosing(void **state) {
  (void)state;
  bnc_meter_set *set;
  bnc_error err = {0};
  bool found;
  size_t best;
  double joules;
  fake_tree_laptop();
  assert_int_equal(bnc_meter_set_open(&set, NULL), BNC_OK);
  const size_t package = find(set, "rapl package"), psys = find(set, "rapl psys");
  assert_int_equal(bnc_meter_set_choose(set, "rap", &found, &err), BNC_ERROR_ARGUMENT);
  assert_non_null(strstr(err.text, "expected 'rapl package', 'rapl psys', 'battery BAT0', 'none'"));
  assert_int_equal(bnc_meter_set_choose(set, "ina3221", &found, &err), BNC_ERROR_ARGUMENT);
  assert_non_null(strstr(err.text, "'ina3221' cannot be used: no Jetson power monitor"));
  assert_int_equal(bnc_meter_set_choose(set, "rapl", &found, &err), BNC_OK);
  assert_true(found && bnc_meter_set_best(set, &best) && best == psys);
  assert_int_equal(bnc_meter_set_choose(set, "rapl package", &found, &err), BNC_OK);
  assert_true(found && bnc_meter_set_best(set, &best) && best == package);
  /* It alone is read, and reading it costs what is told. */
  assert_int_equal(bnc_meter_set_start(set, NULL), BNC_OK);
  assert_true(bnc_meter_set_now(set, package, &joules));
  assert_false(bnc_meter_set_now(set, psys, &joules));
  pause_ms(350);
  assert_int_equal(bnc_meter_set_stop(set, NULL), BNC_OK);
  assert_int_equal(bnc_meter_set_reading(set, psys).samples, 0);
  assert_true(bnc_meter_set_reading(set, package).samples >= 3);
  assert_true(bnc_meter_set_cost_ns(set) > 1000 && bnc_meter_set_cost_ns(set) < 50000000);
  bnc_meter_set_close(set);
}

static void sensors_come_and_go(void **state) {
  (void)state;
  bnc_meter_set *set;
  size_t best;
  fake_tree_begin("sensor");
  assert_int_equal(bnc_meter_set_open(&set, NULL), BNC_OK);
  assert_int_equal(bnc_meter_set_count(set), 5); /* one line per kind that is missing */
  assert_false(bnc_meter_set_best(set, &best));
  assert_int_equal(bnc_meter_set_start(set, NULL), BNC_OK);
  assert_int_equal(bnc_meter_set_stop(set, NULL), BNC_OK);
  assert_false(bnc_meter_set_reading(set, 0).valid);
  bnc_meter_set_close(set);
  fake_file("/sys/class/hwmon/hwmon3/name", "amdgpu\n");
  fake_file("/sys/class/hwmon/hwmon3/power1_average", "12000000\n");
  constant_power("hwmon amdgpu power1_average", BNC_METER_SENSOR, 12.0, 50);
  assert_int_equal(bnc_meter_set_open(&set, NULL), BNC_OK);
  assert_int_equal(bnc_meter_set_start(set, NULL), BNC_OK);
  fake_remove("/sys/class/hwmon/hwmon3/power1_average");
  pause_ms(250);
  bnc_meter_set_close(set); /* closing stops */
  fake_file("/sys/class/hwmon/hwmon3/power1_average", "99999999999999999\n");
  assert_int_equal(bnc_meter_set_open(&set, NULL), BNC_OK);
  assert_false(bnc_meter_set_best(set, &best));
  bnc_meter_set_close(set);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(jetson),    cmocka_unit_test(jetpack6),
      cmocka_unit_test(choosing),  cmocka_unit_test(jetpack4),
      cmocka_unit_test(raspberry), cmocka_unit_test(firmware_program),
      cmocka_unit_test(rapl),      cmocka_unit_test(rapl_denied),
      cmocka_unit_test(battery),   cmocka_unit_test(sensors_come_and_go),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
