/* SPDX-License-Identifier: Apache-2.0 */
/* What the layers of a session compute, for those who compare. A layer ends with its second sum, whatever the passes made of that op. */
#include <binocle/fidelity.h>
#include <stdio.h>
#include <string.h>

#include "runtime/api/session_private.h"

#define SUM ".add2" /* behind the layer's name: quant/graph/build_text.c, build_tower.c */

static bool is_sum(bnc_op_kind kind) { return kind == BNC_OP_ADD || kind == BNC_OP_ADD_LAYER_NORM || kind == BNC_OP_ADD_RMS_NORM; }

/* matrices: what the names of the layer's begin with. */
static void tell(const bnc_session *s, const char *name, const char *matrices, const bnc_operand *o, const uint8_t *data, size_t rows) {
  const bnc_weight_total weights = bnc_model_file_weigh(&s->file, matrices);
  const bnc_layer_values values = {.name = name,
                                   .values = (const float *)(const void *)(data + o->offset),
                                   .rows = o->varying ? rows : o->rows,
                                   .cols = o->cols,
                                   .stride = o->stride,
                                   .weights = weights.elements,
                                   .bytes = weights.bytes};
  s->on_layer(s->on_layer_user, &values);
}

static bool is_of_vision(const bnc_session *s, const bnc_file_op *op) {
  const bnc_program *vision = &s->file.program[BNC_PROGRAM_VISION];
  return vision->head && op >= vision->op && op < vision->op + vision->head->ops;
}

static void tell_probes(const bnc_session *s, const bnc_file_op *op, const uint8_t *arena) {
  static const char *const names[BNC_STAGES] = {[BNC_STAGE_DEM] = "dem", [BNC_STAGE_PROJECTOR] = "projector"};
  static const char *const matrices[BNC_STAGES] = {[BNC_STAGE_DEM] = "model.spatial_embed.", [BNC_STAGE_PROJECTOR] = "model.mm_projector."};
  const bnc_program *vision = &s->file.program[BNC_PROGRAM_VISION];
  if (!is_of_vision(s, op)) return;
  for (uint32_t i = 0; i < vision->head->probes; i++) {
    const bnc_file_probe *p = &vision->probe[i];
    if (&vision->op[p->op] == op && p->value.space == BNC_SPACE_ARENA && names[p->stage])
      tell(s, names[p->stage], matrices[p->stage], &p->value, arena, p->value.rows);
  }
}

/* A matrix in slabs is several ops over one input: the first slab's tells. */
static void tell_inputs(const bnc_session *s, const bnc_file_op *op, const uint8_t *arena) {
  const bnc_operand *x = &op->in[0];
  if (op->kind != BNC_OP_LINEAR || x->space != BNC_SPACE_ARENA || x->element != BNC_ELEMENT_QD8 || op->attr.linear.from != 0) return;
  if (!is_of_vision(s, op)) return;
  const bnc_matrix_inputs inputs = {.matrix = bnc_model_file_string(&s->file, s->file.weight[op->weight].name),
                                    .rows = x->rows,
                                    .cols = x->cols,
                                    .data = arena + x->offset};
  s->on_inputs(s->on_inputs_user, &inputs);
}

void bnc_matrix_inputs_row(const bnc_matrix_inputs *inputs, size_t row, float *out) {
  const bnc_qd8_params *params = (const bnc_qd8_params *)inputs->data + row;
  const int8_t *q = (const int8_t *)inputs->data + bnc_qd8_data_offset(inputs->rows) + row * inputs->cols;
  for (size_t c = 0; c < inputs->cols; c++) out[c] = (float)(q[c] - params->zero_point) * params->scale;
}

static void tell_layers(const bnc_session *s, const bnc_file_op *op, const uint8_t *arena, size_t rows) {
  const char *name = bnc_model_file_string(&s->file, op->name);
  const size_t length = strlen(name), end = sizeof SUM - 1;
  char layer[64], matrices[96];
  if (is_sum((bnc_op_kind)op->kind) && length > end && length - end < sizeof layer && strcmp(name + length - end, SUM) == 0) {
    memcpy(layer, name, length - end);
    layer[length - end] = '\0';
    const char *tile = strchr(layer, '.'), *number = strpbrk(tile ? tile : layer, "0123456789");
    snprintf(matrices, sizeof matrices, "%s.layers.%s.", tile ? "vision_model.encoder" : "model", number ? number : "");
    tell(s, layer, matrices, &op->out[0], arena, rows);
  }
  tell_probes(s, op, arena);
}

static void on_op(void *context, const bnc_file_op *op, const uint8_t *arena, size_t rows) {
  const bnc_session *s = context;
  if (s->on_layer) tell_layers(s, op, arena, rows);
  if (s->on_inputs) tell_inputs(s, op, arena);
}

static void look(bnc_session *s) { bnc_executor_observe(s->executor, s->on_layer || s->on_inputs ? on_op : NULL, s); }

void bnc_session_observe(bnc_session *session, bnc_on_layer on_layer, void *user) {
  if (!session) return;
  session->on_layer = on_layer;
  session->on_layer_user = user;
  look(session);
}

void bnc_session_observe_inputs(bnc_session *session, bnc_on_inputs on_inputs, void *user) {
  if (!session) return;
  session->on_inputs = on_inputs;
  session->on_inputs_user = user;
  look(session);
}
