/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "platforms/base/mem.h"
#include "runtime/describe/names.h"
#include "runtime/profile/profile_record.h"

#define OPS 12 /* of each program; the rest stands in the JSON */

static double ms(uint64_t nanoseconds) { return (double)nanoseconds * 1e-6; }

static void print_sum(bnc_page *page, const bnc_profile *profile, const bnc_profile_sum *s, const char *name) {
  const uint64_t all = profile->program[s->program].nanoseconds;
  bnc_page_print(page, "  %-40s %9llu %12.3f %6.1f %%", name, (unsigned long long)s->calls, ms(s->nanoseconds),
                 all ? 100.0 * (double)s->nanoseconds / (double)all : 0.0);
  if (s->macs && s->nanoseconds) bnc_page_print(page, " %9.2f", (double)s->macs / (double)s->nanoseconds);
  bnc_page_print(page, "\n");
}

static void print_program(bnc_page *page, const bnc_profile *profile, uint32_t p) {
  const bnc_profile_runs *r = &profile->program[p];
  bnc_page_print(page, "%s: %llu runs", bnc_program_name(p), (unsigned long long)r->runs);
  if (r->rows) bnc_page_print(page, ", %llu rows", (unsigned long long)r->rows);
  bnc_page_print(page, ", %.3f ms", ms(r->nanoseconds));
  if (!isnan(r->joules)) bnc_page_print(page, ", %.3f J (%s)", r->joules, profile->meter.meter);
  bnc_page_print(page, "\n  %-40s %9s %12s %8s %9s\n", "", "calls", "ms", "share", "GMAC/s");
}

bnc_status bnc_profile_print_text(const bnc_profile *profile, const bnc_model_file *file, char **text, bnc_error *err) {
  bnc_profile_sum *kinds = NULL, *ops = NULL;
  size_t kind_count = 0, op_count = 0;
  bnc_page page = {0};
  bnc_status status = bnc_profile_sum_kinds(profile, file, &kinds, &kind_count, err);
  if (status == BNC_OK) status = bnc_profile_sum_ops(profile, file, &ops, &op_count, err);
  for (uint32_t p = 0; status == BNC_OK && p < BNC_PROGRAMS; p++) {
    char name[BNC_NAME_SIZE];
    size_t told = 0;
    if (profile->program[p].runs == 0) continue;
    print_program(&page, profile, p);
    for (size_t i = 0; i < kind_count; i++)
      if (kinds[i].program == p) print_sum(&page, profile, &kinds[i], bnc_op_info_of(kinds[i].kind)->name);
    bnc_page_print(&page, "  the dearest ops:\n");
    for (size_t i = 0; i < op_count && told < OPS; i++)
      if (ops[i].program == p && ++told)
        print_sum(&page, profile, &ops[i], bnc_printable_name(file, file->program[p].op[ops[i].op].name, name));
    bnc_page_print(&page, "\n");
  }
  if (profile->left_out) bnc_page_print(&page, "%llu ops were not recorded: the record was full\n", (unsigned long long)profile->left_out);
  bnc_mem_free(kinds);
  bnc_mem_free(ops);
  if (status == BNC_OK) return bnc_page_finish(&page, text, err);
  bnc_mem_free(page.text);
  return status;
}
