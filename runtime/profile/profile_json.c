/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "platforms/base/mem.h"
#include "runtime/describe/names.h"
#include "runtime/profile/profile_record.h"

typedef unsigned long long number;

/* Whole numbers alone: they need no locale. */
static void print_sum(bnc_page *page, const bnc_profile_sum *s) {
  bnc_page_print(
      page,
      "\"kind\": \"%s\", \"calls\": %llu, \"nanoseconds\": %llu, \"nanoseconds_min\": %llu, \"nanoseconds_max\": %llu, \"macs\": %llu",
      bnc_op_info_of(s->kind)->name, (number)s->calls, (number)s->nanoseconds, (number)s->least, (number)s->most, (number)s->macs);
}

static void print_sums(bnc_page *page, const bnc_model_file *file, const char *name, uint32_t p, const bnc_profile_sum *sums,
                       size_t count) {
  const char *separator = "";
  bnc_page_print(page, ", \"%s\": [", name);
  for (size_t i = 0; i < count; i++) {
    char text[BNC_NAME_SIZE];
    if (sums[i].program != p) continue;
    bnc_page_print(page, "%s\n      {", separator);
    if (name[0] == 'o')
      bnc_page_print(page, "\"index\": %u, \"name\": \"%s\", ", sums[i].op,
                     bnc_printable_name(file, file->program[p].op[sums[i].op].name, text));
    print_sum(page, &sums[i]);
    bnc_page_print(page, "}");
    separator = ",";
  }
  bnc_page_print(page, "]");
}

bnc_status bnc_profile_print_json(const bnc_profile *profile, const bnc_model_file *file, char **text, bnc_error *err) {
  bnc_profile_sum *kinds = NULL, *ops = NULL;
  size_t kind_count = 0, op_count = 0;
  bnc_page page = {0};
  const char *separator = "";
  bnc_status status = bnc_profile_sum_kinds(profile, file, &kinds, &kind_count, err);
  if (status == BNC_OK) status = bnc_profile_sum_ops(profile, file, &ops, &op_count, err);
  bnc_page_print(&page, "{\"nanoseconds\": %llu, \"events\": %zu, \"events_left_out\": %llu, \"programs\": {",
                 (number)bnc_profile_total(profile), profile->count, (number)profile->left_out);
  for (uint32_t p = 0; status == BNC_OK && p < BNC_PROGRAMS; p++) {
    const bnc_profile_runs *r = &profile->program[p];
    if (r->runs == 0) continue;
    bnc_page_print(&page, "%s\n    \"%s\": {\"runs\": %llu, \"rows\": %llu, \"nanoseconds\": %llu, ", separator, bnc_program_name(p),
                   (number)r->runs, (number)r->rows, (number)r->nanoseconds);
    if (isnan(r->joules))
      bnc_page_print(&page, "\"microjoules\": null");
    else
      bnc_page_print(&page, "\"microjoules\": %llu", (number)(r->joules > 0 ? r->joules * 1e6 : 0));
    print_sums(&page, file, "kinds", p, kinds, kind_count);
    print_sums(&page, file, "ops", p, ops, op_count);
    bnc_page_print(&page, "}");
    separator = ",";
  }
  bnc_page_print(&page, "}}");
  bnc_mem_free(kinds);
  bnc_mem_free(ops);
  if (status == BNC_OK) return bnc_page_finish(&page, text, err);
  bnc_mem_free(page.text);
  return status;
}
