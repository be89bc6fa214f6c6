/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "platforms/cpu/cpu.h"
#include "platforms/threads/threads.h"
#include "tests/platforms/fake_tree.h"
#include "tests/unit.h"

static bnc_cpu detect(void) {
  bnc_cpu cpu;
  assert_int_equal(bnc_cpu_detect(&cpu, NULL), BNC_OK);
  return cpu;
}

static void orin(void **state) {
  (void)state;
  fake_tree_orin();
  bnc_cpu cpu = detect();
  assert_int_equal(cpu.cluster_count, 1);
  assert_int_equal(cpu.cores, 6);
  assert_int_equal(cpu.l1d.bytes, 64 << 10);
  assert_int_equal(cpu.l2.bytes, 256 << 10);
  assert_int_equal(cpu.l2.shared, 1);
  assert_int_equal(cpu.l3.bytes, 2 << 20);
  assert_int_equal(cpu.l3.shared, 4);
  assert_int_equal(cpu.clusters[0].max_mhz, 1510);
}

static void phone(void **state) {
  (void)state;
  fake_tree_phone();
  bnc_cpu cpu = detect();
  static const char *const names[] = {"Cortex-X2", "Cortex-A710", "Cortex-A510"};
  static const unsigned cores[] = {1, 3, 4};
  assert_int_equal(cpu.cluster_count, 3);
  for (size_t i = 0; i < 3; i++) {
    assert_string_equal(cpu.clusters[i].uarch, names[i]);
    assert_int_equal(cpu.clusters[i].cores, cores[i]);
    assert_int_equal(cpu.clusters[i].little, i == 2);
  }
  assert_int_equal(cpu.cluster_of[0], 2);
  assert_int_equal(cpu.cluster_of[7], 0);
  assert_int_equal(cpu.cluster_of[8], 0xff);
}

static void laptop(void **state) {
  (void)state;
  fake_tree_laptop();
  bnc_cpu cpu = detect();
  assert_int_equal(cpu.cluster_count, 2);
  assert_int_equal(cpu.clusters[0].cores, 4);
  assert_int_equal(cpu.clusters[0].cpus, 8);
  assert_int_equal(cpu.clusters[0].max_mhz, 4800);
  assert_int_equal(cpu.clusters[1].cores, 4);
  assert_true(cpu.clusters[1].little && !cpu.clusters[0].little);
  assert_int_equal(cpu.core_of[5], 4);
  assert_int_equal(cpu.l3.shared, 12);
}

/* No /sys: kinds and count come from /proc/cpuinfo. Old Raspberry Pi kernels and Android applications look like this. */
static void proc_only(void **state) {
  (void)state;
  fake_tree_begin("proc");
  fake_file("/proc/cpuinfo",
            "processor\t: 0\nBogoMIPS\t: 38.40\nFeatures\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt\n"
            "CPU implementer\t: 0x41\nCPU architecture: 7\nCPU variant\t: 0x0\nCPU part\t: 0xd03\nCPU revision\t: 4\n\n"
            "processor\t: 1\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n\nHardware\t: BCM2835\n");
  bnc_cpu cpu = detect();
  assert_int_equal(cpu.cpus, 2);
  assert_string_equal(cpu.clusters[0].uarch, "Cortex-A72");
  assert_string_equal(cpu.clusters[1].uarch, "Cortex-A53");
  assert_true(cpu.clusters[1].little);
}

/* Everything in the tree may be wrong: results stay within bounds. */
static void hostile(void **state) {
  (void)state;
  fake_tree_begin("hostile");
  fake_file("/proc/cpuinfo", "processor: 99999999999999999999\nCPU part: 0xffffffffff\nprocessor : -1\nCPU implementer : zzz\n:::\n\n");
  fake_file("/sys/devices/system/cpu/online", "0-4294967295,7-3,,9");
  fake_file("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "-5\n");
  fake_file("/sys/devices/system/cpu/cpu0/cpu_capacity", "9223372036854775807\n");
  fake_file("/sys/devices/system/cpu/cpu1/topology/core_cpus_list", "5000-6000\n");
  fake_file("/sys/devices/system/cpu/cpu2/topology/core_cpus_list", "garbage\n");
  fake_file("/sys/devices/system/cpu/cpu0/cache/index0/level", "1\n");
  fake_file("/sys/devices/system/cpu/cpu0/cache/index0/size", "99999999999999999999G\n");
  for (unsigned i = 0; i < 40; i++) {
    char path[100];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/regs/identification/midr_el1", i);
    fake_filef(path, "0x%08x\n", 0x41000000u + i * 0x10);
  }
  bnc_cpu cpu = detect();
  assert_int_equal(cpu.cpus, BNC_CPU_MAX_CPUS);
  assert_int_equal(cpu.cluster_count, BNC_CPU_MAX_CLUSTERS);
  for (unsigned i = 0; i < BNC_CPU_MAX_CPUS; i++)
    assert_true(cpu.cluster_of[i] < BNC_CPU_MAX_CLUSTERS && cpu.core_of[i] < BNC_CPU_MAX_CPUS);
  assert_true(bnc_pool_default_threads() >= 1);
}

static void quotas(void **state) {
  (void)state;
  fake_tree_begin("quota");
  assert_true(bnc_cpu_quota() == 0);
  fake_file("/proc/self/cgroup", "0::/user.slice/app\n");
  fake_file("/sys/fs/cgroup/user.slice/app/cpu.max", "max 100000\n");
  assert_true(bnc_cpu_quota() == 0);
  fake_file("/sys/fs/cgroup/user.slice/cpu.max", "150000 100000\n");
  assert_true(bnc_cpu_quota() == 1.5);
  fake_file("/sys/fs/cgroup/user.slice/app/cpu.max", "50000 100000\n");
  assert_true(bnc_cpu_quota() == 0.5);
  assert_int_equal(bnc_pool_default_threads(), 1);
  fake_tree_begin("quota1");
  fake_file("/proc/self/cgroup", "11:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/\n");
  fake_file("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000\n"); /* a container sees its own group as the root */
  fake_file("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  assert_true(bnc_cpu_quota() == 2.5);
  fake_file("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  assert_true(bnc_cpu_quota() == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(orin),      cmocka_unit_test(phone),   cmocka_unit_test(laptop),
      cmocka_unit_test(proc_only), cmocka_unit_test(hostile), cmocka_unit_test(quotas),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
