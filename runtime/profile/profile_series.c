/* SPDX-License-Identifier: Apache-2.0 */
/* What follows time: the phases, and the samples taken meanwhile, column by column. Moments are nanoseconds since the record's origin. */
#include <math.h>

#include "platforms/base/mem.h"
#include "runtime/profile/profile_print.h"

typedef unsigned long long number;

/* Tiles, DEM and projector. */
static void print_parts(const bnc_profile *p, const bnc_profile_phase *phase, const bnc_profile_label *label, bnc_page *page) {
  const size_t end = phase->first + phase->events;
  bnc_page_print(page, ", \"parts\": [");
  for (size_t from = phase->first, to; from < end && !page->failed; from = to) {
    const bnc_profile_event *first = &p->event[from];
    uint64_t cpu = 0;
    to = bnc_profile_part_end(p, phase, label, from, false);
    const uint64_t stop = p->event[to - 1].start + p->event[to - 1].duration;
    for (size_t i = from; i < to; i++) cpu += p->event[i].cpu;
    bnc_page_print(page, "%s{\"part\": \"%s\", \"start\": %llu, \"nanoseconds\": %llu, \"cpu_nanoseconds\": %llu, ",
                   from > phase->first ? ", " : "", label[first->op].tile, (number)(first->start - p->origin),
                   (number)(stop - first->start), (number)cpu);
    bnc_profile_print_joules(page, "microjoules", bnc_profile_joules(p, first->start, stop));
    bnc_page_print(page, "}");
  }
  bnc_page_print(page, "]");
}

static void print_phase(const bnc_profile *p, const bnc_profile_phase *phase, const bnc_profile_label *label, bnc_page *page) {
  const bool recorded = phase->start >= p->begin;
  bnc_page_print(page, "{\"phase\": \"%s\", \"start\": %llu, \"nanoseconds\": %llu, \"ops\": %zu, ", bnc_phase_name(phase->kind),
                 (number)(phase->start - p->origin), (number)phase->duration, phase->events);
  if (bnc_phase_program(phase->kind) < BNC_PROGRAMS)
    bnc_page_print(page, "\"rows\": %llu, \"position\": %llu, \"cpu_nanoseconds\": %llu, ", (number)phase->rows, (number)phase->position,
                   (number)bnc_profile_phase_cpu(p, phase));
  bnc_profile_print_joules(page, "microjoules",
                           recorded ? bnc_profile_joules(p, phase->start, phase->start + phase->duration) : (double)NAN);
  if (phase->kind == BNC_PHASE_VISION) print_parts(p, phase, label, page);
  bnc_page_print(page, "}");
}

bnc_status bnc_profile_print_phases(const bnc_profile *p, bnc_page *page, bnc_error *err) {
  const bnc_file_program *vision = p->file->program[BNC_PROGRAM_VISION].head;
  const size_t ops = vision ? vision->ops : 0;
  bnc_profile_label *label = bnc_mem_array(ops + 1, sizeof *label);
  if (!label) return bnc_fail_memory(err, ops * sizeof *label);
  if (vision) bnc_profile_labels(p->file, BNC_PROGRAM_VISION, label);
  bnc_page_print(page, ",\n  \"phases\": [");
  for (size_t i = 0; i < p->phases; i++) {
    bnc_page_print(page, i ? ",\n    " : "\n    ");
    print_phase(p, &p->phase[i], label, page);
  }
  bnc_page_print(page, "]");
  bnc_mem_free(label);
  return BNC_OK;
}

typedef enum column { AT, CPU, RSS, MINOR, MAJOR, JOULES, CELSIUS, MHZ, THROTTLED, COLUMNS } column;

/* NaN: not known. */
static double value_of(const bnc_profile *p, const bnc_profile_sample *s, const bnc_profile_sample *first, column c) {
  switch (c) {
    case AT: return (double)(s->at - p->origin);
    case CPU: return (double)(s->cpu - first->cpu);
    case RSS: return s->rss ? (double)s->rss : (double)NAN;
    case MINOR: return (double)(s->minor - first->minor);
    case MAJOR: return (double)(s->major - first->major);
    case JOULES: return (p->about.watts > 0 ? p->about.watts * 1e-9 * (double)(s->at - first->at) : s->joules - first->joules) * 1e6;
    case CELSIUS: return s->celsius;
    case MHZ: return s->mhz ? (double)s->mhz : (double)NAN;
    case THROTTLED: return s->throttle_events > 0 ? (double)(s->throttle_events - first->throttle_events) : (double)s->throttled;
    case COLUMNS: break;
  }
  return (double)NAN;
}

void bnc_profile_print_samples(const bnc_profile *p, bnc_page *page) {
  static const char *const names[COLUMNS] = {"at",          "cpu_nanoseconds", "rss_bytes", "minor_faults", "major_faults",
                                             "microjoules", "celsius",         "mhz",       "throttled"};
  const bnc_profile_sample *sample;
  const size_t count = bnc_profile_sampler_get(p->sampler, &sample);
  bnc_page_print(page, ",\n  \"sampler\": {\"samples\": %zu, \"cpu_nanoseconds\": %llu},\n  \"samples\": {", count,
                 (number)bnc_profile_sampler_cost(p->sampler));
  for (column c = 0; c < COLUMNS; c++) {
    bool known = false;
    for (size_t i = 0; i < count; i++) known = known || !isnan(value_of(p, &sample[i], sample, c));
    bnc_page_print(page, "%s\"%s\": %s", c ? ",\n    " : "", names[c], known ? "[" : "null");
    for (size_t i = 0; known && i < count; i++) {
      const double value = value_of(p, &sample[i], sample, c);
      bnc_page_print(page, i ? "," : "");
      if (isnan(value))
        bnc_page_print(page, "null");
      else if (c == CELSIUS)
        bnc_page_fixed(page, value);
      else
        bnc_page_print(page, "%lld", (long long)value);
    }
    if (known) bnc_page_print(page, "]");
  }
  bnc_page_print(page, "}");
}
