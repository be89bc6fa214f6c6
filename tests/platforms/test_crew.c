/* SPDX-License-Identifier: Apache-2.0 */
/* A crew's ways of working, one by one and by turns: each piece once, by a thread of its own, done before the job returns. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platforms/threads/crew.h"
#include "tests/unit.h"

enum { PIECES = 9, GRAIN = 3, HELPERS = 3, JOBS = 2000 };

typedef struct record {
  pthread_t caller;
  size_t threads;                       /* that may work: numbers below it */
  uint32_t visits[PIECES * GRAIN];      /* not atomic: an item has one thread, and the caller reads behind it */
  _Atomic uint32_t caller_pieces;       /* those that the calling thread did */
  _Atomic uint32_t inside[1 + HELPERS]; /* threads of that number in a piece */
  _Atomic uint32_t wrong_numbers, shared_numbers;
} record;

static void piece(void *context, size_t thread, size_t from, size_t to) {
  record *r = context;
  if (thread >= r->threads) {
    atomic_fetch_add(&r->wrong_numbers, 1);
    return;
  }
  if (atomic_fetch_add(&r->inside[thread], 1) != 0) atomic_fetch_add(&r->shared_numbers, 1);
  if (pthread_equal(pthread_self(), r->caller)) atomic_fetch_add(&r->caller_pieces, 1);
  for (size_t i = from; i < to; i++) r->visits[i]++;
  atomic_fetch_sub(&r->inside[thread], 1);
}

static void expect_job(bnc_crew *crew, record *r, size_t count) {
  memset(r->visits, 0, sizeof r->visits);
  bnc_crew_run(crew, piece, r, count, GRAIN);
  for (size_t i = 0; i < PIECES * GRAIN; i++) assert_int_equal(r->visits[i], i < count);
  assert_int_equal(r->wrong_numbers, 0);
  assert_int_equal(r->shared_numbers, 0);
}

static bnc_crew *new_crew(record *r) {
  bnc_crew *crew;
  *r = (record){.caller = pthread_self(), .threads = 1 + HELPERS};
  assert_int_equal(bnc_crew_create(&crew, HELPERS), HELPERS);
  return crew;
}

/* Pauses, so that threads sleep, wake up and come too late in all orders. */
static void run_jobs(bnc_crew_way way, record *r) {
  bnc_crew *crew = new_crew(r);
  bnc_crew_keep(crew, way);
  for (size_t job = 0; job < JOBS; job++) {
    expect_job(crew, r, 1 + job % (PIECES * GRAIN));
    if (job % 100 == 0) usleep((useconds_t)(job % 300));
  }
  bnc_crew_destroy(crew);
}

static void joined(void **state) {
  (void)state;
  record r;
  run_jobs(BNC_CREW_JOINED, &r);
  assert_true(r.caller_pieces > 0);
}

static void led(void **state) {
  (void)state;
  record r;
  run_jobs(BNC_CREW_LED, &r);
  assert_int_equal(r.caller_pieces, 0);
}

static void alone(void **state) {
  (void)state;
  record r;
  run_jobs(BNC_CREW_ALONE, &r);
  assert_int_equal(r.inside[0], 0);
  assert_true(r.caller_pieces >= JOBS);
}

/* Helpers that looked out for one way's job are called to another's; parked ones stay out. */
static void by_turns(void **state) {
  (void)state;
  record r;
  bnc_crew *crew = new_crew(&r);
  for (uint32_t job = 0, random = 1; job < 3 * JOBS; job++) {
    random = random * 1664525u + 1013904223u;
    if (random >> 30 == 0) bnc_crew_keep(crew, (bnc_crew_way)((random >> 20) % BNC_CREW_WAYS));
    if (random >> 29 == 7) {
      r.threads = 2 + (random >> 10) % HELPERS;
      bnc_crew_set_active(crew, r.threads);
    }
    expect_job(crew, &r, 1 + job % (PIECES * GRAIN));
  }
  bnc_crew_destroy(crew);
}

/* A process that forks keeps its memory, not its threads: jobs are done all the same. */
static void forked(void **state) {
  (void)state;
#ifdef __SANITIZE_THREAD__
  skip(); /* does not follow forks of many threads */
#endif
  record r;
  bnc_crew *crew = new_crew(&r);
  for (int way = 0; way < BNC_CREW_WAYS; way++) {
    bnc_crew_keep(crew, (bnc_crew_way)way);
    expect_job(crew, &r, PIECES * GRAIN);
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      for (int job = 0; job < 2; job++) bnc_crew_run(crew, piece, &r, PIECES * GRAIN, GRAIN);
      for (size_t i = 0; i < PIECES * GRAIN; i++)
        if (r.visits[i] != 3) _exit(1);
      _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  bnc_crew_destroy(crew);
}

/* The end of a crew whose threads sleep, each in its way, or never had a job. */
static void ends(void **state) {
  (void)state;
  for (int way = -1; way < BNC_CREW_WAYS; way++) {
    record r;
    bnc_crew *crew = new_crew(&r);
    if (way >= 0) {
      bnc_crew_keep(crew, (bnc_crew_way)way);
      expect_job(crew, &r, PIECES);
    }
    usleep(1000);
    bnc_crew_destroy(crew);
  }
  bnc_crew_destroy(NULL);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(joined),   cmocka_unit_test(led),    cmocka_unit_test(alone),
                                     cmocka_unit_test(by_turns), cmocka_unit_test(forked), cmocka_unit_test(ends)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
