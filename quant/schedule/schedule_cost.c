/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/schedule/schedule_cost.h"

#include "platforms/base/mem.h"
#include "quant/schedule/slab_cost.h"

static uint64_t taps_of(const bnc_graph *g, uint32_t table) { return g->constants->taps[table].start[g->constants->taps[table].rows]; }

/* Rows of a full KV cache; 0 without one. */
static uint64_t cache_rows(const bnc_graph *g) {
  for (size_t n = 0; n < g->nodes; n++)
    if (g->node[n].kind == BNC_NODE_KV_APPEND) return g->value[g->node[n].output].rows;
  return 0;
}

uint64_t bnc_step_macs(const bnc_schedule *s, const bnc_step *step) {
  const bnc_graph *g = s->graph;
  if (step->out[0] == BNC_NO_VALUE) return 0;
  const bnc_value *out = &g->value[step->out[0]];
  bnc_op_sizes sizes = {.rows = out->rows, .cols = step->cols ? step->cols : out->cols};
  switch (bnc_op_info_of(step->kind)->macs) {
    case BNC_MACS_NONE: return 0;
    case BNC_MACS_PRODUCT: sizes.depth = g->value[step->in[0]].cols; break;
    case BNC_MACS_KEYS: sizes.depth = step->in[1] == BNC_NO_VALUE ? cache_rows(g) : g->value[step->in[1]].rows; break;
    case BNC_MACS_TAPS_2D: sizes.taps[1] = taps_of(g, step->taps[1]); /* fall through */
    case BNC_MACS_TAPS: sizes.taps[0] = taps_of(g, step->taps[0]); break;
  }
  return bnc_op_macs(step->kind, &sizes);
}

static uint64_t value_bytes(const bnc_value *v) { return (uint64_t)v->rows * v->cols * (v->element == BNC_ELEMENT_F32 ? 4 : 1); }

/* Column slabs write a part of their output, copies the part that they copy. */
static uint64_t moved_by(const bnc_schedule *s, const bnc_step *step) {
  const bnc_value *value = s->graph->value;
  uint64_t bytes = 0;
  for (int k = 0; k < BNC_OP_INPUTS; k++)
    if (step->in[k] != BNC_NO_VALUE) bytes += value_bytes(&value[step->in[k]]);
  if (step->kind == BNC_OP_COPY) return 2 * bytes;
  for (int o = 0; o < BNC_OP_OUTPUTS; o++)
    if (step->out[o] != BNC_NO_VALUE)
      bytes += step->kind == BNC_OP_LINEAR ? (uint64_t)value[step->out[o]].rows * step->cols * 4 : value_bytes(&value[step->out[o]]);
  return bytes;
}

static uint64_t bytes_of(const bnc_weight *w) {
  const bnc_file_weight f = bnc_weight_describe(w);
  const bnc_weight_sizes sizes = bnc_weight_sizes_of(&f);
  return sizes.data + sizes.scales + sizes.offsets + sizes.bias;
}

bnc_status bnc_schedule_measure(const bnc_schedule *s, const bnc_target *target, bnc_schedule_cost *cost) {
  const bnc_graph *g = s->graph;
  uint8_t *seen = bnc_mem_array(g->constants->weights + 1, 1);
  if (!seen) return bnc_fail_memory(g->err, g->constants->weights);
  *cost = (bnc_schedule_cost){.ops = s->steps, .arena_bytes = s->arena_bytes, .live_bytes = s->live_bytes};
  for (size_t i = 0; i < s->steps; i++) {
    const bnc_step *step = &s->step[i];
    cost->macs += bnc_step_macs(s, step);
    cost->moved_bytes += moved_by(s, step);
    if (step->kind != BNC_OP_LINEAR) continue;
    const bnc_weight *w = &g->constants->weight[step->weight];
    const bnc_slab_layer layer = {w->dtype, g->value[step->out[0]].rows, w->k, step->cols};
    cost->weight_read_bytes += (uint64_t)bnc_slab_weight_reads(target, &layer, step->cols);
    if (!seen[step->weight]) cost->weight_bytes += bytes_of(w);
    seen[step->weight] = 1;
  }
  bnc_mem_free(seen);
  return BNC_OK;
}
