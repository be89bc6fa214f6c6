/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/profile/profile_record.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "platforms/base/array.h"

#define FIRST_LAPS ((size_t)256 << 10) /* 4 MB */

const char *bnc_phase_name(bnc_phase_kind kind) {
  static const char *const names[BNC_PHASES] = {"load", "session", "pack", "picture", "resample", "vision", "prefill", "token", "sampling"};
  return (unsigned)kind < BNC_PHASES ? names[kind] : "?";
}

bnc_program_id bnc_phase_program(bnc_phase_kind kind) {
  switch (kind) {
    case BNC_PHASE_VISION: return BNC_PROGRAM_VISION;
    case BNC_PHASE_PREFILL: return BNC_PROGRAM_PREFILL;
    case BNC_PHASE_TOKEN: return BNC_PROGRAM_DECODE;
    default: return BNC_PROGRAMS;
  }
}

/* On the helper's thread, within its op: what it reads of the profile was written before the op began. */
static void on_watch(void *context, size_t thread, uint64_t from, uint64_t to) {
  const bnc_profile *p = context;
  if (thread == 0 || thread > p->workers) return;
  bnc_profile_worker *w = &p->worker[thread - 1];
  if (w->count < BNC_PROFILE_SLICES)
    w->slice[w->count++] = (bnc_profile_slice){from, to - from, p->count + p->laps.done};
  else
    w->left_out++;
}

static bnc_status start_workers(bnc_profile *p, bnc_error *err) {
  const size_t helpers = bnc_pool_threads(p->pool) - 1;
  p->worker = bnc_mem_array(helpers + 1, sizeof *p->worker);
  if (!p->worker) return bnc_fail_memory(err, helpers * sizeof *p->worker);
  for (; p->workers < helpers; p->workers++) {
    p->worker[p->workers].slice = bnc_mem_alloc(BNC_PROFILE_SLICES * sizeof(bnc_profile_slice));
    if (!p->worker[p->workers].slice) return bnc_fail_memory(err, BNC_PROFILE_SLICES * sizeof(bnc_profile_slice));
  }
  bnc_pool_set_watch(p->pool, on_watch, p, &p->laps.clock);
  return BNC_OK;
}

/* Room was made before the run began. */
static void read_cpu(bnc_profile *p, uint64_t now) {
  p->reading[p->readings++] = (bnc_profile_reading){p->count + p->laps.done, now, bnc_usage_cpu_ns()};
  p->laps.next = now + BNC_CPU_EVERY_NS;
}

static void on_look(void *context, uint64_t now) { read_cpu(context, now); }

static bnc_status reserve_readings(bnc_profile *p, size_t more, bnc_error *err) {
  return bnc_array_reserve(&p->reading, &p->reading_capacity, p->readings + more, sizeof *p->reading)
             ? BNC_OK
             : bnc_fail_memory(err, (p->readings + more) * sizeof *p->reading);
}

/* The first laps find their pages there: a page costs more than what is written to it. */
static bnc_status make_room(bnc_profile *p, bnc_error *err) {
  size_t most = 1;
  if (!bnc_array_reserve(&p->lap, &p->capacity, FIRST_LAPS, sizeof *p->lap)) return bnc_fail_memory(err, FIRST_LAPS * sizeof *p->lap);
  memset(p->lap, 0, FIRST_LAPS * sizeof *p->lap);
  for (size_t id = 0; id < BNC_PROGRAMS; id++)
    if (p->file->program[id].head && p->file->program[id].head->ops > most) most = p->file->program[id].head->ops;
  p->spare = bnc_mem_array(most, sizeof *p->spare);
  return p->spare ? BNC_OK : bnc_fail_memory(err, most * sizeof *p->spare);
}

bnc_status bnc_profile_begin(bnc_profile *p, bnc_energy *energy, unsigned sample_ms, bnc_error *err) {
  const time_t now = time(NULL);
  struct tm utc;
  if (gmtime_r(&now, &utc)) strftime(p->about.date, sizeof p->about.date, "%Y-%m-%dT%H:%M:%SZ", &utc);
  p->about.load_before = bnc_usage_load();
  p->laps.look = on_look;
  p->laps.context = p;
  bnc_tick_clock_begin(&p->laps.clock);
  bnc_status s = bnc_profile_sampler_create(&p->sampler, energy, sample_ms, err);
  if (s == BNC_OK && !p->about.no_roofs) s = bnc_profile_roofs_measure(&p->roofs, p->kernels, p->pool, err);
  bnc_tick_clock_end(&p->laps.clock);
  if (s == BNC_OK) s = start_workers(p, err);
  if (s == BNC_OK) s = make_room(p, err);
  if (s == BNC_OK) s = reserve_readings(p, 1, err);
  p->origin = bnc_profile_now(p); /* no sample is before it */
  if (s == BNC_OK) s = bnc_profile_sampler_start(p->sampler, err);
  if (s != BNC_OK) return s;
  bnc_usage_read(&p->before);
  p->begin_waited = bnc_usage_thread_waited_ns();
  p->begin = bnc_profile_now(p);
  read_cpu(p, p->begin);
  p->begin_cpu = p->reading[0].cpu;
  return BNC_OK;
}

/* Events out of laps. Ops between two readings of the CPU time get their share of it, and what ran between ops keeps its own. */
static bnc_status make_events(bnc_profile *p, bnc_error *err) {
  p->event = bnc_mem_array(p->count + 1, sizeof *p->event);
  if (!p->event) {
    const size_t bytes = (p->count + 1) * sizeof *p->event;
    for (size_t k = 0; k < p->phases; k++) p->phase[k].events = 0;
    p->count = 0; /* what is told later has no ops */
    return bnc_fail_memory(err, bytes);
  }
  for (size_t k = 0; k < p->phases; k++)
    for (size_t i = 0; i < p->phase[k].events; i++) {
      const bnc_op_lap *lap = &p->lap[p->phase[k].first + i];
      p->event[p->phase[k].first + i] = (bnc_profile_event){lap->start, lap->end - lap->start, 0, (uint32_t)i, (uint32_t)k};
    }
  for (size_t r = 1; r < p->readings; r++) {
    const bnc_profile_reading *a = &p->reading[r - 1], *b = &p->reading[r];
    const double each = b->at > a->at ? (double)(b->cpu - a->cpu) / (double)(b->at - a->at) : 0.0;
    for (size_t i = a->laps; i < b->laps && i < p->count; i++) p->event[i].cpu = (uint64_t)(each * (double)p->event[i].duration);
  }
  bnc_mem_free(p->lap);
  p->lap = NULL;
  return BNC_OK;
}

bnc_status bnc_profile_end(bnc_profile *p, bnc_error *err) {
  if (p->end) return BNC_OK;
  bnc_status s = reserve_readings(p, 1, err);
  if (s != BNC_OK) return s;
  p->laps.done = 0;
  p->end = bnc_profile_now(p);
  read_cpu(p, p->end);
  p->end_cpu = p->reading[p->readings - 1].cpu;
  p->waited = bnc_usage_thread_waited_ns() - p->begin_waited;
  bnc_usage_read(&p->after);
  bnc_pool_set_watch(p->pool, NULL, NULL, NULL);
  bnc_profile_sampler_stop(p->sampler);
  bnc_profile_sampler_report(p->sampler, &p->about.energy);
  s = make_events(p, err);
  if (s == BNC_OK && !p->about.no_roofs) s = bnc_profile_roofs_measure(&p->roofs, p->kernels, p->pool, err);
  p->about.load_after = bnc_usage_load();
  return s;
}

void bnc_profile_free(bnc_profile *p) {
  if (!p) return;
  if (p->worker && !p->end) bnc_pool_set_watch(p->pool, NULL, NULL, NULL);
  bnc_profile_sampler_destroy(p->sampler);
  bnc_energy_close(p->meter);
  for (size_t i = 0; i < p->workers; i++) bnc_mem_free(p->worker[i].slice);
  bnc_mem_free(p->worker);
  bnc_mem_free(p->about.command);
  bnc_mem_free(p->lap);
  bnc_mem_free(p->spare);
  bnc_mem_free(p->reading);
  bnc_mem_free(p->event);
  bnc_mem_free(p->phase);
  bnc_mem_free(p);
}

static bnc_status reserve_phase(bnc_profile *p, size_t more, bnc_error *err) {
  return bnc_array_reserve(&p->phase, &p->phase_capacity, p->phases + more, sizeof *p->phase)
             ? BNC_OK
             : bnc_fail_memory(err, (p->phases + more) * sizeof *p->phase);
}

bnc_status bnc_profile_add_loading(bnc_profile *p, uint64_t load, uint64_t pack, uint64_t session, bnc_error *err) {
  const struct {
    bnc_phase_kind kind;
    uint64_t duration;
  } parts[] = {{BNC_PHASE_LOAD, load}, {BNC_PHASE_PACK, pack}, {BNC_PHASE_SESSION, session > pack ? session - pack : 0}};
  bnc_status s = reserve_phase(p, 3, err);
  if (s != BNC_OK) return s;
  uint64_t at = p->begin - load - pack - parts[2].duration;
  if (at < p->origin) p->origin = at;
  for (size_t i = 0; i < 3; i++) {
    p->phase[p->phases++] = (bnc_profile_phase){.start = at, .duration = parts[i].duration, .kind = parts[i].kind, .first = p->count};
    at += parts[i].duration;
  }
  return BNC_OK;
}

uint64_t bnc_profile_now(const bnc_profile *p) { return p ? bnc_tick_clock_ns(&p->laps.clock) : 0; }

bnc_status bnc_profile_add_phase(bnc_profile *p, bnc_phase_kind kind, uint64_t start, bnc_error *err) {
  if (!p || p->end) return BNC_OK;
  const uint64_t now = bnc_profile_now(p);
  const bnc_status s = reserve_phase(p, 1, err);
  if (s == BNC_OK) p->phase[p->phases++] = (bnc_profile_phase){.start = start, .duration = now - start, .kind = kind, .first = p->count};
  return s;
}

bnc_status bnc_profile_begin_run(bnc_profile *p, bnc_program_id id, uint64_t rows, uint64_t position, bnc_error *err) {
  static const bnc_phase_kind kinds[BNC_PROGRAMS] = {BNC_PHASE_VISION, BNC_PHASE_PREFILL, BNC_PHASE_TOKEN};
  const size_t ops = p->file->program[id].head ? p->file->program[id].head->ops : 0, wanted = p->count + ops;
  const bool fits = wanted <= BNC_PROFILE_EVENTS;
  if (fits && !bnc_array_reserve(&p->lap, &p->capacity, wanted, sizeof *p->lap)) return bnc_fail_memory(err, wanted * sizeof *p->lap);
  bnc_status s = reserve_phase(p, 1, err);
  if (s == BNC_OK) s = reserve_readings(p, ops, err);
  if (s != BNC_OK) return s;
  for (size_t r = p->readings; p->reading[r - 1].laps > p->count; r--) p->reading[r - 1].laps = p->count; /* of a run that did not end */
  p->laps.lap = fits ? p->lap + p->count : p->spare;
  p->laps.done = 0;
  p->phase[p->phases] =
      (bnc_profile_phase){.start = bnc_profile_now(p), .rows = rows, .position = position, .first = p->count, .kind = kinds[id]};
  return BNC_OK;
}

void bnc_profile_end_run(bnc_profile *p) {
  bnc_profile_phase *phase = &p->phase[p->phases++];
  phase->duration = bnc_profile_now(p) - phase->start;
  if (p->laps.lap == p->spare)
    p->left_out += p->laps.done;
  else
    phase->events = p->laps.done;
  p->count += phase->events;
  p->laps.done = 0;
}

uint64_t bnc_profile_phase_cpu(const bnc_profile *p, const bnc_profile_phase *phase) {
  uint64_t cpu = 0;
  for (size_t i = phase->first; i < phase->first + phase->events; i++) cpu += p->event[i].cpu;
  return cpu;
}

double bnc_profile_joules(const bnc_profile *p, uint64_t from, uint64_t to) {
  if (p->about.watts > 0) return p->about.watts * 1e-9 * (double)(to - from);
  return bnc_profile_sampler_joules(p->sampler, from, to);
}
