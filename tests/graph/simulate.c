/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "tests/graph/simulate.h"
#include "tests/unit.h"

#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "quant/passes/passes.h"

typedef struct simulation {
  const bnc_schedule *s;
  const bnc_graph *g;
  const char *label;
  uint64_t *arena; /* a tag per byte */
  size_t step;
} simulation;

/* Views and concatenations have no elements of their own. */
static void resolve(const simulation *m, bnc_value_id *v, size_t *r, size_t *c) {
  const bnc_graph *g = m->g;
  for (;;) {
    const bnc_node *node = &g->node[g->value[*v].producer];
    size_t first;
    if (node->kind == BNC_NODE_SLICE_COLS) {
      *c += node->from;
      *v = bnc_node_input(g, node, 0);
    } else if (node->kind == BNC_NODE_GATHER && bnc_pass_on(m->s->passes, BNC_PASS_ALIAS_PARTS) && bnc_take_is_range(g, node, &first)) {
      *r += first;
      *v = bnc_node_input(g, node, 0);
    } else if (node->kind == BNC_NODE_CONCAT_ROWS || node->kind == BNC_NODE_CONCAT_COLS) {
      uint32_t i = 0;
      bool rows = node->kind == BNC_NODE_CONCAT_ROWS;
      for (;; i++) {
        const bnc_value *part = &g->value[bnc_node_input(g, node, i)];
        if ((rows ? *r : *c) < (rows ? part->rows : part->cols)) break;
        *(rows ? r : c) -= rows ? part->rows : part->cols;
      }
      *v = bnc_node_input(g, node, i);
    } else {
      return;
    }
  }
}

static uint64_t tag(const simulation *m, bnc_value_id v, size_t r, size_t c) {
  resolve(m, &v, &r, &c);
  return ((uint64_t)v + 1) << 40 | r << 20 | c;
}

static bool is_constant(const simulation *m, bnc_value_id v) {
  size_t r = 0, c = 0;
  resolve(m, &v, &r, &c);
  return m->g->node[m->g->value[v].producer].kind == BNC_NODE_CONSTANT;
}

/* Where element (r, c) of v lies, in bytes; QD8 is tagged as one row of bytes. */
static size_t at(const simulation *m, bnc_value_id v, size_t r, size_t c, size_t size) {
  const bnc_place *p = &m->s->place[v], *root = &m->s->place[p->root];
  size_t where = (size_t)root->offset + ((p->row + r) * m->g->value[p->root].cols + p->col + c) * size;
  if (where + size > m->s->arena_bytes) fail_msg("%s: step %zu: value %u leaves the arena", m->label, m->step, v);
  return where;
}

static void visit(simulation *m, bnc_value_id v, size_t row, size_t rows, size_t col, size_t cols, bool write, bool scribble) {
  bnc_element element = m->g->value[v].element;
  size_t size = element == BNC_ELEMENT_F32 ? 4 : 1;
  if (element == BNC_ELEMENT_QD8) {
    bnc_operand o = {.rows = (uint32_t)m->g->value[v].rows, .cols = (uint32_t)m->g->value[v].cols, .element = BNC_ELEMENT_QD8};
    row = col = 0;
    rows = 1;
    cols = (size_t)bnc_operand_bytes(&o);
  }
  for (size_t r = row; r < row + rows; r++)
    for (size_t c = col; c < col + cols; c++) {
      size_t where = at(m, v, r, c, size);
      uint64_t mine = element == BNC_ELEMENT_QD8 ? ((uint64_t)v + 1) << 40 | c : tag(m, v, r, c);
      for (size_t b = 0; b < size; b++) {
        if (write)
          m->arena[where + b] = scribble ? UINT64_MAX : mine;
        else if (m->arena[where + b] != mine)
          fail_msg("%s: step %zu (%s) reads value %u at %zu,%zu and finds value %llu at %llu,%llu", m->label, m->step,
                   bnc_constants_text(m->g->constants, m->s->step[m->step].name), v, r, c,
                   (unsigned long long)(m->arena[where + b] >> 40) - 1, (unsigned long long)(m->arena[where + b] >> 20 & 0xfffff),
                   (unsigned long long)(m->arena[where + b] & 0xfffff));
      }
    }
}

static void whole(simulation *m, bnc_value_id v, bool write, bool scribble) {
  if (v == BNC_NO_VALUE || is_constant(m, v) || m->g->value[v].element == BNC_ELEMENT_STATE) return;
  visit(m, v, 0, m->g->value[v].rows, 0, m->g->value[v].cols, write, scribble);
}

static void run_step(simulation *m, const bnc_step *step) {
  for (int i = 0; i < BNC_OP_INPUTS; i++) whole(m, step->in[i], false, false);
  bool activation = step->kind == BNC_OP_GELU || step->kind == BNC_OP_QUICK_GELU || step->kind == BNC_OP_SILU_MUL;
  /* Kernels that quantise their own result use the input's place for it. */
  if (activation && step->out[0] == BNC_NO_VALUE) whole(m, step->in[0], true, true);
  const bnc_value *in = step->in[0] == BNC_NO_VALUE ? NULL : &m->g->value[step->in[0]];
  for (int i = 0; i < BNC_OP_OUTPUTS; i++) {
    bnc_value_id out = step->out[i];
    if (out == BNC_NO_VALUE) continue;
    if (step->kind == BNC_OP_LINEAR)
      visit(m, out, 0, m->g->value[out].rows, step->first_col, step->cols, true, false);
    else if (step->kind == BNC_OP_COPY)
      visit(m, out, step->first_row, in->rows, step->first_col, in->cols, true, false);
    else
      whole(m, out, true, false);
  }
}

/* The op behind which each probe is said to be complete. */
static void read_probes(const bnc_schedule *s, uint32_t *op) {
  const bnc_constants *c = s->graph->constants;
  size_t size;
  uint8_t *bytes;
  bnc_layout layout = {calloc(c->constants + 1, sizeof(uint64_t)), calloc(c->taps_count + 1, sizeof(uint64_t)),
                       calloc(c->weights + 1, sizeof(uint32_t))};
  assert_int_equal(bnc_schedule_emit(s, &layout, &bytes, &size), BNC_OK);
  const bnc_file_probe *probe = (const bnc_file_probe *)(const void *)(bytes + size) - s->graph->probes;
  for (size_t i = 0; i < s->graph->probes; i++) op[i] = probe[i].op;
  bnc_mem_free(bytes);
  free(layout.constant_offset);
  free(layout.taps_offset);
  free(layout.weight_index);
}

void simulate_schedule(const bnc_schedule *s, const char *label) {
  simulation m = {.s = s, .g = s->graph, .label = label};
  m.arena = calloc((size_t)s->arena_bytes + 1, sizeof *m.arena);
  assert_non_null(m.arena);
  whole(&m, m.g->program_input, true, false);
  uint32_t *probe_op = calloc(m.g->probes + 1, sizeof *probe_op);
  read_probes(s, probe_op);
  for (m.step = 0; m.step < s->steps; m.step++) {
    run_step(&m, &s->step[m.step]);
    for (size_t i = 0; i < m.g->probes; i++)
      if (probe_op[i] == m.step) whole(&m, m.g->probe[i].value, false, false);
  }
  free(probe_op);
  m.step = s->steps - 1;
  whole(&m, m.g->program_output, false, false);
  free(m.arena);
}

void check_plan(const bnc_schedule *s, const char *label) {
  const bnc_graph *g = s->graph;
  for (bnc_value_id a = 0; a < g->values; a++) {
    const bnc_place *p = &s->place[a];
    if (p->root != a || p->first == UINT32_MAX) continue;
    if (p->offset % BNC_FORMAT_ALIGNMENT != 0) fail_msg("%s: value %u lies at %llu", label, a, (unsigned long long)p->offset);
    if (p->offset + p->bytes > s->arena_bytes) fail_msg("%s: value %u leaves the arena", label, a);
    for (bnc_value_id b = 0; b < a; b++) {
      const bnc_place *q = &s->place[b];
      if (q->root != b || q->first == UINT32_MAX || q->first > p->last || p->first > q->last) continue;
      if (p->offset < q->offset + q->bytes && q->offset < p->offset + p->bytes) fail_msg("%s: values %u and %u overlap", label, a, b);
    }
  }
  assert_true(s->arena_bytes >= s->live_bytes);
}

bnc_status simulated_read(void *context, const char *name, size_t first, size_t count, float *out, bnc_error *err) {
  (void)context, (void)err;
  uint32_t h = 2166136261u;
  for (const char *c = name; *c; c++) h = (h ^ (uint8_t)*c) * 16777619u;
  for (size_t i = 0; i < count; i++) out[i] = (float)(h % 1000) + (float)((first + i) & 1023) * 0x1p-10f;
  return BNC_OK;
}
