/* SPDX-License-Identifier: Apache-2.0 */
/** @file threads.h  The one thread pool: XNNPACK's operators and our own kernels run on it. */
#ifndef BINOCLE_PLATFORMS_THREADS_THREADS_H
#define BINOCLE_PLATFORMS_THREADS_THREADS_H

#include <stdbool.h>
#include <stddef.h>

#include "platforms/base/error.h"

#define BNC_POOL_MAX_THREADS 1024

typedef struct bnc_pool bnc_pool;
struct pthreadpool;

/**
 * A pool of `threads` threads, the caller's among them; 0: bnc_pool_default_threads(). More than BNC_POOL_MAX_THREADS is
 * BNC_ERROR_LIMIT, more than the system lets live is BNC_ERROR_MEMORY. A pool serves one caller at a time.
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

/** Where the machine has little cores: one CPU of each big core that this process may run on. Else 0: all cores are alike. */
size_t bnc_pool_big_cpus(unsigned *list /* [BNC_CPU_MAX_CPUS] */);

/**
 * Ties each worker to a big core of its own (the caller's thread stays free, and is expected on the first), so that none starts, or wakes
 * up after idling, on a little one. Does nothing where all cores are alike, since programs side by side would meet on the same ones, where
 * the big ones are fewer than the threads, or the system refuses. Returns how many were tied.
 */
size_t bnc_pool_pin(bnc_pool *pool);

/** One piece of work: the items [from, to) of a range. What an item computes must not depend on how the range is cut. */
typedef void (*bnc_pool_task)(void *context, size_t from, size_t to);
/** Runs task over [0, count) in pieces of `grain` items (the last may be shorter) and waits for all. Never allocates. */
void bnc_pool_run(bnc_pool *pool, bnc_pool_task task, void *context, size_t count, size_t grain);

/** As bnc_pool_task, with the number of the thread that runs it, in [0, bnc_pool_threads): for scratch memory of its own. */
typedef void (*bnc_pool_thread_task)(void *context, size_t thread, size_t from, size_t to);
void bnc_pool_run_threads(bnc_pool *pool, bnc_pool_thread_task task, void *context, size_t count, size_t grain);

/** What XNNPACK takes; NULL for a pool of one thread. */
struct pthreadpool *bnc_pool_native(bnc_pool *pool);
/** More threads than CPUs: workers sleep instead of spinning between runs. XNNPACK operators should get XNN_FLAG_YIELD_WORKERS then. */
bool bnc_pool_yields(const bnc_pool *pool);

#endif
