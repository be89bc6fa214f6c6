/* SPDX-License-Identifier: Apache-2.0 */
/* Which cores a battery saver takes on trees that are laid out as those of phones and boards are. The figures are the table's, by hand. */
#include <math.h>
#include <stdio.h>

#include "platforms/threads/frugal_cores.h"
#include "tests/platforms/fake_tree.h"
#include "tests/unit.h"

/* CPUs first to last are of this kind; capacity 0: the tree tells none. */
typedef struct kind {
  unsigned first, last, midr, mhz, capacity;
} kind;

/* A tree, what the machine draws at rest, from which CPU on the process may run, and what is taken there: NULL for nothing. */
typedef struct machine {
  const char *name;
  void (*tree)(void); /* a whole one, or NULL: the kinds make it */
  kind kinds[3];
  double rest;
  unsigned allowed;
  const char *takes;
  unsigned first, last;
} machine;

enum { A53 = 0x410fd034, A55 = 0x412fd050, A72 = 0x410fd083, A76 = 0x414fd0b1, A78 = 0x411fd410 };
enum { A510 = 0x410fd461, A710 = 0x412fd471, X1 = 0x411fd440, X2 = 0x410fd480 };

/* Three in the middle; the X2 is fast and dear, and the A510 so slow that the machine at rest takes more. */
static const machine flagship = {.name = "Snapdragon 8 Gen 1",
                                 .kinds = {{4, 6, A710, 2496, 790}, {0, 3, A510, 1785, 260}, {7, 7, X2, 2995, 1024}},
                                 .rest = 1,
                                 .takes = "Cortex-A710",
                                 .first = 4,
                                 .last = 6};
#define DIMENSITY {{0, 5, A55, 2000, 361}, {6, 7, A76, 2203, 1024}}
/* One A76 alone is slow against what the phone draws anyway, and six A55 are not. */
static const machine middle_class = {.name = "Dimensity 700", .kinds = DIMENSITY, .rest = 1, .takes = "Cortex-A55", .first = 0, .last = 5};
#define RK3399 {{0, 3, A53, 1416, 0}, {4, 5, A72, 1800, 0}} /* by clock alone: the board's tree tells no capacity */

static const machine others[] = {
    {.name = "waiting at 5 W is what costs: no kind saves a fifth", .kinds = DIMENSITY, .rest = 5},
    {.name = "one A55 beside the big ones", .kinds = DIMENSITY, .rest = 1, .allowed = 5},
    {.name = "RK3399", .kinds = RK3399, .rest = 1, .takes = "Cortex-A53", .first = 0, .last = 3},
    {.name = "RK3399, of whose 10.3 W 8 are there anyway", .kinds = RK3399, .rest = 8},
    {.name = "one kind", .tree = fake_tree_pi5, .rest = 1},
    {.name = "no ARM", .tree = fake_tree_laptop, .rest = 1},
    {.name = "a kind that the table does not know", .kinds = {{0, 3, A55, 1800, 300}, {4, 7, A78, 2400, 1024}}, .rest = 1},
    {.name = "a clock that nobody tells", .kinds = {{0, 5, A55, 0, 361}, {6, 7, A76, 2203, 1024}}, .rest = 1},
    {.name = "big cores that may not be used", .kinds = {{0, 1, A76, 2203, 1024}, {2, 7, A55, 2000, 361}}, .rest = 1, .allowed = 2},
};

static void make_cores(const kind *k) {
  char path[96];
  for (unsigned i = k->first; i <= k->last; i++) {
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/regs/identification/midr_el1", i);
    fake_filef(path, "0x%016x\n", k->midr);
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/cpufreq/cpuinfo_max_freq", i);
    fake_filef(path, "%u000\n", k->mhz);
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/cpu_capacity", i);
    if (k->capacity) fake_filef(path, "%u\n", k->capacity);
  }
  fake_filef("/sys/devices/system/cpu/online", "0-%u\n", k->last);
}

static bnc_frugal_cores check(const machine *m, bnc_cpu *cpu) {
  bnc_frugal_cores found = {0};
  cpu_set_t allowed;
  print_message("%s\n", m->name);
  if (m->tree)
    m->tree();
  else
    fake_tree_begin("frugal");
  for (size_t i = 0; i < sizeof m->kinds / sizeof *m->kinds && m->kinds[i].midr; i++) make_cores(&m->kinds[i]);
  CPU_ZERO(&allowed);
  for (unsigned i = m->allowed; i < 16; i++) CPU_SET(i, &allowed);
  assert_int_equal(bnc_cpu_detect(cpu, NULL), BNC_OK);
  assert_int_equal(bnc_frugal_cores_find(cpu, &allowed, m->rest, &found), m->takes != NULL);
  if (!m->takes) return found;
  assert_string_equal(found.kind, m->takes);
  assert_int_equal(found.cores, m->last - m->first + 1);
  assert_int_equal(CPU_COUNT(&found.cpus), found.cores);
  for (unsigned i = m->first; i <= m->last; i++) assert_true(CPU_ISSET(i, &found.cpus));
  return found;
}

static void test_flagship(void **state) {
  (void)state;
  bnc_cpu cpu;
  const bnc_frugal_cores f = check(&flagship, &cpu);
  assert_true(fabs(f.watts - (1 + 3 * 2496 * 420e-6)) < 1e-9 && fabs(f.all - f.watts - 2995 * 1179e-6) < 1e-9);
  assert_true(fabs(f.speed - 3 * 2496 * 64.0 / (3 * 2496 * 64.0 + 2995 * 127.0)) < 1e-9);
  assert_true(fabs(f.joules - f.watts / f.all / f.speed) < 1e-9 && f.joules < 1);
}

static void test_middle_class(void **state) {
  (void)state;
  bnc_cpu cpu;
  const bnc_frugal_cores f = check(&middle_class, &cpu);
  assert_true(f.joules > 1 && f.speed < 0.7 && f.watts < 0.8 * f.all);
}

/* Google GS101: the pair in the middle, though it counts as little. */
static void test_three_kinds(void **state) {
  (void)state;
  bnc_cpu cpu;
  const machine three = {.name = "GS101",
                         .kinds = {{0, 3, A55, 1803, 161}, {4, 5, A76, 2253, 498}, {6, 7, X1, 2802, 1024}},
                         .rest = 1,
                         .takes = "Cortex-A76",
                         .first = 4,
                         .last = 5};
  check(&three, &cpu);
  assert_true(cpu.clusters[1].little);
}

static void test_others(void **state) {
  (void)state;
  bnc_cpu cpu;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) check(&others[i], &cpu);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_flagship), cmocka_unit_test(test_middle_class),
                                     cmocka_unit_test(test_three_kinds), cmocka_unit_test(test_others)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
