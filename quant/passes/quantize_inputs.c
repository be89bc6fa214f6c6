/* SPDX-License-Identifier: Apache-2.0 */
/* Linear layers with quantised weights read int8 rows with a scale and a zero point of their own (qd8). A value is quantised once for all its readers:
   by a node of its own, or, fused, by the norm or the activation that produces it. */
#include "platforms/mem.h"
#include "quant/passes/passes.h"

static bool can_quantize(bnc_node_kind kind) {
  return kind == BNC_NODE_LAYER_NORM || kind == BNC_NODE_RMS_NORM || kind == BNC_NODE_GELU || kind == BNC_NODE_QUICK_GELU || kind == BNC_NODE_SILU_MUL;
}

static bnc_value_id twin_of(bnc_graph *g, bnc_value_id x, bool fuse) {
  bnc_value v = g->value[x];
  bnc_node *producer = &g->node[v.producer];
  if (fuse && can_quantize(producer->kind) && producer->output == x) {
    bnc_value_id twin = bnc_graph_add_value(g, v.rows, v.cols, BNC_DTYPE_QD8, v.varying, v.producer);
    g->node[v.producer].second = twin;
    return twin;
  }
  return bnc_graph_add(g, BNC_NODE_QUANTIZE, producer->name, v.rows, v.cols, BNC_DTYPE_QD8, &x, 1)->output;
}

bnc_status bnc_pass_quantize_inputs(bnc_graph *g, bool fuse) {
  size_t values = g->values, nodes = g->nodes;
  bnc_value_id *twin = bnc_mem_array(values + 1, sizeof *twin); /* 0: none yet */
  if (!twin) return bnc_fail_memory(g->err, values * sizeof *twin);
  for (uint32_t n = 0; n < nodes && !g->failed; n++) {
    if (g->node[n].dead || g->node[n].kind != BNC_NODE_LINEAR || g->constants->weight[g->node[n].weight].kind == BNC_WEIGHT_F32) continue;
    bnc_value_id x = bnc_node_input(g, &g->node[n], 0);
    if (x >= values || g->value[x].dtype != BNC_DTYPE_F32) continue;
    if (!twin[x]) twin[x] = twin_of(g, x, fuse);
    if (!g->failed) bnc_graph_set_inputs(g, n, &twin[x], 1);
  }
  bnc_mem_free(twin);
  bnc_status s = bnc_graph_status(g);
  return s == BNC_OK ? bnc_graph_sort(g) : s;
}
