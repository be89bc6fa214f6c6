/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/threads/crew.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"

#define LOOK_OUT_NS 50000u   /* how long a thread without work watches before it sleeps: about what waking it costs */
#define STRETCH_NS 2000000u  /* CPU clocks are read once for jobs of so much time */
#define NOBODY_NS 100000000u /* for so long nobody came to a job: the caller does it */
#define GAP_NS 1000000u      /* without a job for so long, the caller may have had nothing to do */

/* The state of the current job in one word, which sleepers wait on. */
#define ACTIVE 0x0fffu      /* how many helpers are in the job */
#define OPEN 0x1000u        /* helpers may enter */
#define WAITED 0x2000u      /* the caller sleeps until the last helper has left */
#define QUIT 0x4000u        /* helpers end */
#define LED 0x8000u         /* the caller has a stand-in */
#define GENERATION 0x10000u /* the rest counts jobs, so that a helper enters each one once */

enum { HELPER_SLEEPS = 1, CALLER_SLEEPS = 2, PARKED = 4, STAND_IN_SLEEPS = 8 }; /* whom a call wakes */

/* Thread 0 is the caller, or its stand-in. */
typedef struct helper {
  bnc_crew *crew;
  size_t thread;
  pthread_t id;
  uint32_t sleeps; /* HELPER_SLEEPS, STAND_IN_SLEEPS */
  _Atomic int32_t *asleep;
} helper;

struct bnc_crew {
  _Alignas(BNC_ALIGNMENT) _Atomic uint32_t state;
  _Alignas(BNC_ALIGNMENT) _Atomic size_t next;    /* piece that nobody has taken */
  _Alignas(BNC_ALIGNMENT) _Atomic int32_t asleep; /* helpers that nobody has woken */
  _Atomic int32_t stand_in_asleep;                /* as asleep: 1 at most */
  _Atomic uint32_t active;                        /* threads that work; parked ones wait on it */
  /* The job: written while nobody is in it. */
  bnc_crew_task task;
  void *context;
  size_t count, grain, pieces;
  void (*watch)(void *context, size_t thread, uint64_t from, uint64_t to); /* NULL: nobody does */
  void *watcher;
  const bnc_tick_clock *clock; /* the watcher's */
  /* The caller's. */
  bnc_crew_trial trial;
  bool kept; /* the way is not the trial's to choose */
  size_t rows;
  uint64_t begun; /* when the job began, ns */
  /* The stretch of jobs under way: clocks and counts at its start, ns but the sleeps. */
  uint64_t start, start_cpu, end; /* of the last job; 0: there was none */
  long start_sleeps, sleeps, start_disk;
  size_t helpers; /* the stand-in among them */
  helper helper[];
};

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ volatile("yield");
#endif
}

/* As this system call takes it, whatever time_t is. */
typedef struct moment {
  long seconds, nanoseconds;
} moment;

/* Until woken, true; false at that moment of the monotonic clock, NULL for never, or at once where the word has another value. */
static bool sleep_until(_Atomic uint32_t *word, uint32_t value, uint32_t who, const moment *end) {
  return syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value, end, NULL, who) == 0;
}
static bool sleep_on(_Atomic uint32_t *word, uint32_t value, uint32_t who) { return sleep_until(word, value, who, NULL); }
static int wake(_Atomic uint32_t *word, int most, uint32_t who) {
  return (int)syscall(SYS_futex, word, FUTEX_WAKE_BITSET_PRIVATE, most, NULL, NULL, who);
}

static void work(bnc_crew *c, size_t thread) {
  const size_t pieces = c->pieces;
  for (size_t i; (i = atomic_fetch_add_explicit(&c->next, 1, memory_order_relaxed)) < pieces;) {
    const size_t from = i * c->grain;
    c->task(c->context, thread, from, c->count - from < c->grain ? c->count : from + c->grain);
  }
}

/* The caller's time is known to the caller. */
static void work_watched(bnc_crew *c, size_t thread) {
  const uint64_t from = bnc_tick_clock_ns(c->clock);
  const bool late = atomic_load_explicit(&c->next, memory_order_relaxed) >= c->pieces;
  work(c, thread);
  if (!late) c->watch(c->watcher, thread, from, bnc_tick_clock_ns(c->clock));
}

static uint64_t thread_cpu_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool calls(const helper *h, uint32_t state, uint32_t seen) {
  if (state & QUIT) return true;
  return (state & OPEN) && state / GENERATION != seen / GENERATION && (h->thread > 0 || (state & LED));
}

/* The state of a job that this helper has not seen, or the order to quit. Behind a job that was led it sleeps at once: who sleeps is given
   its CPU back sooner than who looked out, and was in nobody's way. */
static uint32_t await_job(const helper *h, uint32_t seen) {
  bnc_crew *c = h->crew;
  uint32_t state;
  const uint64_t start = bnc_clock_ns();
  while (!(seen & LED) && bnc_clock_ns() - start < LOOK_OUT_NS)
    for (int i = 0; i < 16; i++) {
      state = atomic_load_explicit(&c->state, memory_order_acquire);
      if (calls(h, state, seen)) return state;
      relax();
    }
  for (;;) {
    atomic_fetch_add(h->asleep, 1); /* in one order with the states: the caller sees this, or we see its job */
    state = atomic_load(&c->state);
    /* Who wakes a helper counts it as awake. */
    if (calls(h, state, seen) || !sleep_on(&c->state, state, h->sleeps)) atomic_fetch_sub(h->asleep, 1);
    state = atomic_load(&c->state);
    if (calls(h, state, seen)) return state;
  }
}

/* Until this helper is to work, or to quit. True: it was parked. */
static bool park(bnc_crew *c, size_t thread) {
  uint32_t active;
  bool parked = false;
  while ((active = atomic_load(&c->active)) <= thread) {
    sleep_on(&c->active, active, PARKED);
    parked = true;
  }
  return parked;
}

/* The last one closes a job that the caller waits for, in one step: the word that the caller sleeps on does not come back. */
static void leave(bnc_crew *c) {
  uint32_t state = atomic_load_explicit(&c->state, memory_order_relaxed), left;
  do {
    left = state - 1;
    if (!(left & ACTIVE) && (left & WAITED)) left &= ~OPEN;
  } while (!atomic_compare_exchange_weak_explicit(&c->state, &state, left, memory_order_acq_rel, memory_order_relaxed));
  if (!(left & ACTIVE) && (left & WAITED)) wake(&c->state, 1, CALLER_SLEEPS);
}

static void *help(void *context) {
  const helper *h = context;
  bnc_crew *c = h->crew;
  uint32_t seen = h->thread > 0 ? 0 : LED;
  for (;;) {
    uint32_t state = await_job(h, seen);
    if (state & QUIT) return NULL;
    if (park(c, h->thread)) continue;
    if (!atomic_compare_exchange_strong(&c->state, &state, state + 1)) continue;
    seen = state;
    (c->watch && h->thread > 0 ? work_watched : work)(c, h->thread);
    leave(c);
  }
}

/* Until nobody is in the job, and nobody may enter. The caller has said that it waits. */
static void sleep_through(bnc_crew *c) {
  for (uint32_t state; (state = atomic_load_explicit(&c->state, memory_order_acquire)) & (OPEN | ACTIVE);)
    c->sleeps += sleep_on(&c->state, state, CALLER_SLEEPS);
}

/* Until others have done the job. They are never long in coming, but where they have no CPU at all, or stayed behind in a fork. */
static void let_others_work(bnc_crew *c) {
  const uint64_t last = bnc_clock_ns() + NOBODY_NS;
  const moment end = {(long)(last / 1000000000u), (long)(last % 1000000000u)};
  uint32_t state = atomic_load_explicit(&c->state, memory_order_acquire);
  while ((state & OPEN) && !(state & ACTIVE)) {
    const bool woken = sleep_until(&c->state, state, CALLER_SLEEPS, &end);
    c->sleeps += woken;
    if (!woken && errno == ETIMEDOUT && atomic_compare_exchange_strong(&c->state, &state, state & ~OPEN)) {
      work(c, 0);
      return;
    }
    state = atomic_load_explicit(&c->state, memory_order_acquire);
  }
  sleep_through(c);
}

static void wait_for_helpers(bnc_crew *c) {
  uint32_t state = atomic_fetch_and(&c->state, ~(uint32_t)OPEN) & ~(uint32_t)OPEN;
  if (!(state & ACTIVE)) return;
  const uint64_t end = bnc_clock_ns() + LOOK_OUT_NS;
  do {
    for (int i = 0; i < 16 && (state & ACTIVE); i++) {
      relax();
      state = atomic_load_explicit(&c->state, memory_order_acquire);
    }
  } while ((state & ACTIVE) && bnc_clock_ns() < end);
  if (!(state & ACTIVE)) return;
  atomic_fetch_or(&c->state, WAITED);
  sleep_through(c);
}

/* How often this thread gave up its CPU by itself. */
static long own_sleeps(void) {
  struct rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nvcsw : 0;
}

/* How often this process waited for the disk to bring what it had mapped. */
static long disk_waits(void) {
  struct rusage usage;
  return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_majflt : 0;
}

static void start_stretch(bnc_crew *c, uint64_t now) {
  c->start = now;
  c->start_disk = disk_waits();
  c->start_cpu = thread_cpu_ns();
  c->start_sleeps = own_sleeps();
  c->sleeps = 0;
}

/* Time between jobs is the job's to come: there the caller fetches what helpers left in their caches, and there it loses most where its
   CPU is taken, as Linux looks whether a thread's turn is over whenever that asks for its CPU time; not so if it had nothing to do. */
static void begin(bnc_crew *c) {
  const uint64_t now = bnc_clock_ns();
  const bool soon = c->end && now - c->end < GAP_NS;
  c->begun = soon ? c->end : now;
  if (soon) return;
  if (c->end && own_sleeps() - c->start_sleeps <= c->sleeps)
    c->begun = c->end;
  else
    start_stretch(c, now);
}

/* what: tells apart, together with the rows, jobs that take different times. */
static void end(bnc_crew *c, uint64_t what) {
  c->end = bnc_clock_ns();
  if (c->kept) return;
  bnc_crew_trial_job(&c->trial, (what * 31 + c->rows) | 1, c->end - c->begun);
  if (c->end - c->start < STRETCH_NS) return;
  const uint64_t cpu = c->start_cpu, wall = c->end - c->start;
  const long disk = c->start_disk;
  start_stretch(c, c->end);
  if (c->start_disk != disk)
    bnc_crew_trial_forget(&c->trial);
  else
    bnc_crew_trial_add(&c->trial, wall, c->start_cpu - cpu);
}

static void wake_asleep(bnc_crew *c, _Atomic int32_t *asleep, uint32_t who, size_t useful) {
  const int32_t sleepers = atomic_load(asleep);
  if (sleepers <= 0) return;
  const int woken = wake(&c->state, (int)(useful < (size_t)sleepers ? useful : (size_t)sleepers), who);
  if (woken > 0) atomic_fetch_sub(asleep, woken);
}

static void publish(bnc_crew *c, uint32_t how) {
  atomic_store_explicit(&c->next, 0, memory_order_relaxed);
  const uint32_t last = atomic_load_explicit(&c->state, memory_order_relaxed);
  atomic_store(&c->state, last / GENERATION * GENERATION + GENERATION + OPEN + how);
  if (how & LED) wake_asleep(c, &c->stand_in_asleep, STAND_IN_SLEEPS, 1);
  wake_asleep(c, &c->asleep, HELPER_SLEEPS, c->pieces - 1);
}

static bool has_helpers(const bnc_crew *c) { return atomic_load_explicit(&c->active, memory_order_relaxed) > 1; }

static void run_alone(bnc_crew_task task, void *context, size_t count, size_t grain) {
  for (size_t from = 0; from < count; from += grain) task(context, 0, from, count - from < grain ? count : from + grain);
}

void bnc_crew_run(bnc_crew *c, bnc_crew_task task, void *context, size_t count, size_t grain) {
  if (!has_helpers(c)) {
    run_alone(task, context, count, grain);
    return;
  }
  begin(c);
  if (c->trial.way == BNC_CREW_ALONE) {
    run_alone(task, context, count, grain);
  } else {
    c->task = task;
    c->context = context;
    c->count = count;
    c->grain = grain;
    c->pieces = (count - 1) / grain + 1;
    if (c->trial.way == BNC_CREW_LED) {
      publish(c, LED | WAITED);
      let_others_work(c);
    } else {
      publish(c, 0);
      work(c, 0);
      wait_for_helpers(c);
    }
  }
  end(c, ((uint64_t)(uintptr_t)task * 31 + count) * 31 + grain);
}

void bnc_crew_set_rows(bnc_crew *c, size_t rows) { c->rows = rows; }

void bnc_crew_watch(bnc_crew *c, void (*watch)(void *, size_t, uint64_t, uint64_t), void *context, const bnc_tick_clock *clock) {
  c->clock = clock;
  c->watch = watch;
  c->watcher = context;
}

void bnc_crew_set_active(bnc_crew *c, size_t threads) {
  if (atomic_load_explicit(&c->active, memory_order_relaxed) == threads) return;
  atomic_store(&c->active, (uint32_t)threads);
  wake(&c->active, INT_MAX, PARKED);
}

void bnc_crew_keep(bnc_crew *c, bnc_crew_way way) {
  c->kept = true;
  c->trial.way = way == BNC_CREW_LED && !c->trial.can_lead ? BNC_CREW_JOINED : way;
}

bool bnc_crew_enter(bnc_crew *c) {
  if (!has_helpers(c)) return false;
  begin(c);
  return c->trial.way != BNC_CREW_ALONE;
}

void bnc_crew_leave(bnc_crew *c, const void *what) {
  if (has_helpers(c)) end(c, (uintptr_t)what);
}

static bool start(bnc_crew *c, size_t thread) {
  helper *h = &c->helper[c->helpers];
  *h = thread > 0 ? (helper){c, thread, .sleeps = HELPER_SLEEPS, .asleep = &c->asleep}
                  : (helper){c, thread, .sleeps = STAND_IN_SLEEPS, .asleep = &c->stand_in_asleep};
  if (pthread_create(&h->id, NULL, help, h) != 0) return false;
  c->helpers++;
  return true;
}

size_t bnc_crew_create(bnc_crew **crew, size_t helpers) {
  *crew = NULL;
  bnc_crew *c = bnc_mem_zalloc(sizeof *c + (helpers + 1) * sizeof *c->helper);
  if (!c) return 0;
  atomic_init(&c->active, UINT32_MAX);
  while (c->helpers < helpers && start(c, c->helpers + 1)) {
  }
  const size_t started = c->helpers;
  if (started == helpers) {
    c->trial.can_lead = start(c, 0);
    *crew = c;
  } else {
    bnc_crew_destroy(c);
  }
  return started;
}

void bnc_crew_destroy(bnc_crew *c) {
  if (!c) return;
  atomic_fetch_or(&c->state, QUIT);
  wake(&c->state, INT_MAX, HELPER_SLEEPS | STAND_IN_SLEEPS);
  bnc_crew_set_active(c, UINT32_MAX);
  for (size_t i = 0; i < c->helpers; i++) pthread_join(c->helper[i].id, NULL);
  bnc_mem_free(c);
}
