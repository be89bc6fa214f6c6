/* SPDX-License-Identifier: Apache-2.0 */
/* One page without scripts, fonts or pictures from elsewhere: what ran when, where time and energy went, and the plan of the memory. */
#include <math.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/describe/describe.h"
#include "runtime/describe/names.h"
#include "runtime/profile/profile_record.h"

#define WIDTH 1100u /* pixels of the timeline */
#define TRACK 46u   /* pixels of a program's track */
#define OPS 25      /* told of each program */

static const char *const colours[] = {"#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951",
                                      "#ff8ab7", "#a463f2", "#97bbf5", "#9c6b4e", "#9498a0"};
static const char *colour_of(uint32_t kind) { return colours[kind % (sizeof colours / sizeof *colours)]; }

static void print_ms(bnc_page *page, uint64_t nanoseconds) {
  bnc_page_print(page, "%llu.%03u", (unsigned long long)(nanoseconds / 1000000), (unsigned)(nanoseconds / 1000 % 1000));
}

/* Neighbours of one kind that fall onto one pixel are drawn as one. */
static void print_timeline(bnc_page *page, const bnc_profile *profile, const bnc_model_file *file) {
  uint64_t end = profile->begin + 1;
  for (size_t i = 0; i < profile->count; i++)
    if (profile->event[i].start + profile->event[i].duration > end) end = profile->event[i].start + profile->event[i].duration;
  const uint64_t first = profile->count ? profile->event[0].start : profile->begin, span = end > first ? end - first : 1;
  uint64_t drawn[BNC_PROGRAMS] = {0};
  bnc_page_print(page, "<h2>When</h2>\n<svg viewBox=\"0 0 %u %u\" width=\"100%%\">\n", WIDTH + 80, BNC_PROGRAMS * TRACK + 20);
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    bnc_page_print(page, "<text x=\"0\" y=\"%u\">%s</text>\n", p * TRACK + 26, bnc_program_name(p));
  for (size_t i = 0; i < profile->count && !page->failed; i++) {
    const bnc_profile_event *e = &profile->event[i];
    char name[BNC_NAME_SIZE];
    /* Hundredths of a pixel. */
    const uint64_t scale = (uint64_t)WIDTH * 100, from = (uint64_t)((double)(e->start - first) / (double)span * (double)scale);
    const uint64_t to = (uint64_t)((double)(e->start - first + e->duration) / (double)span * (double)scale);
    if (to < drawn[e->program] + 30) continue;
    const bnc_file_op *op = &file->program[e->program].op[e->op];
    const uint64_t x = from > drawn[e->program] ? from : drawn[e->program], width = to > x + 30 ? to - x : 30;
    drawn[e->program] = x + width;
    bnc_page_print(page, "<rect x=\"%llu.%02u\" y=\"%u\" width=\"%llu.%02u\" height=\"34\" fill=\"%s\"><title>%s ",
                   (unsigned long long)(80 + x / 100), (unsigned)(x % 100), e->program * TRACK + 4, (unsigned long long)(width / 100),
                   (unsigned)(width % 100), colour_of(op->kind), bnc_printable_name(file, op->name, name));
    print_ms(page, e->duration);
    bnc_page_print(page, " ms</title></rect>\n");
  }
  bnc_page_print(page, "<text x=\"80\" y=\"%u\">0</text><text x=\"%u\" y=\"%u\" text-anchor=\"end\">", BNC_PROGRAMS * TRACK + 16,
                 WIDTH + 80, BNC_PROGRAMS * TRACK + 16);
  print_ms(page, span);
  bnc_page_print(page, " ms</text>\n</svg>\n");
}

/* Names of meters come from the machine's drivers. */
static void print_escaped(bnc_page *page, const char *text) {
  for (; *text; text++) {
    if (*text == '<')
      bnc_page_print(page, "&lt;");
    else if (*text == '>')
      bnc_page_print(page, "&gt;");
    else if (*text == '&')
      bnc_page_print(page, "&amp;");
    else
      bnc_page_print(page, "%c", *text);
  }
}

static void print_programs(bnc_page *page, const bnc_profile *profile) {
  double most = 0;
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    if (profile->program[p].joules > most) most = profile->program[p].joules;
  bnc_page_print(page, "<h2>Time and energy</h2>\n<table><tr><th>program<th>runs<th>rows<th>ms<th>J<th></tr>\n");
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++) {
    const bnc_profile_runs *r = &profile->program[p];
    if (r->runs == 0) continue;
    bnc_page_print(page, "<tr><td>%s<td>%llu<td>%llu<td>", bnc_program_name(p), (unsigned long long)r->runs, (unsigned long long)r->rows);
    print_ms(page, r->nanoseconds);
    if (isnan(r->joules)) {
      bnc_page_print(page, "<td>-<td></tr>\n");
      continue;
    }
    bnc_page_print(page, "<td>");
    bnc_page_fixed(page, r->joules);
    bnc_page_print(page, "<td class=\"bar\"><div style=\"width:%upx\"></div></tr>\n",
                   (unsigned)(most > 0 ? 300 * (r->joules > 0 ? r->joules : 0) / most : 0));
  }
  bnc_page_print(page, "</table>\n<p>energy meter: ");
  print_escaped(page, profile->meter.meter[0] ? profile->meter.meter : profile->meter.reason);
  bnc_page_print(page, "</p>\n");
}

static void print_sums(bnc_page *page, const bnc_profile *profile, const bnc_model_file *file, const bnc_profile_sum *sums, size_t count,
                       bool ops) {
  size_t told[BNC_PROGRAMS] = {0};
  bnc_page_print(page, "<h2>%s</h2>\n<table><tr><th>program<th>%s<th>calls<th>ms<th>share<th></tr>\n",
                 ops ? "The dearest ops" : "Kinds of ops", ops ? "op" : "kind");
  for (size_t i = 0; i < count; i++) {
    const bnc_profile_sum *s = &sums[i];
    const uint64_t all = profile->program[s->program].nanoseconds;
    const unsigned share = all ? (unsigned)((double)s->nanoseconds / (double)all * 1000) : 0;
    char name[BNC_NAME_SIZE];
    if (ops && told[s->program]++ >= OPS) continue;
    bnc_page_print(page, "<tr><td>%s<td>%s<td>%llu<td>", bnc_program_name(s->program),
                   ops ? bnc_printable_name(file, file->program[s->program].op[s->op].name, name) : bnc_op_info_of(s->kind)->name,
                   (unsigned long long)s->calls);
    print_ms(page, s->nanoseconds);
    bnc_page_print(page, "<td>%u.%u %%<td class=\"bar\"><div style=\"width:%upx;background:%s\"></div></tr>\n", share / 10, share % 10,
                   share * 3 / 10, colour_of(s->kind));
  }
  bnc_page_print(page, "</table>\n");
}

bnc_status bnc_profile_print_html(const bnc_profile *profile, const bnc_model_file *file, char **text, bnc_error *err) {
  bnc_profile_sum *kinds = NULL, *ops = NULL;
  size_t kind_count = 0, op_count = 0;
  char *memory = NULL;
  bnc_page page = {0};
  bnc_status status = bnc_profile_sum_kinds(profile, file, &kinds, &kind_count, err);
  if (status == BNC_OK) status = bnc_profile_sum_ops(profile, file, &ops, &op_count, err);
  if (status == BNC_OK) status = bnc_describe_memory_svg(file, &memory, err);
  if (status == BNC_OK) {
    const char *svg = strstr(memory, "<svg"); /* behind what an XML file begins with */
    bnc_page_print(&page,
                   "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Binocle profile</title>\n<style>\n"
                   "body{font:14px sans-serif;margin:2em auto;max-width:1200px;color:#222;background:#fff}table{border-collapse:collapse}\n"
                   "td,th{padding:2px 10px;text-align:right;border-bottom:1px solid #ddd}td:first-child,td:nth-child(2){text-align:left}\n"
                   ".bar{text-align:left}.bar div{height:10px;background:#4269d0}svg text{font:12px "
                   "sans-serif}\n</style></head><body>\n<h1>Binocle profile</h1>\n");
    print_programs(&page, profile);
    print_timeline(&page, profile, file);
    print_sums(&page, profile, file, kinds, kind_count, false);
    print_sums(&page, profile, file, ops, op_count, true);
    bnc_page_print(&page, "<h2>Memory plan</h2>\n%s\n</body></html>\n", svg ? svg : "");
  }
  bnc_mem_free(kinds);
  bnc_mem_free(ops);
  bnc_mem_free(memory);
  if (status == BNC_OK) return bnc_page_finish(&page, text, err);
  bnc_mem_free(page.text);
  return status;
}
