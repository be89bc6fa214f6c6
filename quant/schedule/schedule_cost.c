/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/schedule/schedule_cost.h"

#include "platforms/base/mem.h"
#include "quant/schedule/slab_cost.h"

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
    const bnc_slab_layer layer = {w->dtype, g->value[step->out[0]].rows, w->k, step->cols, bnc_graph_of_text(g)};
    cost->weight_read_bytes += (uint64_t)bnc_slab_weight_reads(target, &layer, step->cols);
    if (!seen[step->weight]) cost->weight_bytes += bytes_of(w);
    seen[step->weight] = 1;
  }
  bnc_mem_free(seen);
  return BNC_OK;
}
