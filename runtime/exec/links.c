/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec/links.h"

#include "platforms/base/mem.h"

/* Bytes of the arena. */
typedef struct span {
  uint64_t from, to;
} span;

static span span_of(const bnc_operand *o) {
  const bool there = o->space == BNC_SPACE_ARENA;
  return (span){there ? o->offset : 0, there ? o->offset + bnc_operand_bytes(o) : 0};
}

/* Rows of it lie so close together that nothing else lies between them. */
static bool is_whole(const bnc_operand *o) {
  return o->element != BNC_ELEMENT_F32 || o->stride - o->cols < 2 * BNC_ALIGNMENT / sizeof(float);
}

enum { MOST_SPANS = 8 };

/* What is left of a value that ops write over, bit by bit. */
typedef struct remains {
  span left[MOST_SPANS];
  size_t count;
} remains;

static bool touches(const remains *r, const bnc_operand *o) {
  const span s = span_of(o);
  for (size_t i = 0; i < r->count; i++)
    if (s.from < r->left[i].to && r->left[i].from < s.to) return true;
  return false;
}

/* What finds no room for a piece more keeps all of it: it is then taken for read where it is not. */
static void write_over(remains *r, const bnc_operand *o) {
  const span s = span_of(o);
  if (!is_whole(o)) return;
  for (size_t i = 0; i < r->count; i++) {
    span *left = &r->left[i];
    if (s.to <= left->from || left->to <= s.from) continue;
    const span front = {left->from, s.from}, back = {s.to, left->to};
    const bool keeps_front = front.from < front.to, keeps_back = back.from < back.to;
    if (keeps_front && keeps_back) {
      if (r->count == MOST_SPANS) continue;
      *left = front;
      r->left[r->count++] = back;
    } else if (keeps_front || keeps_back) {
      *left = keeps_front ? front : back;
    } else {
      *left = r->left[--r->count];
      i--; /* what came here is yet to be looked at */
    }
  }
}

static bool is_probed(const bnc_program *program, uint32_t i, const remains *r) {
  for (uint32_t p = 0; p < program->head->probes; p++)
    if (program->probe[p].op == i && touches(r, &program->probe[p].value)) return true;
  return false;
}

/* A search for readers: of files that somebody made to be searched for ever, an end. */
typedef struct search {
  const bnc_program *program;
  uint64_t left; /* ops and probes that may still be looked at */
} search;
#define MOST_LOOKS ((uint64_t)1 << 23) /* the largest models need some 200,000 */

static bool is_spent(search *s) {
  const uint64_t looks = 1 + s->program->head->probes;
  s->left -= looks < s->left ? looks : s->left;
  return s->left == 0;
}

/* Whether an op behind op i + 1, a probe or the program's caller reads a value that op i wrote, or nobody found out. */
static bool is_read_later(search *s, uint32_t i, const bnc_operand *value) {
  const bnc_program *program = s->program;
  remains r = {{span_of(value)}, 1};
  for (uint32_t k = i; k < program->head->ops && r.count; k++) {
    if (is_spent(s)) return true;
    const bnc_file_op *op = &program->op[k];
    for (size_t in = 0; k > i + 1 && in < BNC_OP_INPUTS; in++)
      if (touches(&r, &op->in[in])) return true;
    for (size_t out = 0; k > i && out < BNC_OP_OUTPUTS; out++) write_over(&r, &op->out[out]);
    if (is_probed(program, k, &r)) return true;
  }
  return touches(&r, &program->head->output);
}

/* The three inputs are the layer's columns, all of them, in this order. */
static bool are_thirds(const bnc_operand *all, const bnc_operand *in) {
  for (uint64_t p = 0; p < 3; p++)
    if (in[p].space != BNC_SPACE_ARENA || in[p].rows != all->rows || in[p].varying != all->varying || in[p].stride != all->stride ||
        3 * (uint64_t)in[p].cols != all->cols || in[p].offset != all->offset + p * in[p].cols * sizeof(float))
      return false;
  return true;
}

/* As many heads for each thread, or so many that one more for some is little. */
static bool shares(uint32_t heads, size_t threads) {
  const size_t rounds = (heads + threads - 1) / threads;
  return 8 * rounds * threads <= 9 * (size_t)heads;
}

static bool has_heads(const bnc_executor *ex, search *s, uint32_t i) {
  const bnc_file_op *linear = &s->program->op[i], *attention = linear + 1;
  if (attention->kind != BNC_OP_ATTENTION_I8 || !bnc_op_is_own(ex, linear)) return false;
  const bnc_file_weight *w = &ex->file->weight[linear->weight];
  const uint32_t heads = attention->attr.attention.heads, size = attention->in[0].cols / heads;
  const size_t rows = linear->out[0].rows;
  return w->dtype == BNC_WEIGHT_QC8 && linear->attr.linear.count == w->n && heads == attention->attr.attention.kv_heads &&
         size % BNC_I8_COLUMNS == 0 && rows <= bnc_attention_most_rows(1, 1) && are_thirds(&linear->out[0], attention->in) &&
         bnc_matmul_tiles_bytes(ex->kernels->level, rows, w->k) > 0 && linear->macs + attention->macs <= ex->round_macs &&
         linear->macs / heads >= BNC_SHARED_MACS && shares(heads, bnc_pool_threads(ex->pool)) && !is_read_later(s, i, &linear->out[0]);
}

/* The qd8 result of an op that writes nothing else but a sum; NULL: it is none. */
static const bnc_operand *rows_of(const bnc_file_op *op) {
  const bnc_op_info *info = bnc_op_info_of(op->kind);
  if (op->kind == BNC_OP_PATCHES_U8) return NULL;
  for (size_t k = 0; k < BNC_OP_OUTPUTS; k++) {
    const bnc_operand *o = &op->out[k];
    if (o->space == BNC_SPACE_NONE || info->out[k] == BNC_ROLE_SUM) continue;
    return o->element == BNC_ELEMENT_QD8 ? o : NULL;
  }
  return NULL;
}

static bool same_rows(const bnc_operand *a, const bnc_operand *b) {
  return a->space == b->space && a->element == b->element && a->offset == b->offset && a->rows == b->rows && a->cols == b->cols &&
         a->varying == b->varying;
}

/* Tiles are of all rows that a layer multiplies: not of those of a round. */
static bool has_tiles(const bnc_executor *ex, search *s, uint32_t i) {
  const bnc_operand *rows = rows_of(&s->program->op[i]);
  const bnc_file_op *linear = &s->program->op[i + 1];
  if (!rows || !bnc_op_is_own(ex, linear) || !same_rows(rows, &linear->in[0])) return false;
  const uint32_t dtype = ex->file->weight[linear->weight].dtype;
  return (dtype == BNC_WEIGHT_QC8 || dtype == BNC_WEIGHT_QC4) && bnc_matmul_tiles_bytes(ex->kernels->level, rows->rows, rows->cols) > 0 &&
         (uint64_t)BNC_TILES_ROWS * rows->cols <= ex->scratch_bytes && linear->macs <= ex->round_macs && !is_read_later(s, i, rows);
}

bnc_status bnc_links_create(bnc_executor *ex, bnc_error *err) {
  size_t rows = 0;
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) {
    const bnc_program *program = &ex->file->program[id];
    if (!program->head) continue;
    uint8_t *link = ex->link_of[id] = bnc_mem_array((size_t)program->head->ops + 1, 1);
    if (!link) return bnc_fail_memory(err, program->head->ops);
    search s = {program, MOST_LOOKS};
    for (uint32_t i = 0; i + 1 < program->head->ops; i++) {
      link[i] = has_tiles(ex, &s, i) ? BNC_LINK_TILES : has_heads(ex, &s, i) ? BNC_LINK_HEADS : BNC_LINK_NONE;
      if (link[i] == BNC_LINK_HEADS && program->op[i].out[0].rows > rows) rows = program->op[i].out[0].rows;
    }
  }
  if (rows) ex->params = bnc_mem_array(rows, sizeof *ex->params);
  return rows && !ex->params ? bnc_fail_memory(err, rows * sizeof *ex->params) : BNC_OK;
}

void bnc_links_destroy(bnc_executor *ex) {
  for (bnc_program_id id = 0; id < BNC_PROGRAMS; id++) bnc_mem_free(ex->link_of[id]);
  bnc_mem_free(ex->params);
}
