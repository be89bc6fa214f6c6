/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/energy/meter.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "platforms/base/mem.h"
#include "platforms/energy/meter_command.h"
#include "platforms/energy/meter_integral.h"
#include "platforms/machine/usage.h"

#define TICK_NS 100000000L

#define NONE SIZE_MAX

struct bnc_meter_set {
  size_t count;
  bnc_meter_source sources[BNC_METER_MAX];
  bnc_meter_integral data[BNC_METER_MAX]; /* under mutex while the sampler runs */
  size_t picked;                          /* NONE: every available one is sampled */
  bnc_meter_command *command;             /* NULL: none was started */
  uint64_t cost_ns;                       /* under mutex too */
  bool running, measured;
  bool stop; /* likewise */
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
};

const char *bnc_meter_kind_name(bnc_meter_kind kind) {
  static const char *const names[] = {"external", "board", "battery", "package", "sensor"};
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
  s->picked = NONE;
  s->count = bnc_meter_find(s->sources, BNC_METER_MAX);
  *set = s;
  return BNC_OK;
}

void bnc_meter_set_close(bnc_meter_set *s) {
  if (!s) return;
  if (s->running) bnc_meter_set_stop(s, NULL);
  bnc_meter_command_stop(s->command);
  pthread_cond_destroy(&s->wake);
  pthread_mutex_destroy(&s->mutex);
  bnc_mem_free(s);
}

size_t bnc_meter_set_count(const bnc_meter_set *s) { return s->count; }
const bnc_meter_info *bnc_meter_set_info(const bnc_meter_set *s, size_t i) { return &s->sources[i].info; }

/* Programs that reading runs have ended by then. */
static uint64_t spent_ns(const bnc_meter_source *source) {
  struct rusage children;
  uint64_t ns = bnc_usage_thread_cpu_ns();
  if (source->method != BNC_METER_PMIC || getrusage(RUSAGE_CHILDREN, &children) != 0) return ns;
  ns += (uint64_t)(children.ru_utime.tv_sec + children.ru_stime.tv_sec) * 1000000000u;
  return ns + (uint64_t)(children.ru_utime.tv_usec + children.ru_stime.tv_usec) * 1000u;
}

static void sample_one(bnc_meter_set *s, size_t i) {
  const uint64_t start = spent_ns(&s->sources[i]);
  bnc_meter_sample(&s->sources[i], &s->data[i], 0);
  s->cost_ns += spent_ns(&s->sources[i]) - start;
}

static bool is_sampled(const bnc_meter_set *s, size_t i) { return s->picked == NONE ? s->sources[i].info.available : s->picked == i; }

static void sample(bnc_meter_set *s, uint64_t tick, bool all) {
  for (size_t i = 0; i < s->count; i++)
    if (is_sampled(s, i) && (all || tick % s->sources[i].every == 0)) sample_one(s, i);
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
  s->cost_ns = 0;
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
  if (!s->running || i >= s->count || !is_sampled(s, i)) return false;
  pthread_mutex_lock(&s->mutex);
  const uint64_t lost = s->data[i].lost;
  sample_one(s, i);
  *joules = s->data[i].joules;
  const bool good = s->data[i].lost == lost;
  pthread_mutex_unlock(&s->mutex);
  return good;
}

bnc_meter_reading bnc_meter_set_reading(bnc_meter_set *s, size_t i) {
  bnc_meter_reading r = {0};
  if (i >= s->count || !(s->measured || s->running)) return r;
  pthread_mutex_lock(&s->mutex);
  r = bnc_meter_integral_reading(&s->data[i]);
  pthread_mutex_unlock(&s->mutex);
  return r;
}

uint64_t bnc_meter_set_cost_ns(bnc_meter_set *s) {
  pthread_mutex_lock(&s->mutex);
  const uint64_t cost = s->cost_ns;
  pthread_mutex_unlock(&s->mutex);
  return cost;
}

/* Whether `name` is all of a meter's name, or words in front of it. */
static bool is_named(const bnc_meter_info *info, const char *name) {
  const size_t length = strlen(name);
  return !name[0] || (strncmp(info->name, name, length) == 0 && (!info->name[length] || info->name[length] == ' '));
}

static bool find_best(bnc_meter_set *s, const char *name, size_t *best) {
  bool found = false;
  for (size_t i = 0; i < s->count; i++) {
    const bool good = s->measured ? bnc_meter_set_reading(s, i).valid : s->sources[i].info.available;
    if (!good || !is_named(&s->sources[i].info, name)) continue;
    if (found && s->sources[i].info.kind >= s->sources[*best].info.kind) continue;
    *best = i;
    found = true;
  }
  return found;
}

bool bnc_meter_set_best(bnc_meter_set *s, size_t *best) {
  if (s->picked == NONE) return find_best(s, "", best);
  *best = s->picked;
  return !s->measured || bnc_meter_set_reading(s, s->picked).valid;
}

/* Why there is no such meter. */
static bnc_status refuse_name(const bnc_meter_set *s, const char *name, bnc_error *err) {
  char all[256] = "";
  size_t used = 0;
  for (size_t i = 0; i < s->count; i++) {
    const bnc_meter_info *info = &s->sources[i].info;
    if (!info->available && is_named(info, name))
      return bnc_fail(err, BNC_ERROR_ARGUMENT, "energy meter '%.60s' cannot be used: %s", name, info->reason);
    if (info->available && used < sizeof all) used += (size_t)snprintf(all + used, sizeof all - used, "'%.60s', ", info->name);
  }
  return bnc_fail(err, BNC_ERROR_ARGUMENT, "there is no energy meter '%.60s' on this machine, expected %s'none'", name, all);
}

bnc_status bnc_meter_set_choose(bnc_meter_set *s, const char *name, bool *found, bnc_error *err) {
  size_t best;
  *found = find_best(s, name ? name : "", &best);
  if (*found) s->picked = best;
  return *found || !name ? BNC_OK : refuse_name(s, name, err);
}

bnc_status bnc_meter_set_add_command(bnc_meter_set *s, const char *command, bnc_error *err) {
  if (s->count == BNC_METER_MAX) return bnc_fail(err, BNC_ERROR_LIMIT, "this machine has too many meters to add one");
  const bnc_status status = bnc_meter_command_start(&s->command, command, err);
  if (status != BNC_OK) return status;
  bnc_meter_source *source = &s->sources[s->count];
  *source = (bnc_meter_source){.method = BNC_METER_COMMAND, .every = 1, .command = s->command};
  source->info = (bnc_meter_info){.kind = BNC_METER_EXTERNAL, .available = true, .counter = true};
  snprintf(source->info.name, sizeof source->info.name, "command %.80s", command);
  s->picked = s->count++;
  return BNC_OK;
}

bnc_meter_command *bnc_meter_set_command(const bnc_meter_set *s) { return s->command; }
