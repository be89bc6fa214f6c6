/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/schedule/schedule.h"

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
