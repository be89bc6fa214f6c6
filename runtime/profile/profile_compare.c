/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/profile/profile_compare.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/profile/profile_print.h"

enum { ENOUGH = 5, TOLD = 20 };
#define ERRORS 4.0

static double standard_error(const bnc_saved_runs *r) {
  return 1.2533 * (r->quartile[2] - r->quartile[0]) / 1.349 / sqrt((double)r->calls);
}

/* hypot would ask for glibc 2.35, and what is shipped runs with 2.34. */
static double together(double a, double b) { return sqrt(a * a + b * b); }

bnc_difference bnc_difference_of(const bnc_saved_runs *a, const bnc_saved_runs *b, double least) {
  bnc_difference d = {.program = a->program,
                      .name = a->name,
                      .kind = a->kind,
                      .calls = {a->calls, b->calls},
                      .median = {a->quartile[1], b->quartile[1]},
                      .noise = ERRORS * together(standard_error(a), standard_error(b))};
  if (d.noise < least * d.median[0]) d.noise = least * d.median[0];
  const double more = d.median[1] - d.median[0];
  d.verdict = a->calls < ENOUGH || b->calls < ENOUGH ? BNC_TOO_FEW : fabs(more) <= d.noise ? BNC_SAME : more < 0 ? BNC_FASTER : BNC_SLOWER;
  return d;
}

static bool was_busy(const bnc_saved_profile *p) { return p->cpu_time < 0.9 * p->wall; }
double bnc_difference_least(const bnc_saved_profile *a, const bnc_saved_profile *b) { return was_busy(a) || was_busy(b) ? 0.1 : 0.03; }

/* What the difference comes to over all of b's calls. */
static double weight(const bnc_difference *d) { return fabs(d->median[1] - d->median[0]) * (double)d->calls[1]; }

static int heaviest_first(const void *a, const void *b) {
  const bnc_difference *x = a, *y = b;
  const bool counts_x = x->verdict == BNC_FASTER || x->verdict == BNC_SLOWER,
             counts_y = y->verdict == BNC_FASTER || y->verdict == BNC_SLOWER;
  if (counts_x != counts_y) return counts_x ? -1 : 1;
  return (weight(x) < weight(y)) - (weight(x) > weight(y));
}

typedef struct comparison {
  const bnc_saved_profile *side[2];
  const char *const *names;
  bnc_difference programs[3];
  bnc_difference *ops; /* heaviest first */
  size_t program_count, op_count, alone[2];
} comparison;

static bnc_status compare(comparison *c, bnc_error *err) {
  const bnc_saved_profile *a = c->side[0], *b = c->side[1];
  const double least = bnc_difference_least(a, b);
  c->ops = bnc_mem_array(a->op_count + 1, sizeof *c->ops);
  if (!c->ops) return bnc_fail_memory(err, a->op_count * sizeof *c->ops);
  for (size_t i = 0, k = 0; i < a->op_count || k < b->op_count;) {
    const int order = i == a->op_count ? 1 : k == b->op_count ? -1 : bnc_saved_order(&a->ops[i], &b->ops[k]);
    if (order == 0) c->ops[c->op_count++] = bnc_difference_of(&a->ops[i], &b->ops[k], least);
    if (order != 0) c->alone[order > 0]++;
    i += order <= 0;
    k += order >= 0;
  }
  qsort(c->ops, c->op_count, sizeof *c->ops, heaviest_first);
  for (size_t i = 0; i < a->program_count; i++)
    for (size_t k = 0; k < b->program_count; k++)
      if (strcmp(a->programs[i].name, b->programs[k].name) == 0)
        c->programs[c->program_count++] = bnc_difference_of(&a->programs[i], &b->programs[k], least);
  return BNC_OK;
}

/* What else is not equal, and so may be the reason. Returns how many lines. */
static size_t find_doubts(const comparison *c, char doubt[8][BNC_WARNING_SIZE]) {
  const bnc_saved_profile *a = c->side[0], *b = c->side[1];
  const struct {
    const char *what, *of[2];
  } words[] = {{"models", {a->fingerprint, b->fingerprint}},
               {"machines", {a->cpu, b->cpu}},
               {"kernel levels", {a->level, b->level}},
               {"versions", {a->version, b->version}}};
  size_t n = 0;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcmp(words[i].of[0], words[i].of[1]) != 0)
      snprintf(doubt[n++], BNC_WARNING_SIZE, "the %s differ: %.64s and %.64s", words[i].what, words[i].of[0], words[i].of[1]);
  if (a->threads != b->threads) snprintf(doubt[n++], BNC_WARNING_SIZE, "the threads differ: %zu and %zu", a->threads, b->threads);
  for (int i = 0; i < 2; i++)
    if (was_busy(c->side[i]))
      snprintf(doubt[n++], BNC_WARNING_SIZE, "the machine of %.100s was busy: differences below 10 %% are not believed", c->names[i]);
  return n;
}

static const char *verdict_name(bnc_verdict v) {
  static const char *const names[] = {"same", "faster", "slower", "too few runs"};
  return names[v];
}

static void print_line(bnc_page *page, const bnc_difference *d) {
  char time[2][48];
  for (int i = 0; i < 2; i++) bnc_usage_format_time(time[i], sizeof time[i], d->median[i]);
  bnc_page_print(page, "  %-8.8s %-44.96s %12s %12s", d->program, d->name, time[0], time[1]);
  if (d->median[0] > 0)
    bnc_page_print(page, " %+8.1f %% (+-%.1f %%)", 100 * (d->median[1] / d->median[0] - 1), 100 * d->noise / d->median[0]);
  bnc_page_print(page, "  %s\n", verdict_name(d->verdict));
}

static void print_text(const comparison *c, bnc_page *page) {
  char doubt[8][BNC_WARNING_SIZE];
  size_t of[4] = {0};
  const size_t doubts = find_doubts(c, doubt);
  for (int i = 0; i < 2; i++)
    bnc_page_print(page, "%c: %.200s (%.40s, %.80s, %zu threads)\n", 'A' + i, c->names[i], c->side[i]->date, c->side[i]->cpu,
                   c->side[i]->threads);
  for (size_t i = 0; i < doubts; i++) bnc_page_print(page, "warning: %s\n", doubt[i]);
  bnc_page_print(page, "\n  %-8s %-44s %12s %12s %12s\n", "", "medians; behind +-: what may be chance", "A", "B", "B to A");
  for (size_t i = 0; i < c->program_count; i++) print_line(page, &c->programs[i]);
  for (size_t i = 0; i < c->op_count; i++) of[c->ops[i].verdict]++;
  bnc_page_print(page, "\nops: %zu faster, %zu slower, %zu the same, %zu with too few runs to tell (--repeat 5 or more)\n", of[BNC_FASTER],
                 of[BNC_SLOWER], of[BNC_SAME], of[BNC_TOO_FEW]);
  for (size_t i = 0; i < c->op_count && i < TOLD && i < of[BNC_FASTER] + of[BNC_SLOWER]; i++) print_line(page, &c->ops[i]);
  for (int i = 0; i < 2; i++)
    if (c->alone[i]) bnc_page_print(page, "%zu ops are in %c alone\n", c->alone[i], 'A' + i);
}

static void print_list(bnc_page *page, const char *name, const bnc_difference *d, size_t count) {
  bnc_page_print(page, ", \"%s\": [", name);
  for (size_t i = 0; i < count && !page->failed; i++) {
    bnc_page_print(page, "%s{\"program\": ", i ? ",\n  " : "");
    bnc_profile_print_string(page, d[i].program);
    bnc_page_print(page, ", \"name\": ");
    bnc_profile_print_string(page, d[i].name);
    bnc_page_print(page, ", \"kind\": ");
    bnc_profile_print_string(page, d[i].kind);
    bnc_page_print(page, ", \"calls\": [%zu, %zu], \"nanoseconds_median\": [%llu, %llu], \"noise_nanoseconds\": %llu, \"verdict\": \"%s\"}",
                   d[i].calls[0], d[i].calls[1], (unsigned long long)d[i].median[0], (unsigned long long)d[i].median[1],
                   (unsigned long long)d[i].noise, verdict_name(d[i].verdict));
  }
  bnc_page_print(page, "]");
}

static void print_json(const comparison *c, bnc_page *page) {
  char doubt[8][BNC_WARNING_SIZE];
  const size_t doubts = find_doubts(c, doubt);
  bnc_page_print(page, "{\"a\": ");
  bnc_profile_print_string(page, c->names[0]);
  bnc_page_print(page, ", \"b\": ");
  bnc_profile_print_string(page, c->names[1]);
  bnc_page_print(page, ", \"warnings\": [");
  for (size_t i = 0; i < doubts; i++) {
    if (i) bnc_page_print(page, ", ");
    bnc_profile_print_string(page, doubt[i]);
  }
  bnc_page_print(page, "], \"ops_alone\": [%zu, %zu]", c->alone[0], c->alone[1]);
  print_list(page, "programs", c->programs, c->program_count);
  print_list(page, "ops", c->ops, c->op_count);
  bnc_page_print(page, "}\n");
}

bnc_status bnc_compare_print(const bnc_saved_profile *a, const bnc_saved_profile *b, const char *const names[2], bool json, char **text,
                             bnc_error *err) {
  comparison c = {.side = {a, b}, .names = names};
  bnc_page page = {0};
  const bnc_status s = compare(&c, err);
  if (s == BNC_OK) (json ? print_json : print_text)(&c, &page);
  bnc_mem_free(c.ops);
  return s == BNC_OK ? bnc_page_finish(&page, text, err) : s;
}
