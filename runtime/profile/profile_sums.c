/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "platforms/base/mem.h"
#include "runtime/profile/profile_record.h"

static int dearest_first(const void *a, const void *b) {
  const bnc_profile_sum *x = a, *y = b;
  if (x->program != y->program) return (x->program > y->program) - (x->program < y->program);
  if (x->nanoseconds != y->nanoseconds) return x->nanoseconds < y->nanoseconds ? 1 : -1;
  return (x->op > y->op) - (x->op < y->op);
}

/* A text program's MACs are told for its most rows; those of attention over the cache depend on how full it is. */
static uint64_t macs_of(const bnc_model_file *file, const bnc_profile_event *e) {
  const bnc_program *program = &file->program[e->program];
  const uint64_t macs = program->op[e->op].kind == BNC_OP_CACHE_ATTENTION ? 0 : program->op[e->op].macs;
  return e->rows ? macs / program->head->input.rows * e->rows : macs;
}

static void add(bnc_profile_sum *sum, uint64_t calls, uint64_t nanoseconds, uint64_t least, uint64_t most, uint64_t macs) {
  if (sum->calls == 0 || least < sum->least) sum->least = least;
  if (most > sum->most) sum->most = most;
  sum->calls += calls;
  sum->nanoseconds += nanoseconds;
  sum->macs += macs;
}

/* Sums that have calls come to the front, in order. */
static size_t finish(bnc_profile_sum *sums, size_t count) {
  size_t used = 0;
  for (size_t i = 0; i < count; i++)
    if (sums[i].calls) sums[used++] = sums[i];
  qsort(sums, used, sizeof *sums, dearest_first);
  return used;
}

bnc_status bnc_profile_sum_ops(const bnc_profile *profile, const bnc_model_file *file, bnc_profile_sum **sums, size_t *count,
                               bnc_error *err) {
  size_t first[BNC_PROGRAMS + 1] = {0};
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++) first[p + 1] = first[p] + (file->program[p].head ? file->program[p].head->ops : 0);
  bnc_profile_sum *s = bnc_mem_array(first[BNC_PROGRAMS] + 1, sizeof *s);
  *sums = s;
  if (!s) return bnc_fail_memory(err, first[BNC_PROGRAMS] * sizeof *s);
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    for (size_t i = first[p]; i < first[p + 1]; i++)
      s[i] = (bnc_profile_sum){.program = p, .op = (uint32_t)(i - first[p]), .kind = file->program[p].op[i - first[p]].kind};
  for (size_t i = 0; i < profile->count; i++) {
    const bnc_profile_event *e = &profile->event[i];
    add(&s[first[e->program] + e->op], 1, e->duration, e->duration, e->duration, macs_of(file, e));
  }
  *count = finish(s, first[BNC_PROGRAMS]);
  return BNC_OK;
}

bnc_status bnc_profile_sum_kinds(const bnc_profile *profile, const bnc_model_file *file, bnc_profile_sum **sums, size_t *count,
                                 bnc_error *err) {
  bnc_profile_sum *ops, *s;
  size_t used;
  bnc_status status = bnc_profile_sum_ops(profile, file, &ops, &used, err);
  if (status != BNC_OK) return status;
  s = bnc_mem_array((size_t)BNC_OP_KINDS * BNC_PROGRAMS, sizeof *s);
  *sums = s;
  for (size_t i = 0; s && i < used; i++) {
    bnc_profile_sum *sum = &s[ops[i].program * (size_t)BNC_OP_KINDS + ops[i].kind];
    sum->program = ops[i].program;
    sum->kind = ops[i].kind;
    add(sum, ops[i].calls, ops[i].nanoseconds, ops[i].least, ops[i].most, ops[i].macs);
  }
  bnc_mem_free(ops);
  if (!s) return bnc_fail_memory(err, (size_t)BNC_OP_KINDS * BNC_PROGRAMS * sizeof *s);
  *count = finish(s, (size_t)BNC_OP_KINDS * BNC_PROGRAMS);
  return BNC_OK;
}

uint64_t bnc_profile_total(const bnc_profile *profile) {
  uint64_t total = 0;
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++) total += profile->program[p].nanoseconds;
  return total;
}
