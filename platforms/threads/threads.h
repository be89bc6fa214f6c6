/* SPDX-License-Identifier: Apache-2.0 */
/** @file threads.h  The one thread pool: XNNPACK's operators and our own kernels run on it. */
#ifndef BINOCLE_PLATFORMS_THREADS_THREADS_H
#define BINOCLE_PLATFORMS_THREADS_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"
#include "platforms/base/tick_clock.h"

#define BNC_POOL_MAX_THREADS 1024

typedef struct bnc_pool bnc_pool;
struct pthreadpool;

/**
 * A pool of `threads` threads, the caller's among them; 0: bnc_pool_default_threads(). More than BNC_POOL_MAX_THREADS is
 * BNC_ERROR_LIMIT, more than the system lets live is BNC_ERROR_MEMORY. A pool serves one caller at a time.
 * One thread more, where the system lets it live, sleeps until other programs hold the CPUs, and then works in the caller's place (crew.h).
 *
 * Where the machine has little cores, and big ones for all threads, the pool's stay on the big ones (the caller's goes where it likes, and
 * is expected on one of them), so that none starts, or wakes up after idling, on a little one.
 */
bnc_status bnc_pool_create(bnc_pool **pool, size_t threads, bnc_error *err);
void bnc_pool_destroy(bnc_pool *pool);
size_t bnc_pool_threads(const bnc_pool *pool);
/** The big cores (physical ones) that this process may run on, affinity mask and cgroup quota respected; at least 1. */
size_t bnc_pool_default_threads(void);
/** The logical CPUs of the affinity mask, at least 1. */
size_t bnc_pool_allowed_cpus(void);
/** CPUs' worth of time that the control groups (v1, v2) of this process grant; 0: no limit. */
double bnc_cpu_quota(void);

/** One piece of work: the items [from, to) of a range. What an item computes must not depend on how the range is cut. */
typedef void (*bnc_pool_task)(void *context, size_t from, size_t to);
/** Runs task over [0, count) in pieces of `grain` items (the last may be shorter) and waits for all. Never allocates. */
void bnc_pool_run(bnc_pool *pool, bnc_pool_task task, void *context, size_t count, size_t grain);

/** As bnc_pool_task, with the number of the thread that runs it, in [0, bnc_pool_threads): for scratch memory of its own. */
typedef void (*bnc_pool_thread_task)(void *context, size_t thread, size_t from, size_t to);
void bnc_pool_run_threads(bnc_pool *pool, bnc_pool_thread_task task, void *context, size_t count, size_t grain);

/** Runs so far whose pieces were offered to other threads, so that the caller had to wait for whoever took one. */
uint64_t bnc_pool_joins(const bnc_pool *pool);

/** When a thread other than the caller's worked on a piece of a run, by the watcher's clock. Called on that thread, before the run returns.
 */
typedef void (*bnc_pool_watch)(void *context, size_t thread, uint64_t from, uint64_t to);
/** From the next run on; watch NULL: no longer. XNNPACK's threads are not watched. */
void bnc_pool_set_watch(bnc_pool *pool, bnc_pool_watch watch, void *context, const bnc_tick_clock *clock);

/** From the next run on, so many threads work at most, at least 1; the rest is parked. XNNPACK's operators run on all of the pool's threads
 * or, where that is 1, on the caller's alone. Results do not depend on it. */
void bnc_pool_set_active(bnc_pool *pool, size_t threads);

/** The runs to come are of so many rows, by which those of one task take different times: the pool learns from runs that are alike. */
void bnc_pool_set_rows(bnc_pool *pool, size_t rows);

/** Starts what XNNPACK takes; once is enough. */
bnc_status bnc_pool_start_native(bnc_pool *pool, bnc_error *err);
/** What XNNPACK takes for one run of an operator, which must be told to let threads sleep (XNN_FLAG_YIELD_WORKERS): the pool's own work
    while its have none. NULL, the caller's thread alone: for a pool of one thread, one whose native threads nobody started, and where
    other programs hold the CPUs so that threads do not pay. */
struct pthreadpool *bnc_pool_enter_native(bnc_pool *pool);
/** Behind that run, with the operator. */
void bnc_pool_leave_native(bnc_pool *pool, const void *what);

#endif
