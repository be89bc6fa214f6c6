/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/base/mem.h"
#include "quant/schedule/schedule.h"

typedef struct emitter {
  const bnc_schedule *s;
  const bnc_layout *layout;
} emitter;

static bnc_operand operand_of(const emitter *e, bnc_value_id v) {
  const bnc_graph *g = e->s->graph;
  if (v == BNC_NO_VALUE) return (bnc_operand){0};
  const bnc_value *value = &g->value[v];
  const bnc_node *producer = &g->node[value->producer];
  bnc_operand o = {.space = BNC_SPACE_ARENA,
                   .element = (uint8_t)value->element,
                   .varying = value->varying,
                   .rows = (uint32_t)value->rows,
                   .cols = (uint32_t)value->cols};
  if (producer->kind == BNC_NODE_CONSTANT) {
    o.space = BNC_SPACE_CONSTANT;
    o.stride = o.cols;
    o.offset = e->layout->constant_offset[producer->constant];
    return o;
  }
  const bnc_place *p = &e->s->place[v], *root = &e->s->place[p->root];
  o.stride = bnc_schedule_stride(e->s, p->root);
  o.offset = root->offset + (p->row * o.stride + p->col) * (o.element == BNC_ELEMENT_F32 ? 4u : 1u);
  return o;
}

static bnc_operand table_of(const emitter *e, uint32_t taps) {
  if (taps == BNC_NO_ID) return (bnc_operand){0};
  const bnc_taps *t = &e->s->graph->constants->taps[taps];
  return (bnc_operand){
      .space = BNC_SPACE_CONSTANT, .rows = (uint32_t)t->rows, .cols = (uint32_t)t->in_rows, .offset = e->layout->taps_offset[taps]};
}

static void emit_op(const emitter *e, const bnc_step *step, bnc_file_op *op) {
  const bnc_graph *g = e->s->graph;
  memset(op, 0, sizeof *op);
  op->kind = (uint16_t)step->kind;
  op->name = step->name;
  op->weight = step->weight == BNC_NO_ID ? UINT32_MAX : e->layout->weight_index[step->weight];
  op->attr = step->attr;
  for (int i = 0; i < BNC_OP_INPUTS; i++) op->in[i] = operand_of(e, step->in[i]);
  for (int i = 0; i < BNC_OP_OUTPUTS; i++) op->out[i] = operand_of(e, step->out[i]);
  for (int i = 0; i < 2; i++) op->table[i] = table_of(e, step->taps[i]);
  if (step->lut != BNC_NO_ID) {
    const bnc_constant *c = &g->constants->constant[step->lut];
    op->in[1] = (bnc_operand){.space = BNC_SPACE_CONSTANT,
                              .rows = (uint32_t)c->rows,
                              .cols = (uint32_t)c->cols,
                              .stride = (uint32_t)c->cols,
                              .offset = e->layout->constant_offset[step->lut]};
  }
  if (step->kind == BNC_OP_LINEAR) {
    op->out[0].cols = step->cols;
    op->out[0].offset += (uint64_t)step->first_col * 4;
  }
  if (step->kind == BNC_OP_COPY) {
    op->out[0].offset += ((uint64_t)step->first_row * op->out[0].stride + step->first_col) * 4;
    op->out[0].rows = op->in[0].rows;
    op->out[0].cols = op->in[0].cols;
  }
  op->macs = bnc_step_macs(e->s, step);
}

/* The step after which a value is complete. */
static uint32_t done_step(const bnc_schedule *s, bnc_value_id v) {
  const bnc_graph *g = s->graph;
  const bnc_node *node = &g->node[g->value[v].producer];
  uint32_t done = 0;
  size_t first;
  if (node->kind == BNC_NODE_SLICE_COLS ||
      (node->kind == BNC_NODE_GATHER && (s->alias & BNC_ALIAS_RANGES) && bnc_take_is_range(g, node, &first)))
    return done_step(s, bnc_node_input(g, node, 0));
  if (node->kind == BNC_NODE_CONCAT_ROWS || node->kind == BNC_NODE_CONCAT_COLS)
    for (uint32_t i = 0; i < node->inputs; i++) {
      uint32_t part = done_step(s, bnc_node_input(g, node, i));
      if (part > done) done = part;
    }
  for (uint32_t i = 0; i < s->steps; i++)
    for (int o = 0; o < BNC_OP_OUTPUTS; o++)
      if (s->step[i].out[o] == v && i > done) done = i;
  return done;
}

bnc_status bnc_schedule_emit(const bnc_schedule *s, const bnc_layout *layout, uint8_t **bytes, size_t *size) {
  const bnc_graph *g = s->graph;
  emitter e = {s, layout};
  *size = sizeof(bnc_file_program) + s->steps * sizeof(bnc_file_op) + g->probes * sizeof(bnc_file_probe);
  *bytes = bnc_mem_zalloc(*size);
  if (!*bytes) return bnc_fail_memory(g->err, *size);
  bnc_file_program *head = (bnc_file_program *)(void *)*bytes;
  bnc_file_op *op = (bnc_file_op *)(void *)(head + 1);
  bnc_file_probe *probe = (bnc_file_probe *)(void *)(op + s->steps);
  head->ops = (uint32_t)s->steps;
  head->probes = (uint32_t)g->probes;
  head->arena_bytes = s->arena_bytes;
  head->live_bytes = s->live_bytes;
  head->input = operand_of(&e, g->program_input);
  head->output = operand_of(&e, g->program_output);
  for (size_t i = 0; i < s->steps; i++) {
    emit_op(&e, &s->step[i], &op[i]);
    head->macs += op[i].macs;
  }
  for (size_t i = 0; i < g->probes; i++)
    probe[i] = (bnc_file_probe){.stage = g->probe[i].stage,
                                .name = g->probe[i].name,
                                .op = done_step(s, g->probe[i].value),
                                .value = operand_of(&e, g->probe[i].value)};
  return BNC_OK;
}
