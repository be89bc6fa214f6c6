/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "platforms/cpu/cpu.h"
#include "platforms/threads/threads.h"
#include "tests/platforms/fake_tree.h"
#include "tests/unit.h"

#define COUNT 1003

typedef struct sums {
  _Atomic uint32_t visits[COUNT];
  float out[COUNT];
  size_t grain;
} sums;

/* An item sums a series of its own, so no cut of the range may change a bit. */
static void add_series(void *context, size_t from, size_t to) {
  sums *s = context;
  assert_true(from < to && to <= COUNT && to - from <= s->grain);
  for (size_t i = from; i < to; i++) {
    atomic_fetch_add(&s->visits[i], 1);
    float sum = 0;
    for (size_t k = 1; k < 50; k++) sum += 1.0f / (float)(i + k * k);
    s->out[i] = sum;
  }
}

static void bit_identical(void **state) {
  (void)state;
  static const size_t threads[] = {1, 2, 3, 4, 8, 33}, grains[] = {1, 7, 64, COUNT, 5000};
  static sums reference, s;
  reference.grain = COUNT;
  add_series(&reference, 0, COUNT);
  for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
    bnc_pool *pool;
    assert_int_equal(bnc_pool_create(&pool, threads[t], NULL), BNC_OK);
    assert_int_equal(bnc_pool_threads(pool), threads[t]);
    assert_null(bnc_pool_enter_native(pool));
    bnc_pool_leave_native(pool, pool);
    for (int i = 0; i < 2; i++) {
      assert_int_equal(bnc_pool_start_native(pool, NULL), BNC_OK);
      assert_int_equal(bnc_pool_enter_native(pool) == NULL, threads[t] == 1);
      bnc_pool_leave_native(pool, pool);
    }
    uint64_t allocations = bnc_mem_count();
    for (size_t g = 0; g < sizeof grains / sizeof grains[0]; g++) {
      memset(&s, 0, sizeof s);
      s.grain = grains[g];
      bnc_pool_run(pool, add_series, &s, COUNT, grains[g]);
      assert_memory_equal(s.out, reference.out, sizeof s.out);
      for (size_t i = 0; i < COUNT; i++) assert_int_equal(s.visits[i], 1);
    }
    assert_true(bnc_mem_count() == allocations);
    bnc_pool_destroy(pool);
  }
  bnc_pool_destroy(NULL);
}

static void edges(void **state) {
  (void)state;
  static sums s;
  bnc_pool *pool;
  bnc_error err;
  assert_int_equal(bnc_pool_create(&pool, 2, NULL), BNC_OK);
  s.grain = 1;
  bnc_pool_run(pool, add_series, &s, 0, 1);
  assert_int_equal(s.visits[0], 0);
  bnc_pool_run(pool, add_series, &s, 3, 0); /* grain 0 counts as 1 */
  assert_int_equal(s.visits[0] + s.visits[1] + s.visits[2], 3);
  bnc_pool_destroy(pool);
  assert_int_equal(bnc_pool_create(&pool, 1025, &err), BNC_ERROR_LIMIT);
  assert_null(pool);
  assert_string_equal(err.text, "threads: found 1025, expected 1 to 1024");
  assert_int_equal(bnc_pool_create(&pool, SIZE_MAX, &err), BNC_ERROR_LIMIT);
  bnc_mem_fail_after(0);
  assert_int_equal(bnc_pool_create(&pool, 2, &err), BNC_ERROR_MEMORY);
  bnc_mem_fail_after(-1);
}

static void defaults(void **state) {
  (void)state;
  bnc_pool *pool;
  size_t n = bnc_pool_default_threads();
  assert_true(n >= 1 && n <= bnc_pool_allowed_cpus());
  assert_int_equal(bnc_pool_create(&pool, 0, NULL), BNC_OK);
  assert_int_equal(bnc_pool_threads(pool), n);
  bnc_pool_destroy(pool);
  cpu_set_t all, one;
  assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&one);
  for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
    if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
  assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
  assert_int_equal(bnc_pool_default_threads(), 1);
  assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

typedef struct places {
  pthread_t caller;
  _Atomic uint32_t helpers, elsewhere;
  cpu_set_t expected;
} places;

/* Long enough for a helper to come. */
static void look_where(void *context, size_t from, size_t to) {
  places *p = context;
  cpu_set_t set;
  (void)from;
  (void)to;
  if (pthread_equal(pthread_self(), p->caller)) {
    usleep(200);
    return;
  }
  assert_int_equal(pthread_getaffinity_np(pthread_self(), sizeof set, &set), 0);
  atomic_fetch_add(&p->helpers, 1);
  if (!CPU_EQUAL(&set, &p->expected)) atomic_fetch_add(&p->elsewhere, 1);
}

/* Where the helpers of a pool may run; the caller keeps its freedom. */
static void expect_places(size_t threads, const cpu_set_t *expected) {
  bnc_pool *pool;
  cpu_set_t before, after;
  places p = {.caller = pthread_self(), .expected = *expected};
  assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
  assert_int_equal(bnc_pool_create(&pool, threads, NULL), BNC_OK);
  assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
  assert_true(CPU_EQUAL(&before, &after));
  const uint64_t start = bnc_clock_ns();
  while (p.helpers == 0 && bnc_clock_seconds(start, bnc_clock_ns()) < 30) bnc_pool_run(pool, look_where, &p, 4, 1);
  assert_true(p.helpers > 0);
  assert_int_equal(p.elsewhere, 0);
  bnc_pool_destroy(pool);
}

/* Many short jobs with pauses, so that helpers sleep, wake up and come too late in all orders: each item once, seen by the caller. */
static void many_jobs(void **state) {
  (void)state;
  static sums s;
  bnc_pool *pool;
  assert_int_equal(bnc_pool_create(&pool, 4, NULL), BNC_OK);
  for (uint32_t job = 1; job <= 3000; job++) {
    const size_t count = 1 + job % 7;
    memset(&s, 0, sizeof s);
    s.grain = 1;
    bnc_pool_run(pool, add_series, &s, count, 1);
    for (size_t i = 0; i <= count; i++) assert_int_equal(s.visits[i], i < count);
    if (job % 100 == 0) usleep(job % 300);
  }
  bnc_pool_destroy(pool);
}

/* Cores 0 and 1 are big, a third one is not. */
static void placing(void **state) {
  (void)state;
  cpu_set_t all, big;
  assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
  CPU_ZERO(&big);
  for (size_t i = 0; i < 2; i++)
    if (CPU_ISSET(i, &all)) CPU_SET(i, &big);
  fake_tree_begin("little");
  fake_file("/proc/cpuinfo",
            "processor: 0\nCPU implementer: 0x41\nCPU part: 0xd08\n\nprocessor: 1\nCPU implementer: 0x41\nCPU part: 0xd08\n\n"
            "processor: 2\nCPU implementer: 0x41\nCPU part: 0xd03\n");
  expect_places(2, CPU_COUNT(&big) == 2 ? &big : &all);
  expect_places(3, &all); /* more than there are big ones */
  fake_tree_begin("alike");
  fake_file("/proc/cpuinfo",
            "processor: 0\nCPU implementer: 0x41\nCPU part: 0xd08\n\nprocessor: 1\nCPU implementer: 0x41\nCPU part: 0xd08\n");
  expect_places(2, &all);
  fake_tree_none();
}

/* pthreadpool alone would hang here for ever. RLIMIT_AS is no use under sanitizers and RLIMIT_NPROC does not bind root. */
static void too_few_threads(void **state) {
  (void)state;
  if (geteuid() == 0) skip();
  pid_t child = fork();
  if (child == 0) {
    bnc_pool *pool;
    bnc_error err;
    struct rlimit none = {1, 1};
    setrlimit(RLIMIT_NPROC, &none);
    alarm(20);
    _exit(bnc_pool_create(&pool, 4, &err) == BNC_ERROR_MEMORY && strstr(err.text, "cannot start 4 threads") ? 0 : 1);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(bit_identical), cmocka_unit_test(edges),   cmocka_unit_test(many_jobs),
                                     cmocka_unit_test(defaults),      cmocka_unit_test(placing), cmocka_unit_test(too_few_threads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
