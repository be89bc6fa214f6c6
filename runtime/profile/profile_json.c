/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdlib.h>

#include "platforms/base/mem.h"
#include "runtime/describe/names.h"
#include "runtime/exec/op_kernel.h"
#include "runtime/profile/profile_print.h"

typedef unsigned long long number;

static void print_rates(bnc_page *page, const bnc_profile_sum *s) {
  const double ns = s->typical ? (double)s->typical : (double)NAN;
  bnc_page_print(page, ", \"bytes\": %llu, \"cpu_nanoseconds\": %llu, \"nanoseconds_typical\": %llu, ", (number)s->bytes, (number)s->cpu,
                 (number)s->typical);
  bnc_profile_print_real(page, "gops", 2.0 * (double)s->macs / ns);
  bnc_page_print(page, ", ");
  bnc_profile_print_real(page, "gbps", (double)s->bytes / ns);
  bnc_page_print(page, ", ");
  bnc_profile_print_real(page, "roof_percent", 100 * bnc_profile_sum_reached(s));
  bnc_page_print(page, ", \"roof\": \"%s\"", bnc_roof_name(bnc_profile_sum_roof(s)));
}

static void print_sum(bnc_page *page, const bnc_profile_sum *s) {
  bnc_page_print(page, "\"calls\": %llu, \"nanoseconds\": %llu, \"nanoseconds_min\": %llu, \"nanoseconds_max\": %llu, \"macs\": %llu",
                 (number)s->calls, (number)s->nanoseconds, (number)s->least, (number)s->most, (number)s->macs);
  print_rates(page, s);
}

static void print_op(bnc_page *page, const bnc_profile *p, const bnc_profile_sum *s) {
  const bnc_file_op *op = &p->file->program[s->program].op[s->op];
  const bnc_op_kernel kernel = bnc_executor_op_kernel(p->executor, (bnc_program_id)s->program, s->op);
  char name[BNC_NAME_SIZE], shape[64], dtype[48];
  bnc_profile_shape(p, s, shape, sizeof shape);
  bnc_profile_dtype(p, s, dtype, sizeof dtype);
  bnc_page_print(page, "\"index\": %u, \"name\": \"%s\", \"kind\": \"%s\", \"tile\": \"%s\", \"layer\": \"%s\", ", s->op,
                 bnc_printable_name(p->file, op->name, name), bnc_op_info_of(s->kind)->name, s->label.tile, s->label.layer);
  bnc_page_print(page, "\"kernel\": \"%s\", \"level\": \"%s\", \"shape\": \"%s\", \"dtype\": ", kernel.name, kernel.level, shape);
  bnc_profile_print_string(page, dtype);
  bnc_page_print(page, ", \"nanoseconds_p25\": %llu, \"nanoseconds_median\": %llu, \"nanoseconds_p75\": %llu, \"nanoseconds_p99\": %llu, ",
                 (number)s->quartile[0], (number)s->quartile[1], (number)s->quartile[2], (number)s->p99);
  print_sum(page, s);
}

typedef struct sums {
  bnc_profile_sum *ops, *kinds, *tiles, *layers;
  size_t op_count, kind_count, tile_count, layer_count;
} sums;

static bnc_status sum_up(const bnc_profile *p, sums *s, bnc_error *err) {
  bnc_status status = bnc_profile_sum_ops(p, &s->ops, &s->op_count, err);
  if (status == BNC_OK) status = bnc_profile_sum_by(BNC_BY_KIND, s->ops, s->op_count, &s->kinds, &s->kind_count, err);
  if (status == BNC_OK) status = bnc_profile_sum_by(BNC_BY_TILE, s->ops, s->op_count, &s->tiles, &s->tile_count, err);
  if (status == BNC_OK) status = bnc_profile_sum_by(BNC_BY_LAYER, s->ops, s->op_count, &s->layers, &s->layer_count, err);
  return status;
}

static void free_sums(sums *s) {
  bnc_mem_free(s->ops);
  bnc_mem_free(s->kinds);
  bnc_mem_free(s->tiles);
  bnc_mem_free(s->layers);
}

static void print_program(bnc_page *page, const bnc_profile *p, const sums *s, bnc_program_id id) {
  const bnc_profile_runs r = bnc_profile_sum_runs(p, id);
  const char *separator = "";
  bnc_page_print(page, "\n    \"%s\": {\"runs\": %llu, \"rows\": %llu, \"nanoseconds\": %llu, \"cpu_nanoseconds\": %llu, ",
                 bnc_program_name(id), (number)r.runs, (number)r.rows, (number)r.nanoseconds, (number)r.cpu);
  bnc_profile_print_joules(page, "microjoules", r.joules);
  bnc_page_print(page, ", \"kinds\": [");
  for (size_t i = 0; i < s->kind_count; i++) {
    if (s->kinds[i].program != id) continue;
    bnc_page_print(page, "%s\n      {\"kind\": \"%s\", ", separator, bnc_op_info_of(s->kinds[i].kind)->name);
    print_sum(page, &s->kinds[i]);
    bnc_page_print(page, "}");
    separator = ",";
  }
  bnc_page_print(page, "], \"ops\": [");
  separator = "";
  for (size_t i = 0; i < s->op_count; i++) {
    if (s->ops[i].program != id) continue;
    bnc_page_print(page, "%s\n      {", separator);
    print_op(page, p, &s->ops[i]);
    bnc_page_print(page, "}");
    separator = ",";
  }
  bnc_page_print(page, "]}");
}

static void print_parts(bnc_page *page, const char *name, const bnc_profile_sum *s, size_t count, bool tiles) {
  bnc_page_print(page, ",\n  \"%ss\": [", name);
  for (size_t i = 0; i < count; i++) {
    bnc_page_print(page, "%s\n    {\"program\": \"%s\", \"%s\": \"%s\", ", i ? "," : "", bnc_program_name((bnc_program_id)s[i].program),
                   name, tiles ? s[i].label.tile : s[i].label.layer);
    print_sum(page, &s[i]);
    bnc_page_print(page, "}");
  }
  bnc_page_print(page, "]");
}

static void print_roofs(const bnc_profile *p, bnc_page *page) {
  static const char *const names[BNC_ROOFS] = {"f32_gops", "int8_gops", "bf16_gops", "memory_gbps", "l3_gbps", "l2_gbps"};
  bnc_page_print(page, ",\n  \"roofs\": {");
  for (bnc_roof r = 0; r < BNC_ROOFS; r++) {
    bnc_page_print(page, "\"%s\": {", names[r]);
    bnc_profile_print_real(page, "before", p->roofs.before[r] > 0 ? p->roofs.before[r] : (double)NAN);
    bnc_page_print(page, ", ");
    bnc_profile_print_real(page, "after", p->roofs.after[r] > 0 ? p->roofs.after[r] : (double)NAN);
    bnc_page_print(page, "}, ");
  }
  bnc_page_print(page, "\"l2_bytes\": %zu, \"l3_bytes\": %zu}", p->roofs.l2_bytes, p->roofs.l3_bytes);
}

static void print_energy(const bnc_profile *p, bnc_page *page) {
  const bool estimated = p->about.watts > 0;
  bnc_page_print(page, ",\n  \"energy\": {\"meter\": ");
  if (!estimated && p->about.meter.meter[0])
    bnc_profile_print_string(page, p->about.meter.meter);
  else
    bnc_page_print(page, "null");
  bnc_page_print(page, ", \"kind\": ");
  bnc_profile_print_string(page, p->about.meter.kind);
  bnc_page_print(page, ", \"estimated\": %s, \"reason\": ", estimated ? "true" : "false");
  bnc_profile_print_string(page, p->about.meter.reason);
  bnc_page_print(page, ", ");
  const bnc_energy_report *e = &p->about.energy;
  const double gross = bnc_profile_joules(p, p->begin, p->end), seconds = 1e-9 * (double)(p->end - p->begin);
  bnc_profile_print_joules(page, "microjoules", gross);
  bnc_page_print(page, ", ");
  bnc_profile_print_real(page, "idle_watts", e->idle_watts);
  bnc_page_print(page, ", ");
  bnc_profile_print_real(page, "idle_seconds", e->idle_seconds);
  bnc_page_print(page, ", ");
  bnc_profile_print_joules(page, "net_microjoules", gross - e->idle_watts * seconds);
  bnc_page_print(page, ", \"readings\": %llu, \"lost\": %llu, \"malformed\": %llu, \"meter_cpu_nanoseconds\": %llu}", (number)e->readings,
                 (number)e->lost, (number)e->malformed, (number)(1e9 * e->meter_seconds));
}

static void print_memory(const bnc_profile *p, bnc_page *page) {
  bnc_page_print(page, ",\n  \"memory\": {\"rss_before\": %llu, \"rss_after\": %llu, \"arena_bytes\": %zu, \"kv_bytes\": %zu, ",
                 (number)p->before.rss_bytes, (number)p->after.rss_bytes, bnc_executor_arena_bytes(p->executor),
                 bnc_executor_kv_bytes(p->executor));
  bnc_page_print(page, "\"minor_faults\": %llu, \"major_faults\": %llu}", (number)(p->after.minor_faults - p->before.minor_faults),
                 (number)(p->after.major_faults - p->before.major_faults));
}

static void print_warnings(const bnc_profile *p, bnc_page *page) {
  char warning[BNC_WARNINGS_MAX][BNC_WARNING_SIZE];
  const size_t count = bnc_profile_warnings(p, warning);
  bnc_page_print(page, ",\n  \"warnings\": [");
  for (size_t i = 0; i < count; i++) {
    if (i) bnc_page_print(page, ", ");
    bnc_profile_print_string(page, warning[i]);
  }
  bnc_page_print(page, "]");
}

bnc_status bnc_profile_print_members(const bnc_profile *p, bnc_page *page, bnc_error *err) {
  sums s = {0};
  uint64_t total = 0;
  const char *separator = "";
  bnc_status status = sum_up(p, &s, err);
  if (status == BNC_OK) status = bnc_profile_print_identity(p, page, err);
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) total += bnc_profile_sum_runs(p, id).nanoseconds;
  bnc_page_print(page, ",\n  \"nanoseconds\": %llu, \"events\": %zu, \"events_left_out\": %llu, ", (number)total, p->count,
                 (number)p->left_out);
  bnc_page_print(page, "\"wall_nanoseconds\": %llu, \"cpu_nanoseconds\": %llu, \"waited_nanoseconds\": %llu", (number)(p->end - p->begin),
                 (number)(p->end_cpu - p->begin_cpu), (number)p->waited);
  print_warnings(p, page);
  print_roofs(p, page);
  print_energy(p, page);
  print_memory(p, page);
  if (status == BNC_OK) status = bnc_profile_print_phases(p, page, err);
  bnc_profile_print_samples(p, page);
  bnc_page_print(page, ",\n  \"programs\": {");
  for (bnc_program_id id = 0; status == BNC_OK && id < BNC_PROGRAMS; id++) {
    if (bnc_profile_sum_runs(p, id).runs == 0) continue;
    bnc_page_print(page, "%s", separator);
    print_program(page, p, &s, id);
    separator = ",";
  }
  bnc_page_print(page, "}");
  print_parts(page, "tile", s.tiles, s.tile_count, true);
  print_parts(page, "layer", s.layers, s.layer_count, false);
  free_sums(&s);
  return status;
}

bnc_status bnc_profile_print_json(const bnc_profile *p, char **text, bnc_error *err) {
  bnc_page page = {0};
  bnc_page_print(&page, "{");
  const bnc_status status = bnc_profile_print_members(p, &page, err);
  bnc_page_print(&page, "}");
  if (status == BNC_OK) return bnc_page_finish(&page, text, err);
  bnc_mem_free(page.text);
  return status;
}
