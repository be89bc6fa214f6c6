/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/profile/profile_sums.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/exec/op_kernel.h"

#define FEW 5 /* runs whose median says little */

static int dearest_first(const void *a, const void *b) {
  const bnc_profile_sum *x = a, *y = b;
  if (x->program != y->program) return (x->program > y->program) - (x->program < y->program);
  if (x->nanoseconds != y->nanoseconds) return x->nanoseconds < y->nanoseconds ? 1 : -1;
  return (x->op > y->op) - (x->op < y->op);
}

/* Sums that have calls come to the front, in order. */
static size_t keep_called(bnc_profile_sum *sums, size_t count) {
  size_t used = 0;
  for (size_t i = 0; i < count; i++)
    if (sums[i].calls) sums[used++] = sums[i];
  return used;
}

static bnc_roof compute_roof(const bnc_profile *p, const bnc_file_op *op) {
  if (op->kind == BNC_OP_ATTENTION_I8) return BNC_ROOF_INT8;
  if (op->kind == BNC_OP_ATTENTION && bnc_executor_attends_in_bf16(p->executor)) return BNC_ROOF_BF16;
  if (op->kind != BNC_OP_LINEAR) return BNC_ROOF_F32;
  const uint32_t dtype = p->file->weight[op->weight].dtype;
  return dtype == BNC_WEIGHT_F32 ? BNC_ROOF_F32 : dtype == BNC_WEIGHT_BF16 ? BNC_ROOF_BF16 : BNC_ROOF_INT8;
}

/* The ops of one run. */
static void add_phase(const bnc_profile *p, const bnc_profile_phase *phase, bnc_profile_sum *sums /* [ops] of the program */) {
  const bnc_program_id id = bnc_phase_program(phase->kind);
  const bnc_program *program = &p->file->program[id];
  uint64_t resident = 0;
  for (uint32_t i = 0; i < program->head->ops; i++) resident += bnc_op_cost_of(p->file, id, i, phase->rows, phase->position).stored;
  for (size_t i = phase->first; i < phase->first + phase->events; i++) {
    const bnc_profile_event *e = &p->event[i];
    const bnc_op_cost cost = bnc_op_cost_of(p->file, id, e->op, phase->rows, phase->position);
    bnc_profile_sum *s = &sums[e->op];
    bnc_roof roof;
    const double bound = bnc_profile_roofs_bound(&p->roofs, &cost, compute_roof(p, &program->op[e->op]), resident, &roof);
    s->calls++;
    s->nanoseconds += e->duration;
    s->cpu += e->cpu;
    s->macs += cost.macs;
    s->bytes += cost.bytes;
    s->bound += bound;
    s->under[roof] += bound;
    s->rows = phase->rows;
    s->position = phase->position;
  }
}

static int ascending(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* The value that a share of all is no greater than. */
static uint64_t quantile(const uint64_t *sorted, size_t count, double share) {
  const size_t i = (size_t)ceil(share * (double)count);
  return sorted[i > 0 ? i - 1 : 0];
}

/* duration [count]: those of sums[i] at from[i]. */
static void rank(bnc_profile_sum *s, uint64_t *duration) {
  qsort(duration, (size_t)s->calls, sizeof *duration, ascending);
  s->least = duration[0];
  s->most = duration[s->calls - 1];
  for (int q = 0; q < 3; q++) s->quartile[q] = quantile(duration, (size_t)s->calls, 0.25 * (q + 1));
  s->p99 = quantile(duration, (size_t)s->calls, 0.99);
  s->typical = s->calls * s->quartile[1];
  const bool cpu_is_known = s->calls < FEW || s->quartile[1] >= BNC_CPU_EVERY_NS; /* shorter ones got a share of somebody's */
  if (cpu_is_known && s->cpu < s->typical) s->typical = s->cpu;
}

static bnc_status rank_all(const bnc_profile *p, bnc_profile_sum *sums, const size_t *first, bnc_error *err) {
  const size_t ops = first[BNC_PROGRAMS];
  uint64_t *duration = bnc_mem_array(p->count + 1, sizeof *duration);
  size_t *at = bnc_mem_array(ops + 1, sizeof *at); /* where the next duration of each op goes */
  const bool room = duration && at;
  for (size_t i = 0; room && i < ops; i++) at[i + 1] = at[i] + (size_t)sums[i].calls;
  for (size_t i = 0; room && i < p->count; i++) {
    const bnc_profile_event *e = &p->event[i];
    duration[at[first[bnc_phase_program(p->phase[e->phase].kind)] + e->op]++] = e->duration;
  }
  for (size_t i = 0; room && i < ops; i++)
    if (sums[i].calls) rank(&sums[i], duration + at[i] - sums[i].calls);
  bnc_mem_free(duration);
  bnc_mem_free(at);
  return room ? BNC_OK : bnc_fail_memory(err, p->count * sizeof *duration);
}

static bnc_status label_all(const bnc_profile *p, bnc_profile_sum *sums, const size_t *first, bnc_error *err) {
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) {
    const size_t ops = first[id + 1] - first[id];
    if (ops == 0) continue;
    bnc_profile_label *labels = bnc_mem_array(ops, sizeof *labels);
    if (!labels) return bnc_fail_memory(err, ops * sizeof *labels);
    bnc_profile_labels(p->file, id, labels);
    for (size_t i = 0; i < ops; i++) sums[first[id] + i].label = labels[i];
    bnc_mem_free(labels);
  }
  return BNC_OK;
}

bnc_status bnc_profile_sum_ops(const bnc_profile *p, bnc_profile_sum **sums, size_t *count, bnc_error *err) {
  size_t first[BNC_PROGRAMS + 1] = {0};
  const bnc_model_file *file = p->file;
  *count = 0;
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++)
    first[id + 1] = first[id] + (file->program[id].head ? file->program[id].head->ops : 0);
  bnc_profile_sum *s = bnc_mem_array(first[BNC_PROGRAMS] + 1, sizeof *s);
  *sums = s;
  if (!s) return bnc_fail_memory(err, first[BNC_PROGRAMS] * sizeof *s);
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++)
    for (size_t i = first[id]; i < first[id + 1]; i++) {
      const uint32_t op = (uint32_t)(i - first[id]);
      s[i] = (bnc_profile_sum){.program = id, .op = op, .kind = file->program[id].op[op].kind};
    }
  for (size_t i = 0; i < p->phases; i++) {
    const bnc_program_id id = bnc_phase_program(p->phase[i].kind);
    if (id < BNC_PROGRAMS) add_phase(p, &p->phase[i], s + first[id]);
  }
  bnc_status status = rank_all(p, s, first, err);
  if (status == BNC_OK) status = label_all(p, s, first, err);
  if (status != BNC_OK) return status;
  *count = keep_called(s, first[BNC_PROGRAMS]);
  qsort(s, *count, sizeof *s, dearest_first);
  return BNC_OK;
}

static void add(bnc_profile_sum *to, const bnc_profile_sum *op) {
  if (to->calls == 0 || op->least < to->least) to->least = op->least;
  if (op->most > to->most) to->most = op->most;
  if (to->calls == 0 || op->op < to->op) to->op = op->op; /* the first of them */
  to->calls += op->calls;
  to->nanoseconds += op->nanoseconds;
  to->typical += op->typical;
  to->cpu += op->cpu;
  to->macs += op->macs;
  to->bytes += op->bytes;
  to->bound += op->bound;
  for (int r = 0; r < BNC_ROOFS; r++) to->under[r] += op->under[r];
}

static bool belongs(const bnc_profile_sum *to, const bnc_profile_sum *op, bnc_profile_by by) {
  if (to->program != op->program) return false;
  if (by == BNC_BY_KIND) return to->kind == op->kind;
  return strcmp(by == BNC_BY_TILE ? to->label.tile : to->label.layer, by == BNC_BY_TILE ? op->label.tile : op->label.layer) == 0;
}

static int as_they_come(const void *a, const void *b) {
  const bnc_profile_sum *x = a, *y = b;
  if (x->program != y->program) return (x->program > y->program) - (x->program < y->program);
  return (x->op > y->op) - (x->op < y->op);
}

bnc_status bnc_profile_sum_by(bnc_profile_by by, const bnc_profile_sum *ops, size_t op_count, bnc_profile_sum **sums, size_t *count,
                              bnc_error *err) {
  bnc_profile_sum *s = bnc_mem_array(op_count + 1, sizeof *s);
  size_t used = 0;
  *sums = s;
  *count = 0;
  if (!s) return bnc_fail_memory(err, op_count * sizeof *s);
  for (size_t i = 0; i < op_count; i++) {
    const bnc_profile_sum *op = &ops[i];
    size_t k = 0;
    if (by == BNC_BY_TILE && op->label.tile[0] == '\0') continue;
    while (k < used && !belongs(&s[k], op, by)) k++;
    if (k == used) {
      s[used] = (bnc_profile_sum){.program = op->program, .kind = op->kind};
      if (by == BNC_BY_TILE) memcpy(s[used].label.tile, op->label.tile, BNC_LABEL_SIZE);
      if (by == BNC_BY_LAYER) memcpy(s[used].label.layer, op->label.layer, BNC_LABEL_SIZE);
      used++;
    }
    add(&s[k], op);
  }
  qsort(s, used, sizeof *s, by == BNC_BY_KIND ? dearest_first : as_they_come);
  *count = used;
  return BNC_OK;
}

bnc_roof bnc_profile_sum_roof(const bnc_profile_sum *s) {
  bnc_roof most = BNC_ROOF_MEMORY;
  for (bnc_roof r = 0; r < BNC_ROOFS; r++)
    if (s->under[r] > s->under[most]) most = r;
  return most;
}

double bnc_profile_sum_reached(const bnc_profile_sum *s) {
  return s->bound > 0 && s->typical ? s->bound / (double)s->typical : (double)NAN;
}

bnc_profile_runs bnc_profile_sum_runs(const bnc_profile *p, bnc_program_id id) {
  bnc_profile_runs r = {0};
  for (size_t i = 0; i < p->phases; i++) {
    const bnc_profile_phase *phase = &p->phase[i];
    if (bnc_phase_program(phase->kind) != id) continue;
    r.runs++;
    r.rows += phase->rows;
    r.nanoseconds += phase->duration;
    r.cpu += bnc_profile_phase_cpu(p, phase);
    r.joules += bnc_profile_joules(p, phase->start, phase->start + phase->duration);
  }
  return r;
}
