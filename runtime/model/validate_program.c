/* SPDX-License-Identifier: Apache-2.0 */
/* A program is safe to run: every operand lies inside its space, and shapes fit each other as each op needs them. */
#include <math.h>
#include <string.h>

#include "ops/attention/attention.h"
#include "ops/matmul/matmul.h"
#include "platforms/base/mem.h"
#include "runtime/model/probes.h"

/* Attention's scratch memory for these fits into 32 bits; models have less. */
#define MOST_HEADS 1024u
#define MOST_HEAD_COLUMNS 65536u

typedef struct checker {
  const bnc_model_file *f;
  const bnc_program *p;
  bool vision;
  uint8_t *known; /* a bit per 64 bytes of CONSTANTS: the table that starts there was checked. Thousands of ops may share one */
  const char *name;
  uint32_t op;
  bnc_error *err;
} checker;

static bool fail(const checker *c, const char *what) {
  const bnc_file_op *op = &c->p->op[c->op];
  bnc_fail(c->err, BNC_ERROR_FORMAT, "program %s, op %u (%s, kind %u): %s", c->name, c->op, bnc_model_file_string(c->f, op->name), op->kind,
           what);
  return false;
}

static bool operand_ok(const checker *c, const bnc_operand *o) {
  uint64_t limit = o->space == BNC_SPACE_ARENA ? c->p->head->arena_bytes : c->f->constants.size;
  if (o->space == BNC_SPACE_NONE) return true;
  if (o->space > BNC_SPACE_CONSTANT || o->element > BNC_ELEMENT_QD8 || o->varying > 1) return false;
  if (o->rows == 0 || o->cols == 0 || o->rows > (1u << 30) || o->cols > (1u << 30) || o->stride < o->cols || o->stride > (1u << 30))
    return false;
  if (o->element == BNC_ELEMENT_QD8 && (o->stride != o->cols || o->offset % 64 != 0 || o->space != BNC_SPACE_ARENA)) return false;
  if (o->element == BNC_ELEMENT_F32 && o->offset % 4 != 0) return false;
  if (o->varying && (o->space != BNC_SPACE_ARENA || o->rows != c->p->head->input.rows || c->vision)) return false;
  uint64_t bytes = bnc_operand_bytes(o);
  return o->offset <= limit && bytes <= limit - o->offset;
}

static bool table_ok(const checker *c, const bnc_operand *o) {
  if (o->space == BNC_SPACE_NONE) return true;
  if (o->space != BNC_SPACE_CONSTANT || o->offset % 64 != 0 || o->offset > c->f->constants.size ||
      c->f->constants.size - o->offset < sizeof(bnc_file_taps))
    return false;
  bnc_file_taps t;
  memcpy(&t, c->f->constants.data + o->offset, sizeof t);
  uint64_t bytes = sizeof t + ((uint64_t)t.rows + 1) * 4 + (uint64_t)t.taps * 8;
  if (bytes > c->f->constants.size - o->offset || t.rows != o->rows || t.in_rows != o->cols || t.rows == 0 || t.gather > 1) return false;
  size_t unit = (size_t)(o->offset / 64);
  if ((c->known[unit / 8] >> (unit % 8)) & 1u) return true;
  const uint32_t *start = (const uint32_t *)(const void *)(c->f->constants.data + o->offset + sizeof t), *index = start + t.rows + 1;
  if (start[0] != 0 || start[t.rows] != t.taps) return false;
  for (uint32_t r = 0; r < t.rows; r++)
    if (start[r + 1] < start[r] || (t.gather && start[r + 1] - start[r] != 1)) return false;
  for (uint32_t k = 0; k < t.taps; k++)
    if (index[k] >= t.in_rows) return false;
  c->known[unit / 8] |= (uint8_t)(1u << (unit % 8));
  return true;
}

static bool is_gather(const checker *c, const bnc_operand *o) {
  bnc_file_taps t;
  memcpy(&t, c->f->constants.data + o->offset, sizeof t);
  return o->space == BNC_SPACE_CONSTANT && t.gather;
}

static bool f32(const bnc_operand *o) { return o->space != BNC_SPACE_NONE && o->element == BNC_ELEMENT_F32; }
static bool same_rows(const bnc_operand *a, const bnc_operand *b) { return a->rows == b->rows && a->varying == b->varying; }
static bool same_shape(const bnc_operand *a, const bnc_operand *b) { return same_rows(a, b) && a->cols == b->cols; }
static bool row_of(const bnc_operand *o, uint32_t cols) { return f32(o) && o->rows == 1 && o->cols == cols && !o->varying; }
static bool absent(const bnc_operand *o) { return o->space == BNC_SPACE_NONE; }
/* An optional output of x's shape. */
static bool twin(const bnc_operand *x, const bnc_operand *o, bnc_element element) {
  return absent(o) || (o->space == BNC_SPACE_ARENA && o->element == element && same_shape(x, o));
}
static bool picture(const bnc_operand *o) {
  return o->space == BNC_SPACE_ARENA && o->element == BNC_ELEMENT_U8 && o->cols == 3 && o->stride == 3 && !o->varying;
}
static bool lut(const bnc_operand *o) {
  return f32(o) && o->space == BNC_SPACE_CONSTANT && o->rows == 3 && o->cols == 256 && o->stride == 256;
}

/* Quantising patches finds a row's range by its bytes. */
static bool lut_ascends(const checker *c, const bnc_operand *o) {
  const float *level = (const float *)(const void *)(c->f->constants.data + o->offset); /* [3, 256] */
  for (size_t i = 0; i < 3 * 256; i++)
    if (!isfinite(level[i]) || (i % 256 != 0 && level[i] < level[i - 1])) return false;
  return true;
}

static bool patches_out(const bnc_operand *o, bnc_element element, uint64_t side, uint64_t patch) {
  uint64_t grid = side / patch;
  return o->element == element && !o->varying && o->rows == grid * grid && o->cols == 3 * patch * patch;
}

static bool patches_ok(const checker *c, const bnc_file_op *op) {
  const bnc_operand *x = &op->in[0], *rows = &op->table[0], *columns = &op->table[1], *f = &op->out[0], *q = &op->out[1];
  uint32_t p = op->a[0], side = rows->rows;
  if (absent(rows) || absent(columns) || !is_gather(c, rows) || !is_gather(c, columns) || columns->rows != side) return false;
  if ((uint64_t)rows->cols * columns->cols != x->rows || p == 0 || p > 65535 || side == 0 || side % p != 0) return false;
  if (op->kind == BNC_OP_PATCHES) return f32(x) && x->cols == 3 && !x->varying && !absent(f) && patches_out(f, BNC_ELEMENT_F32, side, p);
  return picture(x) && lut(&op->in[1]) && (absent(f) || patches_out(f, BNC_ELEMENT_F32, side, p)) &&
         (absent(q) || (patches_out(q, BNC_ELEMENT_QD8, side, p) && lut_ascends(c, &op->in[1])));
}

static bool picture_op_ok(const checker *c, const bnc_file_op *op) {
  const bnc_operand *x = &op->in[0], *y = &op->out[0];
  switch (op->kind) {
    case BNC_OP_NORMALIZE: return picture(x) && lut(&op->in[1]) && f32(y) && y->rows == x->rows && y->cols == 3 && !y->varying;
    case BNC_OP_RESAMPLE:
      return f32(x) && f32(y) && !x->varying && !y->varying && !absent(&op->table[0]) && !absent(&op->table[1]) && x->cols == y->cols &&
             (uint64_t)op->table[0].cols * op->table[1].cols == x->rows && (uint64_t)op->table[0].rows * op->table[1].rows == y->rows;
    default: return patches_ok(c, op); /* BNC_OP_PATCHES, BNC_OP_PATCHES_U8 */
  }
}

static bool heads_ok(const bnc_operand *o, uint32_t heads) {
  return heads > 0 && heads <= MOST_HEADS && o->cols <= MOST_HEAD_COLUMNS && o->cols % heads == 0;
}
/* The run's rows, or the last of them: a fixed number of rows has no position in the context. */
static bool has_position(const bnc_operand *o) { return o->varying || o->rows == 1; }

static bool attention_op_ok(const checker *c, const bnc_file_op *op) {
  const bnc_file_meta *m = &c->f->meta;
  const bnc_operand *x = &op->in[0], *y = &op->out[0];
  if (!f32(x) || x->space != BNC_SPACE_ARENA) return false;
  switch (op->kind) {
    case BNC_OP_ATTENTION:
    case BNC_OP_ATTENTION_I8: {
      const bnc_operand *k = &op->in[1], *v = &op->in[2];
      uint32_t heads = op->a[0], kv_heads = op->a[1];
      return f32(k) && f32(v) && f32(y) && heads_ok(x, heads) && heads_ok(k, kv_heads) && heads % kv_heads == 0 &&
             x->cols / heads == k->cols / kv_heads && same_shape(x, y) && same_shape(k, v) && !k->varying && !x->varying &&
             isfinite(op->f[0]) && (op->kind == BNC_OP_ATTENTION || x->cols / heads <= BNC_ATTENTION_I8_SIZE);
    }
    case BNC_OP_ROPE:
      return !c->vision && has_position(x) && f32(y) && same_shape(x, y) && heads_ok(x, op->a[0]) && x->cols / op->a[0] == m->head_dim;
    case BNC_OP_KV_APPEND:
      return !c->vision && f32(&op->in[1]) && same_shape(x, &op->in[1]) && op->a[0] < m->layers && op->a[1] == m->kv_heads &&
             x->cols == m->kv_heads * m->head_dim && x->varying;
    default: /* BNC_OP_CACHE_ATTENTION */
      return !c->vision && has_position(x) && f32(y) && same_shape(x, y) && op->a[0] == m->heads && op->a[1] == m->kv_heads &&
             op->a[2] < m->layers && x->cols == m->heads * m->head_dim && isfinite(op->f[0]);
  }
}

static bool linear_ok(const checker *c, const bnc_file_op *op) {
  const bnc_operand *x = &op->in[0], *y = &op->out[0];
  if (op->weight >= c->f->weights) return false;
  const bnc_file_weight *w = &c->f->weight[op->weight];
  bool quantized = w->dtype != BNC_W_F32;
  return x->space == BNC_SPACE_ARENA && x->element == (quantized ? BNC_ELEMENT_QD8 : BNC_ELEMENT_F32) && f32(y) && same_rows(x, y) &&
         x->cols == w->k && op->a[1] == y->cols && op->a[0] <= w->n && op->a[1] <= w->n - op->a[0] && y->space == BNC_SPACE_ARENA &&
         (w->dtype != BNC_W_QG4 || op->a[0] % BNC_I4_PANEL == 0);
}

static bool op_ok(const checker *c, const bnc_file_op *op) {
  const bnc_operand *x = &op->in[0], *y = &op->out[0];
  switch (op->kind) {
    case BNC_OP_NORMALIZE:
    case BNC_OP_RESAMPLE:
    case BNC_OP_PATCHES:
    case BNC_OP_PATCHES_U8: return picture_op_ok(c, op);
    case BNC_OP_ATTENTION:
    case BNC_OP_ATTENTION_I8:
    case BNC_OP_ROPE:
    case BNC_OP_KV_APPEND:
    case BNC_OP_CACHE_ATTENTION: return attention_op_ok(c, op);
    case BNC_OP_LINEAR: return linear_ok(c, op);
    case BNC_OP_GATHER:
      return f32(x) && f32(y) && !absent(&op->table[0]) && op->table[0].rows == y->rows && op->table[0].cols == x->rows &&
             x->cols == y->cols && !x->varying && !y->varying;
    case BNC_OP_COPY: return f32(x) && f32(y) && same_shape(x, y);
    case BNC_OP_LAYER_NORM:
      return f32(x) && row_of(&op->in[1], x->cols) && row_of(&op->in[2], x->cols) && twin(x, y, BNC_ELEMENT_F32) &&
             twin(x, &op->out[1], BNC_ELEMENT_QD8);
    case BNC_OP_RMS_NORM:
      return f32(x) && row_of(&op->in[1], x->cols) && twin(x, y, BNC_ELEMENT_F32) && twin(x, &op->out[1], BNC_ELEMENT_QD8);
    case BNC_OP_ADD:
    case BNC_OP_MEAN: return f32(x) && f32(&op->in[1]) && f32(y) && same_shape(x, y) && same_shape(&op->in[1], y);
    case BNC_OP_ADD_LAYER_NORM:
    case BNC_OP_ADD_RMS_NORM:
      return f32(x) && f32(&op->in[1]) && f32(y) && same_shape(x, y) && same_shape(&op->in[1], y) && row_of(&op->in[2], x->cols) &&
             (op->kind == BNC_OP_ADD_RMS_NORM || row_of(&op->in[3], x->cols)) && twin(x, &op->out[1], BNC_ELEMENT_F32) &&
             twin(x, &op->out[2], BNC_ELEMENT_QD8);
    case BNC_OP_GELU:
    case BNC_OP_QUICK_GELU:
      return f32(x) && x->space == BNC_SPACE_ARENA && twin(x, y, BNC_ELEMENT_F32) && twin(x, &op->out[1], BNC_ELEMENT_QD8);
    case BNC_OP_SILU_MUL:
      return f32(x) && x->space == BNC_SPACE_ARENA && f32(&op->in[1]) && same_shape(x, &op->in[1]) && twin(x, y, BNC_ELEMENT_F32) &&
             twin(x, &op->out[1], BNC_ELEMENT_QD8);
    case BNC_OP_QUANTIZE: return f32(x) && y->space == BNC_SPACE_ARENA && y->element == BNC_ELEMENT_QD8 && same_shape(x, y);
    case BNC_OP_LAST_ROW: return f32(x) && x->varying && f32(y) && y->rows == 1 && !y->varying && x->cols == y->cols;
    default: return false;
  }
}

static bnc_status check_ends(checker *c, bnc_program_id id) {
  const bnc_file_meta *m = &c->f->meta;
  const bnc_operand *in = &c->p->head->input, *out = &c->p->head->output;
  bool ok =
      operand_ok(c, in) && operand_ok(c, out) && in->space == BNC_SPACE_ARENA && out->space == BNC_SPACE_ARENA && f32(out) && !out->varying;
  if (id == BNC_PROGRAM_VISION)
    ok = ok && picture(in) && in->rows == (uint64_t)m->input_side * m->input_side && out->rows == m->image_rows && out->cols == m->hidden;
  else
    ok = ok && f32(in) && in->varying && in->stride == in->cols && in->cols == m->hidden && out->rows == 1 && out->cols == m->vocabulary &&
         in->rows <= m->context;
  return ok ? BNC_OK : bnc_fail(c->err, BNC_ERROR_FORMAT, "program %s: its input or output does not fit the model", c->name);
}

bnc_status bnc_program_validate(const bnc_model_file *f, bnc_program_id id, bnc_error *err) {
  static const char *const names[BNC_PROGRAMS] = {"vision", "prefill", "decode"};
  checker c = {.f = f, .p = &f->program[id], .name = names[id], .err = err};
  const bnc_file_program *head = c.p->head;
  if (head->arena_bytes > (uint64_t)1 << 40 || head->arena_bytes > SIZE_MAX / 2)
    return bnc_fail(err, BNC_ERROR_FORMAT, "program %s: an arena of %llu bytes", c.name, (unsigned long long)head->arena_bytes);
  if (head->probes > BNC_PROBES_MAX)
    return bnc_fail(err, BNC_ERROR_FORMAT, "program %s: %u probes, expected at most %u", c.name, head->probes, BNC_PROBES_MAX);
  c.vision = id == BNC_PROGRAM_VISION;
  c.known = bnc_mem_zalloc(f->constants.size / 64 / 8 + 1);
  if (!c.known) return bnc_fail_memory(err, f->constants.size / 64 / 8 + 1);
  bnc_status s = check_ends(&c, id);
  for (c.op = 0; s == BNC_OK && c.op < head->ops; c.op++) {
    const bnc_file_op *op = &c.p->op[c.op];
    bool ok = true;
    for (int i = 0; i < BNC_OP_INPUTS; i++) ok = ok && operand_ok(&c, &op->in[i]);
    for (int i = 0; i < BNC_OP_OUTPUTS; i++) ok = ok && operand_ok(&c, &op->out[i]) && op->out[i].space != BNC_SPACE_CONSTANT;
    for (int i = 0; i < 2; i++) ok = ok && table_ok(&c, &op->table[i]);
    if (!ok)
      s = fail(&c, "an operand leaves its space"), s = BNC_ERROR_FORMAT;
    else if (!op_ok(&c, op))
      s = fail(&c, "operands do not fit each other"), s = BNC_ERROR_FORMAT;
  }
  for (uint32_t i = 0; s == BNC_OK && i < head->probes; i++) {
    const bnc_file_probe *probe = &c.p->probe[i];
    if (probe->stage >= BNC_STAGES || probe->op >= head->ops || !operand_ok(&c, &probe->value) || !f32(&probe->value))
      s = bnc_fail(err, BNC_ERROR_FORMAT, "program %s: probe %u does not fit the program", c.name, i);
  }
  bnc_mem_free(c.known);
  return s;
}
