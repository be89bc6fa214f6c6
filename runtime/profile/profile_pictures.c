/* SPDX-License-Identifier: Apache-2.0 */
/* What the page draws from: colours, names, every op's run, and who lives where in memory. Lists of numbers, to keep it small. */
#include "platforms/base/mem.h"
#include "runtime/describe/blocks.h"
#include "runtime/describe/names.h"
#include "runtime/describe/palette.h"
#include "runtime/profile/profile_print.h"

#define EVENTS ((size_t)150000) /* that a page shows: about 4 MB; of further runs it shows the whole */

typedef unsigned long long number;

static void print_palette(bnc_page *page) {
  bnc_page_print(page, ",\n  \"palette\": [");
  for (unsigned g = 0; g <= BNC_GROUPS; g++) {
    const bnc_palette_entry *e = bnc_palette_of(g);
    bnc_page_print(page, "%s{\"name\": \"%s\", \"light\": \"%s\", \"dark\": \"%s\"}", g ? ", " : "", e->name, e->light, e->dark);
  }
  bnc_page_print(page, "]");
}

/* Per op: name, kind, group, tile, layer. */
static bnc_status print_schedule(const bnc_profile *p, bnc_program_id id, bnc_page *page, bnc_error *err) {
  const bnc_program *program = &p->file->program[id];
  char name[BNC_NAME_SIZE];
  bnc_profile_label *label = bnc_mem_array((size_t)program->head->ops + 1, sizeof *label);
  if (!label) return bnc_fail_memory(err, program->head->ops * sizeof *label);
  bnc_profile_labels(p->file, id, label);
  for (uint32_t i = 0; i < program->head->ops; i++) {
    const bnc_op_info *info = bnc_op_info_of(program->op[i].kind);
    bnc_page_print(page, "%s[\"%s\",\"%s\",%d,\"%s\",\"%s\"]", i ? ",\n" : "", bnc_printable_name(p->file, program->op[i].name, name),
                   info->name, (int)info->group, label[i].tile, label[i].layer);
  }
  bnc_mem_free(label);
  return BNC_OK;
}

/* Per block: offset, bytes, first op, op behind the last, group of the op that made it, that op or -1. */
static bnc_status print_plan(const bnc_profile *p, bnc_program_id id, bnc_page *page, bnc_error *err) {
  const bnc_program *program = &p->file->program[id];
  bnc_arena_block *block;
  size_t count;
  const bnc_status s = bnc_arena_blocks(program, &block, &count, err);
  if (s != BNC_OK) return s;
  bnc_page_print(page, "{\"ops\": %u, \"arena_bytes\": %llu, \"live_bytes\": %llu, \"blocks\": [", program->head->ops,
                 (number)program->head->arena_bytes, (number)program->head->live_bytes);
  for (size_t i = 0; i < count && !page->failed; i++) {
    const bnc_arena_block *b = &block[i];
    const bool input = b->writer == UINT32_MAX;
    bnc_page_print(page, "%s[%llu,%llu,%u,%u,%d,%lld]", i ? "," : "", (number)b->offset, (number)(b->end - b->offset), b->first, b->last,
                   input ? (int)BNC_GROUPS : (int)bnc_op_info_of(program->op[b->writer].kind)->group, input ? -1ll : (long long)b->writer);
  }
  bnc_page_print(page, "]}");
  bnc_mem_free(block);
  return BNC_OK;
}

typedef bnc_status print_fn(const bnc_profile *p, bnc_program_id id, bnc_page *page, bnc_error *err);

/* Of each program that ran. */
static bnc_status print_each(const bnc_profile *p, const char *name, const char *brackets, print_fn *print, bnc_page *page,
                             bnc_error *err) {
  bnc_status s = BNC_OK;
  const char *separator = "";
  bnc_page_print(page, ",\n  \"%s\": {", name);
  for (bnc_program_id id = 0; s == BNC_OK && id < BNC_PROGRAMS; id++) {
    if (bnc_profile_sum_runs(p, id).runs == 0) continue;
    bnc_page_print(page, "%s\"%s\": %.1s", separator, bnc_program_name(id), brackets);
    s = print(p, id, page, err);
    bnc_page_print(page, "%.1s", brackets[0] ? brackets + 1 : "");
    separator = ",\n";
  }
  bnc_page_print(page, "}");
  return s;
}

/* Per phase that has ops: op, begin behind the phase's, duration; and the same of helper threads, of no op. */
static void print_timeline(const bnc_profile *p, bnc_page *page) {
  const char *separator = "";
  size_t left = EVENTS, out = 0;
  bnc_page_print(page, ",\n  \"timeline\": [");
  for (size_t i = 0; i < p->phases; i++) {
    const bnc_profile_phase *phase = &p->phase[i];
    if (phase->events > left) out += phase->events;
    if (phase->events == 0 || phase->events > left) continue;
    left -= phase->events;
    bnc_page_print(page, "%s{\"phase\": %zu, \"ops\": [", separator, i);
    for (size_t k = phase->first; k < phase->first + phase->events && !page->failed; k++)
      bnc_page_print(page, "%s%u,%llu,%llu", k > phase->first ? "," : "", p->event[k].op, (number)(p->event[k].start - phase->start),
                     (number)p->event[k].duration);
    bnc_page_print(page, "]}");
    separator = ",\n";
  }
  bnc_page_print(page, "],\n  \"timeline_left_out\": %zu,\n  \"threads\": [", out);
  for (size_t w = 0; w < p->workers; w++) {
    const bnc_profile_worker *worker = &p->worker[w];
    bnc_page_print(page, "%s[", w ? ",\n" : "");
    for (size_t i = 0; i < worker->count && i < EVENTS && !page->failed; i++)
      bnc_page_print(page, "%s%llu,%llu", i ? "," : "", (number)(worker->slice[i].start - p->origin), (number)worker->slice[i].duration);
    bnc_page_print(page, "]");
  }
  bnc_page_print(page, "]");
}

bnc_status bnc_profile_print_pictures(const bnc_profile *p, bnc_page *page, bnc_error *err) {
  print_palette(page);
  bnc_status s = print_each(p, "schedule", "[]", print_schedule, page, err);
  if (s == BNC_OK) s = print_each(p, "plan", "", print_plan, page, err);
  print_timeline(p, page);
  return s;
}
