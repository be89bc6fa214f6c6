/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file crew.h  The threads behind a pool. A job is a range in pieces that whoever is awake takes one by one from a counter. The caller
 * works too, and waits only for threads that hold a piece when none are left: a thread that sleeps, or that has no CPU, misses the job and
 * delays nobody. Who finds nothing to do looks out for some microseconds, then sleeps.
 *
 * Where other programs hold the CPUs, a thread may lose its own in the middle of a piece, and all wait until it comes back; while the
 * caller has none, nobody hands out the next job. There a stand-in, one thread more, takes pieces in the caller's place: the caller itself
 * has so little to do that it is given a CPU whenever a job ends, and the others sleep in between, for which the scheduler gives them their
 * turn sooner, and less often in the middle of a piece. crew_trial.h finds out which way pays.
 */
#ifndef BINOCLE_PLATFORMS_THREADS_CREW_H
#define BINOCLE_PLATFORMS_THREADS_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/tick_clock.h"
#include "platforms/threads/crew_trial.h"

typedef struct bnc_crew bnc_crew;
typedef void (*bnc_crew_task)(void *context, size_t thread, size_t from, size_t to);

/** `helpers` threads besides the caller's. Returns how many could be started; *crew is NULL unless all could. */
size_t bnc_crew_create(bnc_crew **crew, size_t helpers);
void bnc_crew_destroy(bnc_crew *crew);

/** Runs task over [0, count) in pieces of `grain`. The caller is thread 0, helpers count from 1. */
void bnc_crew_run(bnc_crew *crew, bnc_crew_task task, void *context, size_t count, size_t grain);

/** From the next job on, so many threads work, the caller among them; the others sleep, parked, and no job wakes them. Between jobs. */
void bnc_crew_set_active(bnc_crew *crew, size_t threads);

/** From the next job on, each helper tells after its pieces of a job when it worked on them, by that clock; NULL: no longer. Between jobs.
 */
void bnc_crew_watch(bnc_crew *crew, void (*watch)(void *context, size_t thread, uint64_t from, uint64_t to), void *context,
                    const bnc_tick_clock *clock);

/** The jobs to come are of so many rows: what one task takes hangs on that, and the crew learns from jobs that are alike. */
void bnc_crew_set_rows(bnc_crew *crew, size_t rows);

/** From the next job on, only that way, however long jobs take; BNC_CREW_LED on a crew that has no stand-in is BNC_CREW_JOINED. Between
 * jobs. For tests. */
void bnc_crew_keep(bnc_crew *crew, bnc_crew_way way);

/** Around work on threads of somebody else's: whether such threads pay now. */
bool bnc_crew_enter(bnc_crew *crew);
/** what: the same place for the same work. */
void bnc_crew_leave(bnc_crew *crew, const void *what);

#endif
