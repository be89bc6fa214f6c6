/* SPDX-License-Identifier: Apache-2.0 */
/* Which cores a battery saver takes on trees that are laid out as those of phones and boards are. The figures are the table's, by hand. */
#include <math.h>
#include <stdio.h>

#include "platforms/threads/frugal_cores.h"
#include "tests/platforms/fake_tree.h"
#include "tests/unit.h"

/* CPUs from .. to of one kind. */
static void cores(unsigned from, unsigned to, unsigned midr, unsigned mhz, unsigned capacity) {
  char path[96];
  for (unsigned i = from; i <= to; i++) {
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/regs/identification/midr_el1", i);
    fake_filef(path, "0x%016x\n", midr);
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/cpufreq/cpuinfo_max_freq", i);
    fake_filef(path, "%u000\n", mhz);
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/cpu_capacity", i);
    if (capacity) fake_filef(path, "%u\n", capacity);
  }
  fake_filef("/sys/devices/system/cpu/online", "0-%u\n", to);
}

enum { A53 = 0x410fd034, A55 = 0x412fd050, A72 = 0x410fd083, A76 = 0x414fd0b1, X1 = 0x411fd440, A78 = 0x411fd410 };

static bool choose(bnc_frugal_cores *found, bnc_cpu *cpu, unsigned first_allowed, double rest) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  for (unsigned i = first_allowed; i < 16; i++) CPU_SET(i, &allowed);
  assert_int_equal(bnc_cpu_detect(cpu, NULL), BNC_OK);
  return bnc_frugal_cores_find(cpu, &allowed, rest, found);
}

static void takes(const bnc_frugal_cores *found, const char *kind, unsigned from, unsigned to) {
  assert_string_equal(found->kind, kind);
  assert_int_equal(found->cores, to - from + 1);
  assert_int_equal(CPU_COUNT(&found->cpus), found->cores);
  for (unsigned i = from; i <= to; i++) assert_true(CPU_ISSET(i, &found->cpus));
}

/* Snapdragon 8 Gen 1: the three in the middle; the X2 is fast and dear, and the A510 so slow that the machine at rest takes more. */
static void flagship(void **state) {
  (void)state;
  bnc_frugal_cores f;
  bnc_cpu cpu;
  fake_tree_begin("flagship");
  cores(4, 6, 0x412fd471, 2496, 790);
  cores(0, 3, 0x410fd461, 1785, 260);
  cores(7, 7, 0x410fd480, 2995, 1024);
  assert_true(choose(&f, &cpu, 0, 1));
  takes(&f, "Cortex-A710", 4, 6);
  assert_true(fabs(f.watts - (1 + 3 * 2496 * 420e-6)) < 1e-9 && fabs(f.all - f.watts - 2995 * 1179e-6) < 1e-9);
  assert_true(fabs(f.speed - 3 * 2496 * 64.0 / (3 * 2496 * 64.0 + 2995 * 127.0)) < 1e-9);
  assert_true(fabs(f.joules - f.watts / f.all / f.speed) < 1e-9 && f.joules < 1);
}

/* Dimensity 700: one A76 alone is slow against what the phone draws anyway, and six A55 are not. */
static void middle_class(void **state) {
  (void)state;
  bnc_frugal_cores f;
  bnc_cpu cpu;
  fake_tree_begin("middle");
  cores(0, 5, A55, 2000, 361);
  cores(6, 7, A76, 2203, 1024);
  assert_true(choose(&f, &cpu, 0, 1));
  takes(&f, "Cortex-A55", 0, 5);
  assert_true(f.joules > 1 && f.speed < 0.7 && f.watts < 0.8 * f.all);
  /* At rest it draws 5 W: waiting is what costs, and no kind of core saves a fifth. */
  assert_false(choose(&f, &cpu, 0, 5));
  /* Only one A55 may be used beside the big ones. */
  assert_false(choose(&f, &cpu, 5, 1));
}

/* Google GS101: the pair in the middle, though it counts as little. */
static void three_kinds(void **state) {
  (void)state;
  bnc_frugal_cores f;
  bnc_cpu cpu;
  fake_tree_begin("three");
  cores(0, 3, A55, 1803, 161);
  cores(4, 5, A76, 2253, 498);
  cores(6, 7, X1, 2802, 1024);
  assert_true(choose(&f, &cpu, 0, 1));
  assert_true(cpu.clusters[1].little);
  takes(&f, "Cortex-A76", 4, 5);
}

/* RK3399: by clock alone, as its tree tells no capacity. */
static void board(void **state) {
  (void)state;
  bnc_frugal_cores f;
  bnc_cpu cpu;
  fake_tree_begin("board");
  cores(0, 3, A53, 1416, 0);
  cores(4, 5, A72, 1800, 0);
  assert_true(choose(&f, &cpu, 0, 1));
  takes(&f, "Cortex-A53", 0, 3);
  assert_false(choose(&f, &cpu, 0, 8)); /* of 10.3 W, 8 are there anyway */
}

/* One kind, a kind that the table does not know, a clock that nobody tells, big cores that may not be used: nothing is chosen. */
static void nothing_to_choose(void **state) {
  (void)state;
  bnc_frugal_cores f;
  bnc_cpu cpu;
  fake_tree_pi5();
  assert_false(choose(&f, &cpu, 0, 1));
  fake_tree_laptop();
  assert_false(choose(&f, &cpu, 0, 1));
  fake_tree_begin("unknown");
  cores(0, 3, A55, 1800, 300);
  cores(4, 7, A78, 2400, 1024);
  assert_false(choose(&f, &cpu, 0, 1));
  fake_tree_begin("clockless");
  cores(0, 5, A55, 0, 361);
  cores(6, 7, A76, 2203, 1024);
  assert_false(choose(&f, &cpu, 0, 1));
  fake_tree_begin("masked");
  cores(0, 1, A76, 2203, 1024);
  cores(2, 7, A55, 2000, 361);
  assert_false(choose(&f, &cpu, 2, 1));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(flagship), cmocka_unit_test(middle_class), cmocka_unit_test(three_kinds),
                                     cmocka_unit_test(board), cmocka_unit_test(nothing_to_choose)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
