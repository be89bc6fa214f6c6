/* SPDX-License-Identifier: Apache-2.0 */
/* A line per op, for spreadsheets: RFC 4180, points in numbers. */
#include <math.h>

#include "platforms/base/mem.h"
#include "runtime/describe/names.h"
#include "runtime/exec/op_kernel.h"
#include "runtime/profile/profile_print.h"

typedef unsigned long long number;

static void print_op(bnc_page *page, const bnc_profile *p, const bnc_profile_sum *s) {
  const bnc_file_op *op = &p->file->program[s->program].op[s->op];
  const bnc_op_kernel kernel = bnc_executor_op_kernel(p->executor, (bnc_program_id)s->program, s->op);
  const double ns = s->typical ? (double)s->typical : 1.0;
  char name[BNC_NAME_SIZE], shape[64], dtype[48];
  bnc_profile_shape(p, s, shape, sizeof shape);
  bnc_profile_dtype(p, s, dtype, sizeof dtype);
  bnc_page_print(page, "%s,%u,\"%s\",%s,%s,%s,%s,%s,%s,%s,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu,",
                 bnc_program_name((bnc_program_id)s->program), s->op, bnc_printable_name(p->file, op->name, name),
                 bnc_op_info_of(s->kind)->name, s->label.tile, s->label.layer, kernel.name, kernel.level, shape, dtype, (number)s->calls,
                 (number)(s->macs / s->calls), (number)(s->bytes / s->calls), (number)s->nanoseconds, (number)s->cpu, (number)s->least,
                 (number)s->quartile[0], (number)s->quartile[1], (number)s->quartile[2], (number)s->p99);
  bnc_page_fixed(page, 2.0 * (double)s->macs / ns);
  bnc_page_print(page, ",");
  bnc_page_fixed(page, (double)s->bytes / ns);
  bnc_page_print(page, ",%s,", bnc_roof_name(bnc_profile_sum_roof(s)));
  if (!isnan(bnc_profile_sum_reached(s))) bnc_page_fixed(page, 100 * bnc_profile_sum_reached(s));
  bnc_page_print(page, "\r\n");
}

bnc_status bnc_profile_print_csv(const bnc_profile *p, char **text, bnc_error *err) {
  bnc_profile_sum *ops = NULL;
  size_t count = 0;
  bnc_page page = {0};
  const bnc_status status = bnc_profile_sum_ops(p, &ops, &count, err);
  bnc_page_print(&page, "program,index,name,kind,tile,layer,kernel,level,shape,dtype,n,macs,bytes,ns_total,ns_cpu,ns_min,ns_p25,ns_median,"
                        "ns_p75,ns_p99,gops,gbps,roof,roof_percent\r\n");
  for (size_t i = 0; i < count && !page.failed; i++) print_op(&page, p, &ops[i]);
  bnc_mem_free(ops);
  if (status == BNC_OK) return bnc_page_finish(&page, text, err);
  bnc_mem_free(page.text);
  return status;
}
