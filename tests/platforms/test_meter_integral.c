/* SPDX-License-Identifier: Apache-2.0 */
/* Energy within 1 % of the truth: trees whose files change as those of recorded machines do, read at moments that a late sampler has. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "platforms/energy/meter_integral.h"
#include "tests/platforms/fake_tree.h"
#include "tests/unit.h"

#define MS 1000000u

/* A run of a meter: what its files hold at each moment, which readings come late or never, and the energy that was truly used. */
typedef struct course {
  const bnc_meter_source *source;
  bnc_meter_integral integral;
  uint64_t at;   /* ns */
  uint32_t seed; /* of noise and of lateness */
  double truth;  /* J */
} course;

static double chance(course *c) {
  c->seed = c->seed * 1664525u + 1013904223u;
  return (double)(c->seed >> 8) / (double)(1u << 24);
}

static bnc_meter_source find_source(const char *name) {
  bnc_meter_source sources[BNC_METER_MAX];
  const size_t count = bnc_meter_find(sources, BNC_METER_MAX);
  for (size_t i = 0; i < count; i++)
    if (strncmp(sources[i].info.name, name, strlen(name)) == 0 && sources[i].info.available) return sources[i];
  fail_msg("no meter '%s'", name);
  return sources[0];
}

#define ORIN "/sys/bus/i2c/drivers/ina3221/1-0040/hwmon/hwmon1/"
#define RAPL "/sys/class/powercap/intel-rapl:0/"

/* A number over another one: cutting a file for each of thousands of readings takes disks long. */
static void set_number(const char *path, double value) {
  char full[700], text[32];
  snprintf(full, sizeof full, "%s%s", fake_root(), path);
  const int n = snprintf(text, sizeof text, "%020.0f\n", value), fd = open(full, O_WRONLY | O_CREAT, 0644);
  assert_true(fd >= 0 && pwrite(fd, text, (size_t)n, 0) == n);
  close(fd);
}

static void set_orin(double watts) { set_number(ORIN "curr1_input", 200 * watts); }

/* Digits that are none. */
static void lose_orin(void) {
  char full[700];
  snprintf(full, sizeof full, "%s%s", fake_root(), ORIN "curr1_input");
  const int fd = open(full, O_WRONLY);
  assert_true(fd >= 0 && pwrite(fd, "x", 1, 3) == 1);
  close(fd);
}

static void begin(course *c, const bnc_meter_source *source, uint32_t seed) { *c = (course){.source = source, .at = MS, .seed = seed}; }

static void within_1_percent(const course *c, double truth) {
  const bnc_meter_reading r = bnc_meter_integral_reading(&c->integral);
  assert_true(r.valid);
  if (!(fabs(r.joules - truth) < 0.01 * truth)) fail_msg("%.3f J counted, %.3f J used", r.joules, truth);
}

/* Power that is `level` watts, `noise` of it by chance every 10 ms, with a step to twice as much for a third of the time; a reading each
 * 100 ms, which may be late by up to `late` ms, and of which a share is lost. */
static void power(double noise, double late, double lost) {
  bnc_meter_source source;
  course c;
  fake_tree_begin("power");
  fake_file(ORIN "in1_label", "VDD_IN\n");
  fake_file(ORIN "in1_input", "5000\n");
  set_orin(8);
  source = find_source("ina3221 total input");
  begin(&c, &source, 7);
  double next = 0, last = 8;
  for (int step = 0; step < 12000; step++) {
    const double watts = (step > 4000 && step <= 8000 ? 16 : 8) * (1 + noise * (chance(&c) - 0.5));
    if (step > 0) c.truth += 0.5 * (last + watts) * 0.01;
    last = watts;
    c.at += 10 * MS;
    if ((double)step * 10 < next) continue;
    next += 100 + late * chance(&c);
    if (step > 100 && step < 11900 && chance(&c) < lost)
      lose_orin();
    else
      set_orin(watts);
    bnc_meter_sample(&source, &c.integral, c.at);
  }
  set_orin(last);
  bnc_meter_sample(&source, &c.integral, c.at);
  assert_int_equal(lost > 0, c.integral.lost > 100);
  within_1_percent(&c, c.truth);
}

static void steady(void **state) {
  (void)state;
  power(0, 0, 0);
}
static void noisy(void **state) {
  (void)state;
  power(0.6, 0, 0);
}
/* Readings so few that what lies between them counts. */
static void rising(void **state) {
  (void)state;
  bnc_meter_integral g = {.samples = 0};
  for (unsigned i = 0; i < 12; i++) bnc_meter_integral_add_watts(&g, MS + 1000ull * MS * i, 2 + 1.5 * i);
  const double truth = 11 * (2 + 18.5) / 2, counted = bnc_meter_integral_reading(&g).joules;
  if (!(fabs(counted - truth) < 1e-6 * truth)) fail_msg("%.3f J counted, %.3f J used", counted, truth);
}

static void late_and_lost(void **state) {
  (void)state;
  power(0.2, 300, 0);
  power(0.2, 100, 0.3);
}

static void start_counter(course *c, bnc_meter_source *source, uint64_t range, uint64_t value) {
  fake_tree_begin("counter");
  fake_file(RAPL "name", "package-0\n");
  fake_filef(RAPL "max_energy_range_uj", "%llu\n", (unsigned long long)range);
  fake_filef(RAPL "energy_uj", "%llu\n", (unsigned long long)value);
  *source = find_source("rapl package");
  begin(c, source, 3);
  bnc_meter_sample(source, &c->integral, c->at);
}

/* 65.5 kJ of an older core, at 95 W: it wraps every 11 minutes. The sampler stood still twice, once for longer than a turn. */
static void wrapping(void **state) {
  (void)state;
  const uint64_t range = 65532610987;
  bnc_meter_source source;
  course c;
  uint64_t value = range - 50000000;
  start_counter(&c, &source, range, value);
  for (int second = 0; second < 4000; second += 5) {
    const double watts = 95 * (1 + 0.4 * (chance(&c) - 0.5));
    c.truth += 5 * watts;
    value = (value + (uint64_t)(5e6 * watts)) % range;
    c.at += 5000ull * MS;
    if ((second > 1000 && second < 1400) || (second > 2000 && second < 3500)) continue;
    set_number(RAPL "energy_uj", (double)value);
    bnc_meter_sample(&source, &c.integral, c.at);
  }
  within_1_percent(&c, c.truth);
  assert_int_equal(c.integral.lost, 0);
}

/* A counter that begins anew, as behind a sleep of the machine, is no turn of 262 kJ. */
static void set_back(void **state) {
  (void)state;
  bnc_meter_source source;
  course c;
  start_counter(&c, &source, 262143328850, 5000000);
  for (int i = 1; i <= 400; i++) {
    c.at += 100 * MS;
    set_number(RAPL "energy_uj", i <= 200 ? 5e6 + 2e6 * i : 2e6 * (i - 200));
    bnc_meter_sample(&source, &c.integral, c.at);
  }
  assert_int_equal(c.integral.lost, 1);
  within_1_percent(&c, 2 * 400);
}

static void disappearing(void **state) {
  (void)state;
  bnc_meter_source source;
  course c;
  start_counter(&c, &source, 262143328850, 0);
  for (int i = 1; i <= 100; i++) {
    c.at += 100 * MS;
    if (i < 60)
      set_number(RAPL "energy_uj", 1.5e6 * i);
    else if (i == 60)
      fake_remove(RAPL "energy_uj");
    bnc_meter_sample(&source, &c.integral, c.at);
  }
  const bnc_meter_reading r = bnc_meter_integral_reading(&c.integral);
  /* What was counted is told with the time that it covers, and so is that the rest is not known. */
  assert_true(r.valid && fabs(r.joules - 1.5 * 59) < 1e-6 && fabs(r.seconds - 5.9) < 1e-9);
  assert_int_equal(r.lost_since, 41);
  fake_filef(RAPL "energy_uj", "%u\n", 150000000u);
  bnc_meter_sample(&source, &c.integral, c.at);
  assert_int_equal(c.integral.lost_since, 0);
  within_1_percent(&c, 150);
}

static void malformed(void **state) {
  (void)state;
  static const char *const texts[] = {"", "\n", "x\n", "-5\n", "12 3\n", "1e9\n", "99999999999999999999999\n", "0x\n", "\xff\xfe\n"};
  bnc_meter_source source;
  course c;
  start_counter(&c, &source, 262143328850, 0);
  for (unsigned i = 1; i <= 400; i++) {
    c.at += 100 * MS;
    if (i % 4 == 2)
      fake_file(RAPL "energy_uj", texts[i / 4 % (sizeof texts / sizeof *texts)]);
    else
      fake_filef(RAPL "energy_uj", "%u\n", 700000u * i);
    bnc_meter_sample(&source, &c.integral, c.at);
  }
  assert_int_equal(c.integral.lost, 100);
  within_1_percent(&c, 0.7 * 400);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(steady),   cmocka_unit_test(noisy),    cmocka_unit_test(rising),       cmocka_unit_test(late_and_lost),
      cmocka_unit_test(wrapping), cmocka_unit_test(set_back), cmocka_unit_test(disappearing), cmocka_unit_test(malformed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
