/* SPDX-License-Identifier: Apache-2.0 */
/* Chrome's trace event format, which Perfetto opens. The first track nests: a phase, a tile, a layer, an op; then a track per helper
   thread; counters for what was sampled. Microseconds since the record's origin, to the nanosecond. Events of a track are in order, parents
   first. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/describe/names.h"
#include "runtime/exec/op_kernel.h"
#include "runtime/model/kv_layout.h"
#include "runtime/profile/profile_print.h"

typedef unsigned long long number;

enum { CALLER = 1 }; /* its track; helper k has track CALLER + k */

typedef struct trace {
  const bnc_profile *p;
  bnc_page page;
  bnc_profile_label *label[BNC_PROGRAMS]; /* [ops] */
} trace;

static void print_moment(trace *t, const char *name, uint64_t nanoseconds) {
  bnc_page_print(&t->page, ", \"%s\": %llu.%03u", name, (number)(nanoseconds / 1000), (unsigned)(nanoseconds % 1000));
}

/* Left open for "args" and the end. */
static void open_slice(trace *t, size_t track, const char *name, const char *category, uint64_t start, uint64_t duration) {
  bnc_page_print(&t->page, ",\n{\"ph\": \"X\", \"pid\": 1, \"tid\": %zu, \"name\": \"%s\", \"cat\": \"%s\"", track, name, category);
  print_moment(t, "ts", start - t->p->origin);
  print_moment(t, "dur", duration);
}

static void print_op(trace *t, const bnc_profile_phase *phase, const bnc_profile_event *e) {
  const bnc_program_id id = bnc_phase_program(phase->kind);
  const bnc_file_op *op = &t->p->file->program[id].op[e->op];
  const bnc_op_cost cost = bnc_op_cost_of(t->p->file, id, e->op, phase->rows, phase->position);
  const bnc_op_kernel kernel = bnc_executor_op_kernel(t->p->executor, id, e->op);
  char name[BNC_NAME_SIZE];
  open_slice(t, CALLER, bnc_printable_name(t->p->file, op->name, name), bnc_op_info_of(op->kind)->name, e->start, e->duration);
  bnc_page_print(&t->page, ", \"args\": {\"op\": %u, \"kernel\": \"%s\", \"level\": \"%s\", \"macs\": %llu, \"bytes\": %llu}}", e->op,
                 kernel.name, kernel.level, (number)cost.macs, (number)cost.bytes);
}

static void print_group(trace *t, const char *name, const char *category, size_t from, size_t to) {
  const bnc_profile_event *first = &t->p->event[from], *last = &t->p->event[to - 1];
  open_slice(t, CALLER, name, category, first->start, last->start + last->duration - first->start);
  bnc_page_print(&t->page, ", \"args\": {\"ops\": %zu}}", to - from);
}

static void print_ops(trace *t, const bnc_profile_phase *phase) {
  const bnc_profile_label *label = t->label[bnc_phase_program(phase->kind)];
  size_t tile_end = 0, layer_end = 0;
  for (size_t i = phase->first; i < phase->first + phase->events && !t->page.failed; i++) {
    const bnc_profile_label *l = &label[t->p->event[i].op];
    if (i >= tile_end) {
      tile_end = bnc_profile_part_end(t->p, phase, label, i, false);
      if (l->tile[0]) print_group(t, l->tile, "tile", i, tile_end);
    }
    if (i >= layer_end) {
      layer_end = bnc_profile_part_end(t->p, phase, label, i, true);
      if (l->layer[0]) print_group(t, l->layer, "layer", i, layer_end);
    }
    print_op(t, phase, &t->p->event[i]);
  }
}

static void print_phases(trace *t) {
  number token = 0;
  for (size_t i = 0; i < t->p->phases; i++) {
    const bnc_profile_phase *phase = &t->p->phase[i];
    char name[48];
    if (phase->kind == BNC_PHASE_TOKEN)
      snprintf(name, sizeof name, "token %llu", ++token);
    else
      snprintf(name, sizeof name, "%s", bnc_phase_name(phase->kind));
    open_slice(t, CALLER, name, "phase", phase->start, phase->duration);
    bnc_page_print(&t->page, ", \"args\": {\"rows\": %llu, \"position\": %llu}}", (number)phase->rows, (number)phase->position);
    if (bnc_phase_program(phase->kind) < BNC_PROGRAMS) print_ops(t, phase);
  }
}

static void print_workers(trace *t) {
  for (size_t w = 0; w < t->p->workers; w++)
    for (size_t i = 0; i < t->p->worker[w].count && !t->page.failed; i++) {
      const bnc_profile_slice *s = &t->p->worker[w].slice[i];
      char name[BNC_NAME_SIZE];
      if (s->event >= t->p->count) continue; /* of an op that was not recorded, or of no op: resampling */
      const bnc_profile_event *e = &t->p->event[s->event];
      const bnc_file_op *op = &t->p->file->program[bnc_phase_program(t->p->phase[e->phase].kind)].op[e->op];
      if (s->start < e->start) continue;
      open_slice(t, CALLER + 1 + w, bnc_printable_name(t->p->file, op->name, name), "piece", s->start, s->duration);
      bnc_page_print(&t->page, ", \"args\": {\"op\": %u}}", e->op);
    }
}

static void print_counter(trace *t, const char *name, const char *unit, uint64_t at, double value) {
  if (!isfinite(value)) return;
  bnc_page_print(&t->page, ",\n{\"ph\": \"C\", \"pid\": 1, \"tid\": 0, \"name\": \"%s\"", name);
  print_moment(t, "ts", at - t->p->origin);
  bnc_page_print(&t->page, ", \"args\": {\"%s\": ", unit);
  bnc_page_fixed(&t->page, value);
  bnc_page_print(&t->page, "}}");
}

static void print_counters(trace *t) {
  const bnc_profile_sample *s;
  const size_t count = bnc_profile_sampler_get(t->p->sampler, &s);
  for (size_t i = 0; i < count; i++) {
    print_counter(t, "resident memory", "MB", s[i].at, s[i].rss ? 1e-6 * (double)s[i].rss : (double)NAN);
    print_counter(t, "temperature", "C", s[i].at, s[i].celsius);
    print_counter(t, "clock", "MHz", s[i].at, s[i].mhz ? (double)s[i].mhz : (double)NAN);
    print_counter(t, "throttled", "bits", s[i].at, (double)s[i].throttled);
    if (i == 0) continue;
    const double seconds = 1e-9 * (double)(s[i].at - s[i - 1].at);
    print_counter(t, "power", "W", s[i].at, bnc_profile_joules(t->p, s[i - 1].at, s[i].at) / seconds);
    print_counter(t, "CPUs", "used", s[i].at, 1e-9 * (double)(s[i].cpu - s[i - 1].cpu) / seconds);
    print_counter(t, "page faults", "per s", s[i].at, (double)(s[i].minor + s[i].major - s[i - 1].minor - s[i - 1].major) / seconds);
  }
  for (size_t i = 0; i < t->p->phases; i++) {
    const bnc_profile_phase *phase = &t->p->phase[i];
    if (phase->kind != BNC_PHASE_PREFILL && phase->kind != BNC_PHASE_TOKEN) continue;
    print_counter(t, "KV cache", "MB", phase->start + phase->duration,
                  1e-6 * (double)bnc_kv_layout_of(&t->p->file->meta, phase->position + phase->rows).total);
  }
}

static void print_names(trace *t) {
  bnc_page *page = &t->page;
  bnc_page_print(page, "{\"ph\": \"M\", \"pid\": 1, \"tid\": 0, \"name\": \"process_name\", \"args\": {\"name\": \"binocle\"}},\n"
                       "{\"ph\": \"M\", \"pid\": 1, \"tid\": 1, \"name\": \"thread_name\", \"args\": {\"name\": \"phases and ops\"}}");
  for (size_t w = 0; w < t->p->workers; w++)
    bnc_page_print(page, ",\n{\"ph\": \"M\", \"pid\": 1, \"tid\": %zu, \"name\": \"thread_name\", \"args\": {\"name\": \"thread %zu\"}}",
                   CALLER + 1 + w, w + 1);
}

static bnc_status find_labels(trace *t, bnc_error *err) {
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) {
    const bnc_program *program = &t->p->file->program[id];
    if (!program->head) continue;
    t->label[id] = bnc_mem_array((size_t)program->head->ops + 1, sizeof(bnc_profile_label));
    if (!t->label[id]) return bnc_fail_memory(err, program->head->ops * sizeof(bnc_profile_label));
    bnc_profile_labels(t->p->file, id, t->label[id]);
  }
  return BNC_OK;
}

bnc_status bnc_profile_print_trace(const bnc_profile *p, char **text, bnc_error *err) {
  trace t = {.p = p};
  bnc_status status = find_labels(&t, err);
  bnc_page_print(&t.page, "{\"displayTimeUnit\": \"ms\", \"otherData\": {");
  if (status == BNC_OK) status = bnc_profile_print_identity(p, &t.page, err);
  bnc_page_print(&t.page, "}, \"traceEvents\": [\n");
  if (status == BNC_OK) {
    print_names(&t);
    print_phases(&t);
    print_workers(&t);
    print_counters(&t);
  }
  bnc_page_print(&t.page, "\n]}\n");
  for (int id = 0; id < BNC_PROGRAMS; id++) bnc_mem_free(t.label[id]);
  if (status == BNC_OK) return bnc_page_finish(&t.page, text, err);
  bnc_mem_free(t.page.text);
  return status;
}
