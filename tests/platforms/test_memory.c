/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory a process may still take: the machine's, its control groups', its own limits'. */
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platforms/machine/memory.h"
#include "tests/platforms/fake_tree.h"
#include "tests/unit.h"

#define MIB ((uint64_t)1 << 20)

static void machine_has(unsigned mib) {
  fake_filef("/proc/meminfo", "MemTotal:       8388608 kB\nMemFree:          1024 kB\nMemAvailable:   %u kB\n", mib << 10);
}

static void left(uint64_t mib, const char *bound) {
  const bnc_memory_room room = bnc_memory_room_left();
  assert_int_equal(room.bytes / MIB, mib);
  if (!strstr(room.bound, bound)) fail_msg("\"%s\" does not say \"%s\"", room.bound, bound);
}

static void the_machine(void **state) {
  uint64_t total, available;
  (void)state;
  fake_tree_begin("memory_machine");
  machine_has(3000);
  bnc_memory_read(&total, &available);
  assert_int_equal(total, 8192 * MIB);
  assert_int_equal(available, 3000 * MIB);
  left(3000, "machine");
}

/* A group is held by those above it; files in memory do not count as used. */
static void groups_of_version_2(void **state) {
  (void)state;
  fake_tree_begin("memory_v2");
  machine_has(3000);
  fake_file("/proc/self/cgroup", "0::/pod/app\n");
  fake_file("/sys/fs/cgroup/pod/app/memory.max", "max\n");
  fake_file("/sys/fs/cgroup/pod/app/memory.current", "1048576\n");
  left(3000, "machine");
  fake_filef("/sys/fs/cgroup/pod/memory.max", "%llu\n", 1000ull << 20);
  fake_filef("/sys/fs/cgroup/pod/memory.current", "%llu\n", 600ull << 20);
  left(400, "control group");
  fake_filef("/sys/fs/cgroup/pod/memory.stat", "anon 5\nfile 1\nactive_file %llu\ninactive_file %llu\n", 50ull << 20, 150ull << 20);
  left(600, "control group");
  fake_filef("/sys/fs/cgroup/pod/app/memory.max", "%llu\n", 101ull << 20);
  left(100, "control group");
  fake_file("/sys/fs/cgroup/pod/app/memory.max", "0\n");
  left(0, "control group");
}

/* In a container the group of /proc is not below /sys, but the mount's own root is. */
static void groups_of_version_1(void **state) {
  (void)state;
  fake_tree_begin("memory_v1");
  machine_has(3000);
  fake_file("/proc/self/cgroup", "5:memory:/docker/1234\n4:cpu,cpuacct:/docker/1234\n");
  fake_file("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  fake_file("/sys/fs/cgroup/memory/memory.usage_in_bytes", "4096\n");
  left(3000, "machine");
  fake_filef("/sys/fs/cgroup/memory/memory.limit_in_bytes", "%llu\n", 512ull << 20);
  fake_filef("/sys/fs/cgroup/memory/memory.usage_in_bytes", "%llu\n", 112ull << 20);
  fake_filef("/sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file %llu\n", 12ull << 20);
  left(412, "control group");
}

static void nonsense_is_no_limit(void **state) {
  (void)state;
  fake_tree_begin("memory_nonsense");
  machine_has(3000);
  fake_file("/proc/self/cgroup", "0\n0::\n::::\n1:memory\n0::/a\n");
  fake_file("/sys/fs/cgroup/a/memory.max", "-5\n");
  fake_file("/sys/fs/cgroup/a/memory.current", "-1\n");
  left(3000, "machine");
  fake_file("/sys/fs/cgroup/a/memory.max", "4096\n"); /* what is used is unknown */
  left(3000, "machine");
}

static void own_limits(void **state) {
  (void)state;
  fake_tree_begin("memory_limits");
  machine_has(3000);
  fake_filef("/proc/self/statm", "%lu 100 50 10 0 %lu 0\n", (200ul << 20) / (unsigned long)getpagesize(),
             (20ul << 20) / (unsigned long)getpagesize());
  pid_t child = fork();
  if (child == 0) {
    const struct rlimit space = {900u << 20, RLIM_INFINITY}, data = {300u << 20, RLIM_INFINITY};
    setrlimit(RLIMIT_AS, &space);
    bnc_memory_room room = bnc_memory_room_left();
    if (room.bytes != 700 * MIB || !strstr(room.bound, "address space")) _exit(1);
    setrlimit(RLIMIT_DATA, &data);
    room = bnc_memory_room_left();
    _exit(room.bytes == 280 * MIB && strstr(room.bound, "data") ? 0 : 2);
  }
  int how;
  assert_int_equal(waitpid(child, &how, 0), child);
  assert_int_equal(how, 0);
}

static void too_much_is_said(void **state) {
  bnc_error err = {BNC_OK, ""};
  (void)state;
  fake_tree_begin("memory_check");
  machine_has(2);
  assert_int_equal(bnc_memory_check(2 * MIB, "a thing", &err), BNC_OK);
  assert_int_equal(bnc_memory_check(2 * MIB + 1, "a thing", &err), BNC_ERROR_LIMIT);
  assert_string_equal(err.text, "a thing needs 2.1 MB of memory, but this machine leaves 2.1 MB");
  assert_int_equal(bnc_memory_check((uint64_t)3 << 60, "a thing", &err), BNC_ERROR_LIMIT);
  fake_tree_none();
  const bnc_memory_room room = bnc_memory_room_left();
  assert_true(room.bytes > MIB && room.bytes < (uint64_t)1 << 50);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_machine),          cmocka_unit_test(groups_of_version_2), cmocka_unit_test(groups_of_version_1),
      cmocka_unit_test(nonsense_is_no_limit), cmocka_unit_test(own_limits),          cmocka_unit_test(too_much_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
