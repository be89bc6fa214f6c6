/* SPDX-License-Identifier: Apache-2.0 */
/* A program is safe to run: every operand lies inside its space, and shapes fit each other as each op needs them. */
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/model/probes.h"
#include "runtime/model/validate_private.h"

/* A row of a table names each row of its input a few times at most (at the edges, where bicubic taps fall onto one row): work is bounded by
   what is read and written. */
#define MOST_TAPS_PER_ROW 16u

static bool operand_ok(const bnc_op_check *c, const bnc_operand *o) {
  uint64_t limit = o->space == BNC_SPACE_ARENA ? c->program->head->arena_bytes : c->file->constants.size;
  if (o->space == BNC_SPACE_NONE) return true;
  if (o->space > BNC_SPACE_CONSTANT || o->element > BNC_ELEMENT_QD8 || o->varying > 1) return false;
  if (o->rows == 0 || o->cols == 0 || o->rows > (1u << 30) || o->cols > (1u << 30) || o->stride < o->cols || o->stride > (1u << 30))
    return false;
  if (o->element == BNC_ELEMENT_QD8 && (o->stride != o->cols || o->offset % 64 != 0 || o->space != BNC_SPACE_ARENA)) return false;
  if (o->element == BNC_ELEMENT_F32 && o->offset % 4 != 0) return false;
  if (o->varying && (o->space != BNC_SPACE_ARENA || o->rows != c->program->head->input.rows || c->vision)) return false;
  uint64_t bytes = bnc_operand_bytes(o);
  return o->offset <= limit && bytes <= limit - o->offset;
}

static bool table_ok(const bnc_op_check *c, const bnc_operand *o) {
  if (o->space == BNC_SPACE_NONE) return true;
  if (o->space != BNC_SPACE_CONSTANT || o->offset % 64 != 0 || o->offset > c->file->constants.size ||
      c->file->constants.size - o->offset < sizeof(bnc_file_taps))
    return false;
  bnc_file_taps t;
  memcpy(&t, c->file->constants.data + o->offset, sizeof t);
  uint64_t bytes = sizeof t + ((uint64_t)t.rows + 1) * 4 + (uint64_t)t.taps * 8;
  if (bytes > c->file->constants.size - o->offset || t.rows != o->rows || t.in_rows != o->cols || t.rows == 0 || t.gather > 1) return false;
  size_t unit = (size_t)(o->offset / 64);
  if ((c->known[unit / 8] >> (unit % 8)) & 1u) return true;
  /* Tables do not overlap: many that share bytes would take far longer to check, and to run, than a file of this size should. */
  *c->checked += bytes;
  if (*c->checked > c->file->constants.size) return false;
  const uint32_t *start = (const uint32_t *)(const void *)(c->file->constants.data + o->offset + sizeof t), *index = start + t.rows + 1;
  if (start[0] != 0 || start[t.rows] != t.taps) return false;
  const uint64_t most = (uint64_t)t.in_rows * MOST_TAPS_PER_ROW;
  for (uint32_t r = 0; r < t.rows; r++)
    if (start[r + 1] < start[r] || start[r + 1] - start[r] > most || (t.gather && start[r + 1] - start[r] != 1)) return false;
  for (uint32_t k = 0; k < t.taps; k++)
    if (index[k] >= t.in_rows) return false;
  c->known[unit / 8] |= (uint8_t)(1u << (unit % 8));
  return true;
}

static bnc_status check_ends(const bnc_op_check *c, const char *name, bnc_error *err) {
  const bnc_file_meta *m = &c->file->meta;
  const bnc_operand *in = &c->program->head->input, *out = &c->program->head->output;
  bool ok = operand_ok(c, in) && operand_ok(c, out) && in->space == BNC_SPACE_ARENA && out->space == BNC_SPACE_ARENA &&
            bnc_operand_is_f32(out) && !out->varying;
  if (c->vision)
    ok = ok && bnc_operand_is_picture(in) && in->rows == (uint64_t)m->input_side * m->input_side && out->rows == m->image_rows &&
         out->cols == m->hidden;
  else
    ok = ok && bnc_operand_is_f32(in) && in->varying && in->stride == in->cols && in->cols == m->hidden && out->rows == 1 &&
         out->cols == m->vocabulary && in->rows <= m->context;
  return ok ? BNC_OK : bnc_fail(err, BNC_ERROR_FORMAT, "program %s: its input or output does not fit the model", name);
}

static const char *misfit(const bnc_op_check *c, const bnc_file_op *op) {
  bool inside = true;
  for (int i = 0; i < BNC_OP_INPUTS; i++) inside = inside && operand_ok(c, &op->in[i]);
  for (int i = 0; i < BNC_OP_OUTPUTS; i++) inside = inside && operand_ok(c, &op->out[i]) && op->out[i].space != BNC_SPACE_CONSTANT;
  if (!inside) return "an operand leaves its space";
  for (int i = 0; i < 2; i++)
    if (!table_ok(c, &op->table[i])) return "a table of taps is broken";
  return bnc_op_misfit(c, op);
}

static bnc_status check_ops(const bnc_op_check *c, const char *name, bnc_error *err) {
  for (uint32_t i = 0; i < c->program->head->ops; i++) {
    const bnc_file_op *op = &c->program->op[i];
    const char *what = misfit(c, op);
    if (what)
      return bnc_fail(err, BNC_ERROR_FORMAT, "program %s, op %u (%s, kind %u): %s", name, i, bnc_model_file_string(c->file, op->name),
                      op->kind, what);
  }
  return BNC_OK;
}

static void reach(const bnc_operand *o, uint64_t *end) {
  if (o->space != BNC_SPACE_ARENA) return;
  const uint64_t last = o->offset + bnc_operand_bytes(o);
  if (last > *end) *end = last;
}

/* An arena is as large as its operands need: more would be memory that a small file takes for nothing. */
static bnc_status check_arena(const bnc_op_check *c, const char *name, bnc_error *err) {
  const bnc_file_program *head = c->program->head;
  uint64_t end = 0;
  reach(&head->input, &end);
  reach(&head->output, &end);
  for (uint32_t i = 0; i < head->ops; i++) {
    for (int k = 0; k < BNC_OP_INPUTS; k++) reach(&c->program->op[i].in[k], &end);
    for (int k = 0; k < BNC_OP_OUTPUTS; k++) reach(&c->program->op[i].out[k], &end);
  }
  const uint64_t needed = (end + BNC_FORMAT_ALIGNMENT - 1) / BNC_FORMAT_ALIGNMENT * BNC_FORMAT_ALIGNMENT;
  if (head->arena_bytes <= needed) return BNC_OK; /* no less: every operand lies inside */
  return bnc_fail(err, BNC_ERROR_FORMAT, "program %s: an arena of %llu bytes, but its operands need %llu", name,
                  (unsigned long long)head->arena_bytes, (unsigned long long)needed);
}

static bnc_status check_probes(const bnc_op_check *c, const char *name, bnc_error *err) {
  const bnc_file_program *head = c->program->head;
  if (head->probes > BNC_PROBES_MAX)
    return bnc_fail(err, BNC_ERROR_FORMAT, "program %s: %u probes, expected at most %u", name, head->probes, BNC_PROBES_MAX);
  for (uint32_t i = 0; i < head->probes; i++) {
    const bnc_file_probe *probe = &c->program->probe[i];
    if (probe->stage >= BNC_STAGES || probe->op >= head->ops || !operand_ok(c, &probe->value) || !bnc_operand_is_f32(&probe->value))
      return bnc_fail(err, BNC_ERROR_FORMAT, "program %s: probe %u does not fit the program", name, i);
  }
  return BNC_OK;
}

bnc_status bnc_program_validate(const bnc_model_file *f, bnc_program_id id, bnc_error *err) {
  const char *name = bnc_program_name(id);
  const bnc_file_program *head = f->program[id].head;
  uint64_t checked = 0;
  bnc_op_check c = {.file = f, .program = &f->program[id], .vision = id == BNC_PROGRAM_VISION, .checked = &checked};
  if (head->arena_bytes > (uint64_t)1 << 40 || head->arena_bytes > SIZE_MAX / 2)
    return bnc_fail(err, BNC_ERROR_FORMAT, "program %s: an arena of %llu bytes", name, (unsigned long long)head->arena_bytes);
  c.known = bnc_mem_zalloc(f->constants.size / 64 / 8 + 1);
  if (!c.known) return bnc_fail_memory(err, f->constants.size / 64 / 8 + 1);
  bnc_status s = check_ends(&c, name, err);
  if (s == BNC_OK) s = check_ops(&c, name, err);
  if (s == BNC_OK) s = check_arena(&c, name, err);
  if (s == BNC_OK) s = check_probes(&c, name, err);
  bnc_mem_free(c.known);
  return s;
}
