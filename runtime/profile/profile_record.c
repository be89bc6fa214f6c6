/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/profile/profile_record.h"

#include <math.h>
#include <time.h>

#include "platforms/base/array.h"
#include "platforms/base/clock.h"

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
    w->slice[w->count++] = (bnc_profile_slice){from, to - from, p->count};
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
  bnc_pool_set_watch(p->pool, on_watch, p);
  return BNC_OK;
}

bnc_status bnc_profile_begin(bnc_profile *p, bnc_energy *energy, unsigned sample_ms, bnc_error *err) {
  const time_t now = time(NULL);
  struct tm utc;
  if (gmtime_r(&now, &utc)) strftime(p->about.date, sizeof p->about.date, "%Y-%m-%dT%H:%M:%SZ", &utc);
  p->about.load_before = bnc_usage_load();
  bnc_status s = bnc_profile_sampler_create(&p->sampler, energy, sample_ms, err);
  if (s == BNC_OK && !p->about.no_roofs) s = bnc_profile_roofs_measure(&p->roofs, p->kernels, p->pool, err);
  if (s == BNC_OK) s = start_workers(p, err);
  p->origin = bnc_clock_ns(); /* no sample is before it */
  if (s == BNC_OK) s = bnc_profile_sampler_start(p->sampler, err);
  if (s != BNC_OK) return s;
  bnc_usage_read(&p->before);
  p->begin_waited = bnc_usage_thread_waited_ns();
  p->cpu_then = bnc_usage_cpu_ns();
  p->begin_cpu = p->cpu_then;
  p->cpu_read_at = bnc_clock_ns();
  p->begin = p->cpu_read_at;
  return BNC_OK;
}

/* Ops since the last reading get their share of the CPU time since then, and what ran between ops keeps its own. */
static void share_cpu(bnc_profile *p, uint64_t now) {
  const uint64_t cpu = bnc_usage_cpu_ns();
  const double each = now > p->cpu_read_at ? (double)(cpu - p->cpu_then) / (double)(now - p->cpu_read_at) : 0.0;
  for (; p->shared < p->count; p->shared++) p->event[p->shared].cpu = (uint64_t)(each * (double)p->event[p->shared].duration);
  p->cpu_then = cpu;
  p->cpu_read_at = now;
}

bnc_status bnc_profile_end(bnc_profile *p, bnc_error *err) {
  if (p->end) return BNC_OK;
  p->end = bnc_clock_ns();
  share_cpu(p, p->end);
  p->end_cpu = p->cpu_then;
  p->waited = bnc_usage_thread_waited_ns() - p->begin_waited;
  bnc_usage_read(&p->after);
  bnc_pool_set_watch(p->pool, NULL, NULL);
  bnc_profile_sampler_stop(p->sampler);
  bnc_profile_sampler_report(p->sampler, &p->about.energy);
  const bnc_status s = p->about.no_roofs ? BNC_OK : bnc_profile_roofs_measure(&p->roofs, p->kernels, p->pool, err);
  p->about.load_after = bnc_usage_load();
  return s;
}

void bnc_profile_free(bnc_profile *p) {
  if (!p) return;
  if (p->worker && !p->end) bnc_pool_set_watch(p->pool, NULL, NULL);
  bnc_profile_sampler_destroy(p->sampler);
  bnc_energy_close(p->meter);
  for (size_t i = 0; i < p->workers; i++) bnc_mem_free(p->worker[i].slice);
  bnc_mem_free(p->worker);
  bnc_mem_free(p->about.command);
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

uint64_t bnc_profile_now(const bnc_profile *p) { return p ? bnc_clock_ns() : 0; }

bnc_status bnc_profile_add_phase(bnc_profile *p, bnc_phase_kind kind, uint64_t start, bnc_error *err) {
  if (!p || p->end) return BNC_OK;
  const uint64_t now = bnc_clock_ns();
  const bnc_status s = reserve_phase(p, 1, err);
  if (s == BNC_OK) p->phase[p->phases++] = (bnc_profile_phase){.start = start, .duration = now - start, .kind = kind, .first = p->count};
  return s;
}

bnc_status bnc_profile_begin_run(bnc_profile *p, bnc_program_id id, uint64_t rows, uint64_t position, bnc_error *err) {
  static const bnc_phase_kind kinds[BNC_PROGRAMS] = {BNC_PHASE_VISION, BNC_PHASE_PREFILL, BNC_PHASE_TOKEN};
  const size_t ops = p->file->program[id].head ? p->file->program[id].head->ops : 0;
  const size_t left = BNC_PROFILE_EVENTS - p->count, wanted = p->count + (ops < left ? ops : left);
  if (!bnc_array_reserve(&p->event, &p->capacity, wanted, sizeof *p->event)) return bnc_fail_memory(err, wanted * sizeof *p->event);
  const bnc_status s = reserve_phase(p, 1, err);
  if (s != BNC_OK) return s;
  p->phase[p->phases] =
      (bnc_profile_phase){.start = bnc_clock_ns(), .rows = rows, .position = position, .first = p->count, .kind = kinds[id]};
  return BNC_OK;
}

void bnc_profile_add_op(bnc_profile *p, size_t op, uint64_t start, uint64_t end) {
  if (p->count < p->capacity && p->count < BNC_PROFILE_EVENTS)
    p->event[p->count++] = (bnc_profile_event){start, end - start, 0, (uint32_t)op, (uint32_t)p->phases};
  else
    p->left_out++;
  if (end - p->cpu_read_at >= BNC_CPU_EVERY_NS) share_cpu(p, end);
}

void bnc_profile_end_run(bnc_profile *p) {
  bnc_profile_phase *phase = &p->phase[p->phases++];
  phase->duration = bnc_clock_ns() - phase->start;
  phase->events = p->count - phase->first;
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
