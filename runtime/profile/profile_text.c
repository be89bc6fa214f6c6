/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "platforms/base/mem.h"
#include "runtime/describe/names.h"
#include "runtime/profile/profile_print.h"

#define OPS 12 /* of each program; the rest stands in the JSON */

static double ms(uint64_t nanoseconds) { return (double)nanoseconds * 1e-6; }

static void print_sum(bnc_page *page, uint64_t all, const bnc_profile_sum *s, const char *name) {
  bnc_page_print(page, "  %-40s %9llu %12.3f %6.1f %%", name, (unsigned long long)s->calls, ms(s->nanoseconds),
                 all ? 100.0 * (double)s->nanoseconds / (double)all : 0.0);
  if (s->macs && s->typical)
    bnc_page_print(page, " %9.2f", 2.0 * (double)s->macs / (double)s->typical);
  else
    bnc_page_print(page, " %9s", "");
  bnc_page_print(page, " %7.2f", s->typical ? (double)s->bytes / (double)s->typical : 0.0);
  if (isnan(bnc_profile_sum_reached(s)))
    bnc_page_print(page, "\n");
  else
    bnc_page_print(page, " %5.0f %% %s\n", 100 * bnc_profile_sum_reached(s), bnc_roof_name(bnc_profile_sum_roof(s)));
}

static void print_energy(const bnc_profile *p, bnc_page *page) {
  const bnc_energy_report *e = &p->about.energy;
  const double gross = bnc_profile_joules(p, p->begin, p->end), seconds = 1e-9 * (double)(p->end - p->begin);
  if (isnan(gross)) return;
  bnc_page_print(page, "energy: %.3f J", gross);
  if (!isnan(e->idle_watts))
    bnc_page_print(page, ", %.3f J without the %.3f W at rest, measured for %.1f s before", gross - e->idle_watts * seconds, e->idle_watts,
                   e->idle_seconds);
  if (e->readings)
    bnc_page_print(page, "; %llu readings, %llu lost, took %.1f ms of CPU", (unsigned long long)e->readings, (unsigned long long)e->lost,
                   1e3 * e->meter_seconds);
  bnc_page_print(page, "\n");
}

static void print_head(const bnc_profile *p, bnc_page *page) {
  char warning[BNC_WARNINGS_MAX][BNC_WARNING_SIZE];
  const size_t warnings = bnc_profile_warnings(p, warning);
  bnc_page_print(page, "%s, %zu threads, %s", bnc_cpu_level_name(p->kernels->level), bnc_pool_threads(p->pool), p->about.date);
  if (!isnan(p->about.load_before) && !isnan(p->about.load_after))
    bnc_page_print(page, ", load %.2f before and %.2f behind", p->about.load_before, p->about.load_after);
  bnc_page_print(page, "\n");
  bnc_page_print(page, p->about.no_roofs ? "roofs: not measured" : "roofs:");
  for (bnc_roof r = 0; r < BNC_ROOFS; r++)
    if (bnc_profile_roofs_best(&p->roofs, r) > 0)
      bnc_page_print(page, "%s %s %.1f %s", r ? "," : "", bnc_roof_name(r), bnc_profile_roofs_best(&p->roofs, r), bnc_roof_unit(r));
  if (!p->about.no_roofs)
    bnc_page_print(page, "\nrates and percentages are of typical times: medians, or CPU times where these are known and less");
  bnc_page_print(page, "\nmemory: ");
  if (p->after.rss_bytes) { /* without /proc it is not known */
    bnc_page_bytes(page, p->before.rss_bytes);
    bnc_page_print(page, " resident before the run, ");
    bnc_page_bytes(page, p->after.rss_bytes);
    bnc_page_print(page, " behind it; ");
  }
  bnc_page_print(page, "%llu page faults, %llu of them from the disk\n",
                 (unsigned long long)(p->after.minor_faults + p->after.major_faults - p->before.minor_faults - p->before.major_faults),
                 (unsigned long long)(p->after.major_faults - p->before.major_faults));
  bnc_page_print(page, "sampling: %.1f ms of CPU, %.2f %% of the run\n", ms(bnc_profile_sampler_cost(p->sampler)),
                 100 * (double)bnc_profile_sampler_cost(p->sampler) / (double)(p->end - p->begin));
  print_energy(p, page);
  for (size_t i = 0; i < warnings; i++) bnc_page_print(page, "warning: %s\n", warning[i]);
  bnc_page_print(page, "\n");
}

/* Phases of a kind, summed up. */
static void print_phases(const bnc_profile *p, bnc_page *page) {
  bnc_page_print(page, "  %-40s %9s %12s %12s\n", "phase", "times", "ms", "J");
  for (bnc_phase_kind kind = 0; kind < BNC_PHASES; kind++) {
    uint64_t times = 0, ns = 0;
    double joules = 0;
    for (size_t i = 0; i < p->phases; i++) {
      const bnc_profile_phase *phase = &p->phase[i];
      if (phase->kind != kind) continue;
      times++;
      ns += phase->duration;
      joules += phase->start >= p->begin ? bnc_profile_joules(p, phase->start, phase->start + phase->duration) : (double)NAN;
    }
    if (times == 0) continue;
    bnc_page_print(page, "  %-40s %9llu %12.3f", bnc_phase_name(kind), (unsigned long long)times, ms(ns));
    if (isnan(joules))
      bnc_page_print(page, " %12s\n", "-");
    else
      bnc_page_print(page, " %12.3f\n", joules);
  }
  bnc_page_print(page, "\n");
}

static void print_program(bnc_page *page, const bnc_profile *p, bnc_program_id id, const bnc_profile_runs *r) {
  bnc_page_print(page, "%s: %llu runs", bnc_program_name(id), (unsigned long long)r->runs);
  if (r->rows) bnc_page_print(page, ", %llu rows", (unsigned long long)r->rows);
  bnc_page_print(page, ", %.3f ms, %.3f ms of CPU", ms(r->nanoseconds), ms(r->cpu));
  if (!isnan(r->joules)) bnc_page_print(page, ", %.3f J (%s)", r->joules, p->about.watts > 0 ? "estimated" : p->about.meter.meter);
  bnc_page_print(page, "\n  %-40s %9s %12s %8s %9s %7s %7s\n", "", "calls", "ms", "share", "GOP/s", "GB/s", "of roof");
}

static void print_ops(bnc_page *page, const bnc_profile *p, bnc_program_id id, const bnc_profile_sum *ops, size_t count, uint64_t all) {
  char name[BNC_NAME_SIZE];
  size_t told = 0;
  bnc_page_print(page, "  the dearest ops:\n");
  for (size_t i = 0; i < count && told < OPS; i++) {
    if (ops[i].program != id) continue;
    told++;
    print_sum(page, all, &ops[i], bnc_printable_name(p->file, p->file->program[id].op[ops[i].op].name, name));
  }
  bnc_page_print(page, "\n");
}

bnc_status bnc_profile_print_text(const bnc_profile *p, char **text, bnc_error *err) {
  bnc_profile_sum *kinds = NULL, *ops = NULL;
  size_t kind_count = 0, op_count = 0;
  bnc_page page = {0};
  bnc_status status = bnc_profile_sum_ops(p, &ops, &op_count, err);
  if (status == BNC_OK) status = bnc_profile_sum_by(BNC_BY_KIND, ops, op_count, &kinds, &kind_count, err);
  if (status == BNC_OK) {
    print_head(p, &page);
    print_phases(p, &page);
  }
  for (bnc_program_id id = 0; status == BNC_OK && id < BNC_PROGRAMS; id++) {
    const bnc_profile_runs runs = bnc_profile_sum_runs(p, id);
    if (runs.runs == 0) continue;
    print_program(&page, p, id, &runs);
    for (size_t i = 0; i < kind_count; i++)
      if (kinds[i].program == id) print_sum(&page, runs.nanoseconds, &kinds[i], bnc_op_info_of(kinds[i].kind)->name);
    print_ops(&page, p, id, ops, op_count, runs.nanoseconds);
  }
  bnc_mem_free(kinds);
  bnc_mem_free(ops);
  if (status == BNC_OK) return bnc_page_finish(&page, text, err);
  bnc_mem_free(page.text);
  return status;
}
