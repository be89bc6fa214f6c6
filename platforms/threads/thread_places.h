/* SPDX-License-Identifier: Apache-2.0 */
/** @file thread_places.h  How many threads pay on this machine, and where. */
#ifndef BINOCLE_PLATFORMS_THREADS_THREAD_PLACES_H
#define BINOCLE_PLATFORMS_THREADS_THREAD_PLACES_H

#include <sched.h>
#include <stddef.h>

typedef struct bnc_thread_places {
  size_t threads;   /* bnc_pool_default_threads */
  size_t big_count; /* where the machine has little cores: the big ones that this process may run on; else 0 */
  cpu_set_t big;    /* one CPU of each of them */
} bnc_thread_places;

void bnc_thread_places_find(bnc_thread_places *places);

#endif
