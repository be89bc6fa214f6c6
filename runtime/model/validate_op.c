/* SPDX-License-Identifier: Apache-2.0 */
/* Operands fit each other as each kind of op needs them: first what the op table says of their roles, then what a family's kernels rely
 * on. */
#include <math.h>
#include <string.h>

#include "ops/attention/attention.h"
#include "ops/hadamard/hadamard.h"
#include "ops/matmul/matmul.h"
#include "runtime/model/validate_private.h"

/* Attention's scratch memory for these fits into 32 bits; models have less. */
#define MOST_HEADS 1024u
#define MOST_HEAD_COLUMNS 65536u
#define MOST_KEYS (1u << 18) /* a block of query rows against them takes a second or two: a run can be stopped only between blocks */

static bool absent(const bnc_operand *o) { return o->space == BNC_SPACE_NONE; }
static bool same_rows(const bnc_operand *a, const bnc_operand *b) { return a->rows == b->rows && a->varying == b->varying; }
static bool same_shape(const bnc_operand *a, const bnc_operand *b) { return same_rows(a, b) && a->cols == b->cols; }
static bool is_qd8(const bnc_operand *o) { return o->space == BNC_SPACE_ARENA && o->element == BNC_ELEMENT_QD8; }
/* An optional result of x's shape. */
static bool twin(const bnc_operand *x, const bnc_operand *o) { return absent(o) || same_shape(x, o); }

bool bnc_operand_is_f32(const bnc_operand *o) { return !absent(o) && o->element == BNC_ELEMENT_F32; }
bool bnc_operand_is_picture(const bnc_operand *o) {
  return o->space == BNC_SPACE_ARENA && o->element == BNC_ELEMENT_U8 && o->cols == 3 && o->stride == 3 && !o->varying;
}

static bool levels(const bnc_operand *o) {
  return bnc_operand_is_f32(o) && o->space == BNC_SPACE_CONSTANT && o->rows == 3 && o->cols == 256 && o->stride == 256;
}

/* An operand is what its role says, whatever the op. first: the op's first input. */
static bool plays(bnc_role role, const bnc_operand *o, const bnc_operand *first) {
  switch (role) {
    case BNC_ROLE_NONE: return absent(o);
    case BNC_ROLE_ROWS:
    case BNC_ROLE_INPLACE:
    case BNC_ROLE_WHOLE:
    case BNC_ROLE_RESULT:
    case BNC_ROLE_SUM: return bnc_operand_is_f32(o);
    case BNC_ROLE_LAYER: return bnc_operand_is_f32(o) || is_qd8(o);
    case BNC_ROLE_LAST: return bnc_operand_is_f32(o) && o->varying;
    case BNC_ROLE_VECTOR: return bnc_operand_is_f32(o) && o->rows == 1 && o->cols == first->cols && !o->varying;
    case BNC_ROLE_PIXELS:
    case BNC_ROLE_PICTURE: return bnc_operand_is_picture(o);
    case BNC_ROLE_LEVELS: return levels(o);
    case BNC_ROLE_F32: return absent(o) || bnc_operand_is_f32(o);
    case BNC_ROLE_QD8: return is_qd8(o);
    case BNC_ROLE_QD8_TWIN: return absent(o) || is_qd8(o);
  }
  return false;
}

static bool play_their_roles(const bnc_file_op *op) {
  const bnc_op_info *info = bnc_op_info_of(op->kind);
  for (int i = 0; i < BNC_OP_INPUTS; i++)
    if (!plays(info->in[i], &op->in[i], &op->in[0])) return false;
  for (int i = 0; i < BNC_OP_OUTPUTS; i++)
    if (!plays(info->out[i], &op->out[i], &op->in[0])) return false;
  return true;
}

static bool is_gather(const bnc_op_check *c, const bnc_operand *o) {
  bnc_file_taps t;
  if (absent(o)) return false;
  memcpy(&t, c->file->constants.data + o->offset, sizeof t);
  return t.gather;
}

static bool valid_normalize(const bnc_op_check *c, const bnc_file_op *op) {
  const bnc_operand *y = &op->out[0];
  (void)c;
  return y->rows == op->in[0].rows && y->cols == 3 && !y->varying;
}

static bool valid_resample(const bnc_op_check *c, const bnc_file_op *op) {
  const bnc_operand *x = &op->in[0], *y = &op->out[0], *rows = &op->table[0], *columns = &op->table[1];
  (void)c;
  return !x->varying && !y->varying && !absent(rows) && !absent(columns) && x->cols == y->cols &&
         (uint64_t)rows->cols * columns->cols == x->rows && (uint64_t)rows->rows * columns->rows == y->rows;
}

/* Quantising patches finds a row's range by its bytes. */
static bool levels_ascend(const bnc_op_check *c, const bnc_operand *o) {
  const float *level = (const float *)(const void *)(c->file->constants.data + o->offset); /* [3, 256] */
  for (size_t i = 0; i < 3 * 256; i++)
    if (!isfinite(level[i]) || (i % 256 != 0 && level[i] < level[i - 1])) return false;
  return true;
}

static bool patches_or_absent(const bnc_operand *o, uint64_t side, uint64_t patch) {
  uint64_t grid = side / patch;
  return absent(o) || (!o->varying && o->rows == grid * grid && o->cols == 3 * patch * patch);
}

static bool valid_patches(const bnc_op_check *c, const bnc_file_op *op) {
  const bnc_operand *x = &op->in[0], *rows = &op->table[0], *columns = &op->table[1];
  uint32_t p = op->attr.patches.patch, side = rows->rows;
  if (!is_gather(c, rows) || !is_gather(c, columns) || columns->rows != side || x->cols != 3 || x->varying) return false;
  if ((uint64_t)rows->cols * columns->cols != x->rows || p == 0 || p > 65535 || side == 0 || side % p != 0) return false;
  return patches_or_absent(&op->out[0], side, p) && patches_or_absent(&op->out[1], side, p) &&
         (absent(&op->out[1]) || levels_ascend(c, &op->in[1]));
}

static bool valid_gather(const bnc_op_check *c, const bnc_file_op *op) {
  const bnc_operand *x = &op->in[0], *y = &op->out[0], *table = &op->table[0];
  (void)c;
  return !absent(table) && table->rows == y->rows && table->cols == x->rows && x->cols == y->cols && !x->varying && !y->varying;
}

static bool valid_copy(const bnc_op_check *c, const bnc_file_op *op) {
  (void)c;
  return same_shape(&op->in[0], &op->out[0]);
}

static bool valid_last_row(const bnc_op_check *c, const bnc_file_op *op) {
  const bnc_operand *y = &op->out[0];
  (void)c;
  return y->rows == 1 && !y->varying && op->in[0].cols == y->cols;
}

/* Rows of a weight that lie together. */
static uint32_t panel_of(uint32_t dtype) {
  return dtype == BNC_WEIGHT_BF16 ? BNC_FLOAT_PANEL : bnc_weight_is_int4(dtype) ? BNC_I4_PANEL : 1;
}

static bool valid_linear(const bnc_op_check *c, const bnc_file_op *op) {
  const bnc_operand *x = &op->in[0], *y = &op->out[0];
  uint32_t from = op->attr.linear.from, count = op->attr.linear.count;
  if (op->weight >= c->file->weights) return false;
  const bnc_file_weight *w = &c->file->weight[op->weight];
  return x->space == BNC_SPACE_ARENA && is_qd8(x) == !bnc_weight_is_float(w->dtype) && same_rows(x, y) && x->cols == w->k &&
         count == y->cols && from <= w->n && count <= w->n - from && from % panel_of(w->dtype) == 0;
}

static bool valid_norm(const bnc_op_check *c, const bnc_file_op *op) {
  const bnc_operand *x = &op->in[0];
  (void)c;
  if (bnc_op_info_of(op->kind)->out[0] != BNC_ROLE_SUM) return twin(x, &op->out[0]) && twin(x, &op->out[1]);
  return same_shape(x, &op->in[1]) && same_shape(x, &op->out[0]) && twin(x, &op->out[1]) && twin(x, &op->out[2]);
}

static bool valid_add(const bnc_op_check *c, const bnc_file_op *op) {
  (void)c;
  return same_shape(&op->in[0], &op->out[0]) && same_shape(&op->in[1], &op->out[0]);
}

/* The input lies in the arena: kernels that quantise work in its place. */
static bool valid_activate(const bnc_op_check *c, const bnc_file_op *op) {
  const bnc_operand *x = &op->in[0], *up = &op->in[1];
  (void)c;
  return x->space == BNC_SPACE_ARENA && twin(x, up) && twin(x, &op->out[0]) && twin(x, &op->out[1]);
}

static bool valid_quantize(const bnc_op_check *c, const bnc_file_op *op) {
  (void)c;
  return same_shape(&op->in[0], &op->out[0]);
}

static bool heads_fit(const bnc_operand *o, uint32_t heads) {
  return heads > 0 && heads <= MOST_HEADS && o->cols <= MOST_HEAD_COLUMNS && o->cols % heads == 0;
}

static bool valid_attention(const bnc_op_check *c, const bnc_file_op *op) {
  const bnc_operand *q = &op->in[0], *k = &op->in[1], *v = &op->in[2];
  uint32_t heads = op->attr.attention.heads, kv_heads = op->attr.attention.kv_heads;
  (void)c;
  return q->space == BNC_SPACE_ARENA && heads_fit(q, heads) && heads_fit(k, kv_heads) && heads % kv_heads == 0 &&
         q->cols / heads == k->cols / kv_heads && same_shape(q, &op->out[0]) && same_shape(k, v) && !k->varying && !q->varying &&
         k->rows <= MOST_KEYS && isfinite(op->attr.attention.scale) &&
         (op->kind == BNC_OP_ATTENTION || q->cols / heads <= BNC_ATTENTION_I8_SIZE);
}

/* The run's rows, or the last of them: a fixed number of rows has no position in the context. */
static bool has_position(const bnc_op_check *c, const bnc_operand *o) {
  return !c->vision && o->space == BNC_SPACE_ARENA && (o->varying || o->rows == 1);
}

static bool valid_rope(const bnc_op_check *c, const bnc_file_op *op) {
  const bnc_operand *x = &op->in[0];
  uint32_t heads = op->attr.rope.heads;
  return has_position(c, x) && same_shape(x, &op->out[0]) && heads_fit(x, heads) && x->cols / heads == c->file->meta.head_dim;
}

static bool valid_kv_append(const bnc_op_check *c, const bnc_file_op *op) {
  const bnc_file_meta *m = &c->file->meta;
  const bnc_operand *k = &op->in[0];
  return !c->vision && k->space == BNC_SPACE_ARENA && k->varying && same_shape(k, &op->in[1]) && k->cols == m->kv_heads * m->head_dim &&
         op->attr.kv_append.layer < m->layers && op->attr.kv_append.kv_heads == m->kv_heads;
}

static bool valid_cache_attention(const bnc_op_check *c, const bnc_file_op *op) {
  const bnc_file_meta *m = &c->file->meta;
  const bnc_operand *q = &op->in[0];
  return has_position(c, q) && same_shape(q, &op->out[0]) && q->cols == m->heads * m->head_dim && op->attr.attention.heads == m->heads &&
         op->attr.attention.kv_heads == m->kv_heads && op->attr.attention.layer < m->layers && isfinite(op->attr.attention.scale);
}

static bool valid_hadamard(const bnc_op_check *c, const bnc_file_op *op) {
  const bnc_operand *x = &op->in[0], *mix = &op->in[1];
  (void)c;
  return x->space == BNC_SPACE_ARENA && same_shape(x, &op->out[0]) && bnc_hadamard_fits(x->cols) && mix->space == BNC_SPACE_CONSTANT &&
         mix->rows == mix->cols && mix->stride == mix->cols && mix->rows <= BNC_HADAMARD_BLOCKS &&
         (mix->rows == 1 || mix->rows == x->cols / bnc_hadamard_block(x->cols));
}

#define VALIDATOR(kind, name, family, ...) [BNC_OP_##kind] = valid_##family,

const char *bnc_op_misfit(const bnc_op_check *c, const bnc_file_op *op) {
  static bool (*const valid[BNC_OP_KINDS])(const bnc_op_check *, const bnc_file_op *) = {BNC_OP_TABLE(VALIDATOR)};
  if (op->kind >= BNC_OP_KINDS) return "there is no such kind of op";
  if (!play_their_roles(op)) return "an operand is missing, too many, or of the wrong type";
  return valid[op->kind](c, op) ? NULL : "operands do not fit each other";
}
