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

static void tell_probes(const bnc_session *s, const bnc_file_op *op, const uint8_t *arena) {
  static const char *const names[BNC_STAGES] = {[BNC_STAGE_DEM] = "dem", [BNC_STAGE_PROJECTOR] = "projector"};
  static const char *const matrices[BNC_STAGES] = {[BNC_STAGE_DEM] = "model.spatial_embed.", [BNC_STAGE_PROJECTOR] = "model.mm_projector."};
  const bnc_program *vision = &s->file.program[BNC_PROGRAM_VISION];
  if (!vision->head || op < vision->op || op >= vision->op + vision->head->ops) return;
  for (uint32_t i = 0; i < vision->head->probes; i++) {
    const bnc_file_probe *p = &vision->probe[i];
    if (&vision->op[p->op] == op && p->value.space == BNC_SPACE_ARENA && names[p->stage])
      tell(s, names[p->stage], matrices[p->stage], &p->value, arena, p->value.rows);
  }
}

static void on_op(void *context, const bnc_file_op *op, const uint8_t *arena, size_t rows) {
  const bnc_session *s = context;
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

void bnc_session_observe(bnc_session *session, bnc_on_layer on_layer, void *user) {
  if (!session) return;
  session->on_layer = on_layer;
  session->on_layer_user = user;
  bnc_executor_observe(session->executor, on_layer ? on_op : NULL, session);
}
