/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/profile/profile_sampler.h"

#include <math.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "platforms/energy/thermal.h"
#include "platforms/machine/usage.h"

#define THROTTLE_NS 1000000000u /* between questions that may start a program (vcgencmd) */

struct bnc_profile_sampler {
  bnc_energy *energy;
  bnc_profile_sample *sample; /* [BNC_SAMPLES_MAX] */
  size_t count;
  uint64_t every; /* ns */
  uint64_t cost;
  uint64_t usual; /* ns that the quickest reading of the meter took */
  uint64_t asked; /* when about throttling */
  bnc_throttle throttle;
  uint32_t clocks; /* bit i: CPU i tells its clock */
  bool running;
  bool stop; /* under mutex */
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
};

bnc_status bnc_profile_sampler_create(bnc_profile_sampler **sampler, bnc_energy *energy, unsigned sample_ms, bnc_error *err) {
  bnc_profile_sampler *s = bnc_mem_zalloc(sizeof *s);
  pthread_condattr_t attr;
  *sampler = s;
  if (!s) return bnc_fail_memory(err, sizeof *s);
  s->energy = energy;
  s->every = (uint64_t)(sample_ms ? sample_ms : BNC_SAMPLE_MS) * 1000000u;
  s->clocks = UINT32_MAX;
  s->usual = UINT64_MAX / 4;
  pthread_mutex_init(&s->mutex, NULL);
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&s->wake, &attr);
  pthread_condattr_destroy(&attr);
  s->sample = bnc_mem_alloc(BNC_SAMPLES_MAX * sizeof *s->sample);
  return s->sample ? BNC_OK : bnc_fail_memory(err, BNC_SAMPLES_MAX * sizeof *s->sample);
}

/* The moment is the middle of the reading. One during which this thread lost its CPU says too little of when it was: again, a few times. */
static void read_energy(bnc_profile_sampler *s, bnc_profile_sample *x) {
  uint64_t took = UINT64_MAX;
  x->joules = (double)NAN;
  x->at = bnc_clock_ns();
  for (int i = 0; s->energy && i < 4; i++) {
    const uint64_t start = bnc_clock_ns();
    const double joules = bnc_energy_joules(s->energy);
    const uint64_t end = bnc_clock_ns();
    if (end - start < took) {
      took = end - start;
      x->joules = joules;
      x->at = start + took / 2;
    }
    if (took < s->usual) s->usual = took;
    if (took <= 2 * s->usual + 1000000) return;
  }
}

static void take(bnc_profile_sampler *s) {
  bnc_usage usage;
  const uint64_t start = bnc_usage_thread_cpu_ns();
  if (s->count == BNC_SAMPLES_MAX) {
    for (size_t i = 0; i < BNC_SAMPLES_MAX / 2; i++) s->sample[i] = s->sample[2 * i];
    s->count = BNC_SAMPLES_MAX / 2;
    s->every *= 2;
  }
  const uint64_t now = bnc_clock_ns();
  if (s->count == 0 || now - s->asked >= THROTTLE_NS) {
    bnc_throttle_read(&s->throttle);
    s->asked = now;
  }
  bnc_usage_read(&usage);
  bnc_profile_sample *x = &s->sample[s->count++];
  *x = (bnc_profile_sample){.cpu = bnc_usage_cpu_ns(),
                            .rss = usage.rss_bytes,
                            .minor = usage.minor_faults,
                            .major = usage.major_faults,
                            .celsius = bnc_thermal_hottest(),
                            .mhz = bnc_frequency_fastest(&s->clocks),
                            .throttled = s->throttle.now,
                            .throttle_events = s->throttle.events};
  read_energy(s, x);
  s->cost += bnc_usage_thread_cpu_ns() - start;
}

static void *sample_on(void *context) {
  bnc_profile_sampler *s = context;
  struct timespec next;
  pthread_mutex_lock(&s->mutex);
  while (!s->stop) {
    clock_gettime(CLOCK_MONOTONIC, &next);
    const uint64_t at = (uint64_t)next.tv_nsec + s->every;
    next.tv_sec += (time_t)(at / 1000000000u);
    next.tv_nsec = (long)(at % 1000000000u);
    int waited = 0;
    while (!s->stop && waited == 0) waited = pthread_cond_timedwait(&s->wake, &s->mutex, &next);
    if (!s->stop) take(s);
  }
  pthread_mutex_unlock(&s->mutex);
  return NULL;
}

bnc_status bnc_profile_sampler_start(bnc_profile_sampler *s, bnc_error *err) {
  take(s);
  s->cost = 0;
  const int code = pthread_create(&s->thread, NULL, sample_on, s);
  if (code) return bnc_fail(err, BNC_ERROR_MEMORY, "cannot start the profile's thread: %s", strerror(code));
  s->running = true;
  return BNC_OK;
}

void bnc_profile_sampler_stop(bnc_profile_sampler *s) {
  if (!s || !s->running) return;
  pthread_mutex_lock(&s->mutex);
  s->stop = true;
  pthread_cond_signal(&s->wake);
  pthread_mutex_unlock(&s->mutex);
  pthread_join(s->thread, NULL);
  s->running = false;
  take(s);
}

void bnc_profile_sampler_destroy(bnc_profile_sampler *s) {
  if (!s) return;
  bnc_profile_sampler_stop(s);
  pthread_cond_destroy(&s->wake);
  pthread_mutex_destroy(&s->mutex);
  bnc_mem_free(s->sample);
  bnc_mem_free(s);
}

size_t bnc_profile_sampler_get(const bnc_profile_sampler *s, const bnc_profile_sample **samples) {
  *samples = s->sample;
  return s->count;
}

uint64_t bnc_profile_sampler_cost(const bnc_profile_sampler *s) { return s->cost; }

void bnc_profile_sampler_report(const bnc_profile_sampler *s, bnc_energy_report *report) {
  if (s->energy) bnc_energy_get_report(s->energy, report);
}

/* Joules at a moment; those before the first sample and behind the last are the same as there. */
static double joules_at(const bnc_profile_sampler *s, uint64_t at) {
  size_t low = 0, high = s->count - 1;
  if (at <= s->sample[low].at) return s->sample[low].joules;
  if (at >= s->sample[high].at) return s->sample[high].joules;
  while (high - low > 1) {
    const size_t middle = low + (high - low) / 2;
    *(s->sample[middle].at <= at ? &low : &high) = middle;
  }
  const bnc_profile_sample *a = &s->sample[low], *b = &s->sample[high];
  return a->joules + (b->joules - a->joules) * ((double)(at - a->at) / (double)(b->at - a->at));
}

double bnc_profile_sampler_joules(const bnc_profile_sampler *s, uint64_t from, uint64_t to) {
  return s->count < 2 ? (double)NAN : joules_at(s, to) - joules_at(s, from);
}
