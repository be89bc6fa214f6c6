/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/energy/meter.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "platforms/energy/meter_source.h"

#define TICK_NS 100000000L

/* What one meter has gathered since start. */
typedef struct gathered {
  uint64_t samples, lost;
  uint64_t first_ns, last_ns;
  double joules, last_watts;
  uint64_t counter[BNC_METER_MAX_RAILS];
} gathered;

struct bnc_meter_set {
  size_t count;
  bnc_meter_source sources[BNC_METER_MAX];
  gathered data[BNC_METER_MAX]; /* under mutex while the sampler runs */
  bool running, measured;
  bool stop; /* likewise */
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
};

const char *bnc_meter_kind_name(bnc_meter_kind kind) {
  static const char *const names[] = {"board", "battery", "package", "sensor"};
  return (unsigned)kind < sizeof names / sizeof names[0] ? names[kind] : "unknown";
}

bnc_status bnc_meter_set_open(bnc_meter_set **set, bnc_error *err) {
  *set = NULL;
  bnc_meter_set *s = bnc_mem_zalloc(sizeof *s);
  if (!s) return bnc_fail_memory(err, sizeof *s);
  pthread_condattr_t attr;
  pthread_mutex_init(&s->mutex, NULL);
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&s->wake, &attr);
  pthread_condattr_destroy(&attr);
  s->count = bnc_meter_find(s->sources, BNC_METER_MAX);
  *set = s;
  return BNC_OK;
}

void bnc_meter_set_close(bnc_meter_set *s) {
  if (!s) return;
  if (s->running) bnc_meter_set_stop(s, NULL);
  pthread_cond_destroy(&s->wake);
  pthread_mutex_destroy(&s->mutex);
  bnc_mem_free(s);
}

size_t bnc_meter_set_count(const bnc_meter_set *s) { return s->count; }
const bnc_meter_info *bnc_meter_set_info(const bnc_meter_set *s, size_t i) { return &s->sources[i].info; }

static void sample_counter(const bnc_meter_source *source, gathered *g) {
  uint64_t now[BNC_METER_MAX_RAILS];
  for (size_t r = 0; r < source->rail_count; r++)
    if (!bnc_meter_read_counter(source, r, &now[r])) {
      g->lost++;
      return;
    }
  if (g->samples > 0)
    for (size_t r = 0; r < source->rail_count; r++)
      g->joules += 1e-6 * (double)bnc_meter_counter_delta(g->counter[r], now[r], source->rails[r].range);
  memcpy(g->counter, now, source->rail_count * sizeof now[0]);
  g->last_ns = bnc_clock_ns();
  if (g->samples++ == 0) g->first_ns = g->last_ns;
}

/* Trapezoids between readings; a lost reading makes one of them longer. */
static void sample_power(const bnc_meter_source *source, gathered *g) {
  double watts;
  if (!bnc_meter_read_watts(source, &watts)) {
    g->lost++;
    return;
  }
  uint64_t now = bnc_clock_ns();
  if (g->samples > 0) g->joules += 0.5 * (g->last_watts + watts) * bnc_clock_seconds(g->last_ns, now);
  g->last_watts = watts;
  g->last_ns = now;
  if (g->samples++ == 0) g->first_ns = now;
}

static void sample_one(bnc_meter_set *s, size_t i) {
  if (s->sources[i].method == BNC_METER_COUNTER_UJ)
    sample_counter(&s->sources[i], &s->data[i]);
  else
    sample_power(&s->sources[i], &s->data[i]);
}

static void sample(bnc_meter_set *s, uint64_t tick, bool all) {
  for (size_t i = 0; i < s->count; i++)
    if (s->sources[i].info.available && (all || tick % s->sources[i].every == 0)) sample_one(s, i);
}

static void *sampler(void *context) {
  bnc_meter_set *s = context;
  struct timespec next;
  clock_gettime(CLOCK_MONOTONIC, &next);
  for (uint64_t tick = 1;; tick++) {
    next.tv_nsec += TICK_NS;
    if (next.tv_nsec >= 1000000000L) {
      next.tv_nsec -= 1000000000L;
      next.tv_sec++;
    }
    pthread_mutex_lock(&s->mutex);
    while (!s->stop && pthread_cond_timedwait(&s->wake, &s->mutex, &next) == 0) {
    }
    bool stop = s->stop;
    if (!stop) sample(s, tick, false);
    pthread_mutex_unlock(&s->mutex);
    if (stop) return NULL;
  }
}

bnc_status bnc_meter_set_start(bnc_meter_set *s, bnc_error *err) {
  if (s->running) return bnc_fail(err, BNC_ERROR_ARGUMENT, "the meters run already");
  memset(s->data, 0, sizeof s->data);
  s->stop = false;
  s->measured = false;
  sample(s, 0, true);
  int code = pthread_create(&s->thread, NULL, sampler, s);
  if (code) return bnc_fail(err, BNC_ERROR_MEMORY, "cannot start the meters' thread: %s", strerror(code));
  s->running = true;
  return BNC_OK;
}

bnc_status bnc_meter_set_stop(bnc_meter_set *s, bnc_error *err) {
  if (!s->running) return bnc_fail(err, BNC_ERROR_ARGUMENT, "the meters do not run");
  pthread_mutex_lock(&s->mutex);
  s->stop = true;
  pthread_cond_signal(&s->wake);
  pthread_mutex_unlock(&s->mutex);
  pthread_join(s->thread, NULL);
  sample(s, 0, true);
  s->running = false;
  s->measured = true;
  return BNC_OK;
}

bool bnc_meter_set_now(bnc_meter_set *s, size_t i, double *joules) {
  if (!s->running || i >= s->count || !s->sources[i].info.available) return false;
  pthread_mutex_lock(&s->mutex);
  const uint64_t lost = s->data[i].lost;
  sample_one(s, i);
  *joules = s->data[i].joules;
  const bool good = s->data[i].lost == lost;
  pthread_mutex_unlock(&s->mutex);
  return good;
}

bnc_meter_reading bnc_meter_set_reading(const bnc_meter_set *s, size_t i) {
  bnc_meter_reading r = {0};
  if (i >= s->count || !s->measured) return r;
  const gathered *g = &s->data[i];
  r.samples = g->samples;
  r.lost = g->lost;
  if (g->samples < 2 || g->last_ns <= g->first_ns) return r;
  r.valid = true;
  r.joules = g->joules;
  r.seconds = bnc_clock_seconds(g->first_ns, g->last_ns);
  r.watts = r.joules / r.seconds;
  return r;
}

bool bnc_meter_set_best(const bnc_meter_set *s, size_t *best) {
  bool found = false;
  for (size_t i = 0; i < s->count; i++) {
    bool good = s->measured ? bnc_meter_set_reading(s, i).valid : s->sources[i].info.available;
    if (!good || (found && s->sources[i].info.kind >= s->sources[*best].info.kind)) continue;
    *best = i;
    found = true;
  }
  return found;
}
