/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/fuzz/mutate_bnc.h"

#include <math.h>
#include <string.h>

#include "runtime/model/format.h"
#include "runtime/model/program_format.h"
#include "tests/model/seal.h"

#define PROGRAMS 3

typedef struct program {
  bnc_file_program *head; /* NULL: the file has none */
  bnc_file_op *op;
  bnc_file_probe *probe;
  uint32_t ops, probes; /* as many as there are, whatever an edit makes the head say */
} program;

/* A file and where its parts lie. */
typedef struct parts {
  uint8_t *file;
  bnc_file_section *section[BNC_SECTION_KINDS]; /* NULL: absent */
  bnc_file_meta *meta;
  program programs[PROGRAMS];
  uint32_t random;
} parts;

static uint32_t draw(parts *m, uint32_t below) {
  m->random ^= m->random << 13;
  m->random ^= m->random >> 17;
  m->random ^= m->random << 5;
  return below ? m->random % below : 0;
}

static float odd_number(parts *m) {
  static const float odd[] = {0.0f, -0.0f, 1.0f, -1.0f, 1e-45f, 3e38f, -3e38f, 1e20f, INFINITY, -INFINITY, NAN};
  return odd[draw(m, sizeof odd / sizeof *odd)];
}

static bool find_program(parts *m, bnc_section_kind kind, program *p) {
  const bnc_file_section *s = m->section[kind];
  if (!s) return true;
  if (s->size < sizeof *p->head) return false;
  p->head = (bnc_file_program *)(void *)(m->file + s->offset);
  p->op = (bnc_file_op *)(void *)(p->head + 1);
  p->ops = p->head->ops;
  p->probes = p->head->probes;
  p->probe = (bnc_file_probe *)(void *)(p->op + p->ops);
  return p->ops > 0 && s->size == sizeof *p->head + (uint64_t)p->ops * sizeof *p->op + (uint64_t)p->probes * sizeof *p->probe;
}

static bool find_parts(parts *m, uint8_t *file, size_t size) {
  const bnc_file_header *h = (const bnc_file_header *)(void *)file;
  bnc_file_section *table = (bnc_file_section *)(void *)(file + sizeof *h);
  m->file = file;
  if (size < sizeof *h || h->sections > BNC_SECTIONS_MAX || h->sections * sizeof *table > size - sizeof *h) return false;
  for (uint32_t i = 0; i < h->sections; i++) {
    if (table[i].kind >= BNC_SECTION_KINDS || table[i].offset % BNC_FORMAT_ALIGNMENT || table[i].offset > size ||
        table[i].size > size - table[i].offset)
      return false;
    m->section[table[i].kind] = &table[i];
  }
  if (!m->section[BNC_SECTION_META] || m->section[BNC_SECTION_META]->size != sizeof *m->meta || !m->section[BNC_SECTION_CONSTANTS] ||
      !m->section[BNC_SECTION_DATA] || !m->section[BNC_SECTION_PREFILL])
    return false;
  m->meta = (bnc_file_meta *)(void *)(file + m->section[BNC_SECTION_META]->offset);
  return find_program(m, BNC_SECTION_VISION, &m->programs[0]) && find_program(m, BNC_SECTION_PREFILL, &m->programs[1]) &&
         find_program(m, BNC_SECTION_DECODE, &m->programs[2]);
}

static program *any_program(parts *m) {
  for (;;) {
    program *p = &m->programs[draw(m, PROGRAMS)];
    if (p->head) return p;
  }
}
static bnc_file_op *any_op(parts *m, const program *p) { return &p->op[draw(m, p->ops)]; }
/* An input or a result. */
static bnc_operand *any_operand(parts *m, bnc_file_op *op) {
  const uint32_t k = draw(m, BNC_OP_INPUTS + BNC_OP_OUTPUTS);
  return k < BNC_OP_INPUTS ? &op->in[k] : &op->out[k - BNC_OP_INPUTS];
}
/* The bytes of a constant that lies inside its section, or NULL. */
static uint8_t *constant(const parts *m, uint64_t offset, uint64_t size) {
  const bnc_file_section *s = m->section[BNC_SECTION_CONSTANTS];
  return offset % 4 == 0 && offset <= s->size && size <= s->size - offset ? m->file + s->offset + offset : NULL;
}

static void change_constant(parts *m) {
  const bnc_operand *o = any_operand(m, any_op(m, any_program(m)));
  uint8_t *at = o->space == BNC_SPACE_CONSTANT ? constant(m, o->offset, bnc_operand_bytes(o)) : NULL;
  const float value = odd_number(m);
  if (at && o->rows == 1 && o->cols) memcpy(at + sizeof value * draw(m, o->cols), &value, sizeof value);
}

static void change_taps(parts *m) {
  const bnc_file_op *op = any_op(m, any_program(m));
  const bnc_operand *o = &op->table[draw(m, 2)];
  bnc_file_taps t;
  const uint8_t *head = o->space == BNC_SPACE_CONSTANT ? constant(m, o->offset, sizeof t) : NULL;
  if (!head) return;
  memcpy(&t, head, sizeof t);
  uint8_t *index = constant(m, o->offset + sizeof t + ((uint64_t)t.rows + 1) * 4, (uint64_t)t.taps * 8);
  if (!index || !t.taps) return;
  const uint32_t k = draw(m, t.taps), row = draw(m, t.in_rows);
  const float weight = odd_number(m);
  if (draw(m, 2))
    memcpy(index + 4 * (size_t)k, &row, sizeof row);
  else
    memcpy(index + 4 * ((size_t)t.taps + k), &weight, sizeof weight);
}

static void change_data(parts *m) {
  const bnc_file_section *s = m->section[BNC_SECTION_DATA];
  if (s->size < 8) return;
  uint8_t *at = m->file + s->offset + draw(m, (uint32_t)s->size - 7);
  const uint32_t bits = draw(m, 0) ^ m->random;
  memcpy(at, &bits, 1 + draw(m, 4));
}

static uint64_t room(const program *p, const bnc_operand *o) {
  const uint64_t bytes = bnc_operand_bytes(o);
  return bytes <= p->head->arena_bytes ? p->head->arena_bytes - bytes : 0;
}

static void move_operand(parts *m) {
  const program *p = any_program(m);
  bnc_operand *o = any_operand(m, any_op(m, p));
  if (o->space == BNC_SPACE_ARENA) o->offset = 64 * (uint64_t)draw(m, (uint32_t)(room(p, o) / 64 + 1));
}

/* An operand lies where another one lies, whole or in part. */
static void overlap_operands(parts *m) {
  const program *p = any_program(m);
  bnc_operand *o = any_operand(m, any_op(m, p));
  const bnc_operand *other = any_operand(m, any_op(m, p));
  if (o->space == BNC_SPACE_ARENA && other->space == BNC_SPACE_ARENA && other->offset <= room(p, o)) o->offset = other->offset / 64 * 64;
}

static void widen_stride(parts *m) {
  const program *p = any_program(m);
  bnc_operand *o = any_operand(m, any_op(m, p));
  const uint32_t before = o->stride;
  if (o->space != BNC_SPACE_ARENA || o->element != BNC_ELEMENT_F32) return;
  o->stride += draw(m, 9);
  if (o->offset > room(p, o)) o->stride = before;
}

static void change_kind(parts *m) {
  static const uint16_t pairs[][2] = {{BNC_OP_GELU, BNC_OP_QUICK_GELU}, {BNC_OP_ADD, BNC_OP_MEAN}, {BNC_OP_ATTENTION, BNC_OP_ATTENTION_I8}};
  bnc_file_op *op = any_op(m, any_program(m));
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    for (int k = 0; k < 2; k++)
      if (op->kind == pairs[i][k]) {
        op->kind = pairs[i][1 - k];
        return;
      }
}

static void swap_ops(parts *m) {
  const program *p = any_program(m);
  bnc_file_op *a = any_op(m, p), *b = any_op(m, p), kept = *a;
  *a = *b;
  if (draw(m, 2)) *b = kept; /* else twice the one and never the other */
}

static void change_attributes(parts *m) {
  bnc_file_op *op = any_op(m, any_program(m));
  const float number = odd_number(m);
  switch (bnc_op_info_of(op->kind)->group) {
    case BNC_GROUP_NORM: op->attr.norm.eps = number; break;
    case BNC_GROUP_ATTENTION:
      op->attr.attention.scale = isfinite(number) ? number : -1.0f;
      if (op->kind == BNC_OP_CACHE_ATTENTION)
        op->attr.attention.layer = draw(m, m->meta->layers);
      else
        op->attr.attention.heads = op->attr.attention.kv_heads = 1u << draw(m, 4);
      break;
    case BNC_GROUP_LINEAR:
      if (op->attr.linear.count <= 8) break;
      op->attr.linear.from += 8;
      op->attr.linear.count -= 8;
      op->out[0].cols -= 8;
      break;
    default:
      if (op->kind == BNC_OP_KV_APPEND) op->attr.kv_append.layer = draw(m, m->meta->layers);
  }
}

/* All operands of the op that have as many rows as the first get fewer. */
static void drop_rows(parts *m) {
  bnc_file_op *op = any_op(m, any_program(m));
  const uint32_t rows = op->in[0].rows, kept = 1 + draw(m, rows);
  if (op->in[0].varying || op->table[0].space != BNC_SPACE_NONE || rows < 2) return;
  for (int i = 0; i < BNC_OP_INPUTS; i++)
    if (op->in[i].rows == rows && op->in[i].space == BNC_SPACE_ARENA) op->in[i].rows = kept;
  for (int i = 0; i < BNC_OP_OUTPUTS; i++)
    if (op->out[i].rows == rows) op->out[i].rows = kept;
}

/* The same for columns, where an op has no others. */
static void drop_columns(parts *m) {
  bnc_file_op *op = any_op(m, any_program(m));
  const bnc_op_group group = bnc_op_info_of(op->kind)->group;
  const uint32_t cols = op->in[0].cols, kept = 1 + draw(m, cols);
  if (group != BNC_GROUP_SUM && group != BNC_GROUP_ACTIVATION && op->kind != BNC_OP_COPY && op->kind != BNC_OP_QUANTIZE) return;
  for (int i = 0; i < BNC_OP_INPUTS + BNC_OP_OUTPUTS; i++) {
    bnc_operand *o = i < BNC_OP_INPUTS ? &op->in[i] : &op->out[i - BNC_OP_INPUTS];
    if (o->cols != cols) continue;
    o->cols = kept;
    if (o->element == BNC_ELEMENT_QD8) o->stride = kept;
  }
}

/* A result that may be absent is, or an f32 one beside it is there again. */
static void drop_result(parts *m) {
  bnc_file_op *op = any_op(m, any_program(m));
  const bnc_op_info *info = bnc_op_info_of(op->kind);
  const uint32_t k = draw(m, BNC_OP_OUTPUTS);
  if (info->out[k] == BNC_ROLE_F32 || info->out[k] == BNC_ROLE_QD8_TWIN) op->out[k] = (bnc_operand){0};
}

static void change_meta(parts *m) {
  bnc_file_meta *meta = m->meta;
  switch (draw(m, 8)) {
    case 0: meta->kv_dtype = draw(m, 3); break;
    case 1: meta->context = m->programs[1].head->input.rows + draw(m, 500); break;
    case 2: meta->reference_limit = 1 + draw(m, meta->context); break;
    case 3: meta->layers += draw(m, 3); break;
    case 4: meta->stops = draw(m, 9); break;
    case 5: meta->pad_colour = draw(m, 0) ^ m->random; break;
    case 6: meta->rope_frequencies = draw(m, 8); break;
    default: meta->name = draw(m, 0) ^ m->random; break;
  }
}

static void change_probe(parts *m) {
  const program *p = any_program(m);
  if (!p->probes) return;
  bnc_file_probe *probe = &p->probe[draw(m, p->probes)];
  probe->op = draw(m, p->ops);
  probe->stage = draw(m, BNC_STAGES);
  if (draw(m, 2)) probe->value.offset = 64 * (uint64_t)draw(m, (uint32_t)(room(p, &probe->value) / 64 + 1));
}

/* A byte of the tables, whatever it means. */
static void change_byte(parts *m) {
  const bnc_file_section *s = m->section[1 + draw(m, BNC_SECTION_KINDS - 1)];
  if (!s || s->size == 0 || s->size > UINT32_MAX) return;
  m->file[s->offset + draw(m, (uint32_t)s->size)] ^= (uint8_t)(1u << draw(m, 8));
}

static void reach(const bnc_operand *o, uint64_t *end) {
  if (o->space == BNC_SPACE_ARENA && o->offset + bnc_operand_bytes(o) > *end) *end = o->offset + bnc_operand_bytes(o);
}

/* An arena is as large as its operands need. */
static void fit_arena(program *p) {
  uint64_t end = 0;
  if (!p->head) return;
  reach(&p->head->input, &end);
  reach(&p->head->output, &end);
  for (uint32_t i = 0; i < p->ops; i++) {
    for (int k = 0; k < BNC_OP_INPUTS; k++) reach(&p->op[i].in[k], &end);
    for (int k = 0; k < BNC_OP_OUTPUTS; k++) reach(&p->op[i].out[k], &end);
  }
  p->head->arena_bytes = (end + BNC_FORMAT_ALIGNMENT - 1) / BNC_FORMAT_ALIGNMENT * BNC_FORMAT_ALIGNMENT;
}

bool mutate_bnc(uint8_t *file, size_t size, uint32_t seed) {
  static void (*const edits[])(parts *) = {
      change_constant, change_taps,       change_data,  move_operand, overlap_operands, widen_stride, change_kind, swap_ops,
      drop_rows,       change_attributes, drop_columns, drop_result,  change_meta,      change_probe, change_byte,
  };
  parts m = {.random = seed * 2654435761u | 1u};
  if (!find_parts(&m, file, size)) return false;
  for (int i = 0; i < 8; i++) draw(&m, 0);
  for (uint32_t n = 1 + draw(&m, 4); n > 0; n--) edits[draw(&m, sizeof edits / sizeof *edits)](&m);
  for (int p = 0; p < PROGRAMS; p++) fit_arena(&m.programs[p]);
  seal_model(file, size);
  return true;
}
