/* SPDX-License-Identifier: Apache-2.0 */
/* A round takes minutes on a small board: temperature and clock are looked at meanwhile. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "runtime/program/bench/bench.h"

typedef struct watcher {
  bnc_bench_watch *watch;
  double seconds;
  bool stop; /* under mutex */
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
} watcher;

static void look(bnc_bench_watch *watch) {
  if (watch->count == BNC_BENCH_ROUNDS) return;
  bnc_machine_state *state = &watch->state[watch->count++];
  state->size = sizeof *state;
  bnc_machine_look(state);
}

static void *run(void *context) {
  watcher *w = context;
  struct timespec next;
  pthread_mutex_lock(&w->mutex);
  clock_gettime(CLOCK_MONOTONIC, &next);
  while (!w->stop) {
    const double at = (double)next.tv_nsec * 1e-9 + w->seconds;
    next.tv_sec += (time_t)at;
    next.tv_nsec = (long)((at - (double)(time_t)at) * 1e9);
    int waited = 0;
    while (!w->stop && waited != ETIMEDOUT) waited = pthread_cond_timedwait(&w->wake, &w->mutex, &next);
    if (!w->stop) look(w->watch);
  }
  pthread_mutex_unlock(&w->mutex);
  return NULL;
}

void bnc_bench_watch_start(bnc_bench_watch *watch, double seconds) {
  pthread_condattr_t attr;
  watcher *w = calloc(1, sizeof *w);
  watch->state = calloc(BNC_BENCH_ROUNDS, sizeof *watch->state);
  if (!w || !watch->state) {
    free(w);
    return;
  }
  w->watch = watch;
  w->seconds = seconds;
  pthread_mutex_init(&w->mutex, NULL);
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&w->wake, &attr);
  pthread_condattr_destroy(&attr);
  look(watch);
  if (pthread_create(&w->thread, NULL, run, w) == 0)
    watch->thread = w;
  else
    free(w);
}

void bnc_bench_watch_stop(bnc_bench_watch *watch) {
  watcher *w = watch->thread;
  if (!w) return;
  pthread_mutex_lock(&w->mutex);
  w->stop = true;
  pthread_cond_signal(&w->wake);
  pthread_mutex_unlock(&w->mutex);
  pthread_join(w->thread, NULL);
  look(watch);
  pthread_cond_destroy(&w->wake);
  pthread_mutex_destroy(&w->mutex);
  free(w);
  watch->thread = NULL;
}
