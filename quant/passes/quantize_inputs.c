/* SPDX-License-Identifier: Apache-2.0 */
/* Linear layers with quantised weights read int8 rows with a scale and a zero point of their own (qd8). A value is quantised once for all
   its readers: by a node of its own, or, fused, by the norm or the activation that produces it. */
#include "platforms/base/mem.h"
#include "quant/passes/passes.h"

/* Ops that can write what they compute as qd8 too. */
static bool can_quantize(bnc_node_kind kind) { return bnc_op_info_of(bnc_node_op(kind))->out[1] == BNC_ROLE_QD8_TWIN; }

/* Activations that quantise work in their input's place. It must be a matrix product, or the columns of one, that nobody else reads. */
static bool may_overwrite_input(const bnc_graph *g, const bnc_node *activation, const uint32_t *uses) {
  bnc_value_id x = bnc_node_input(g, activation, 0);
  const bnc_node *maker = &g->node[g->value[x].producer];
  for (size_t p = 0; p < g->probes; p++)
    if (g->probe[p].value == x) return false;
  if (uses[x] != 1 || x == g->program_output) return false;
  if (maker->kind == BNC_NODE_SLICE_COLS) maker = &g->node[g->value[bnc_node_input(g, maker, 0)].producer];
  return maker->kind == BNC_NODE_LINEAR;
}

static bool can_fuse(const bnc_graph *g, const bnc_node *producer, const uint32_t *uses) {
  if (!can_quantize(producer->kind)) return false;
  bool norm = bnc_op_info_of(bnc_node_op(producer->kind))->group == BNC_GROUP_NORM;
  return norm || may_overwrite_input(g, producer, uses);
}

static bnc_value_id twin_of(bnc_graph *g, bnc_value_id x, bool fuse, const uint32_t *uses) {
  bnc_value v = g->value[x];
  bnc_node *producer = &g->node[v.producer];
  if (fuse && producer->output == x && can_fuse(g, producer, uses)) {
    bnc_value_id twin = bnc_graph_add_value(g, v.rows, v.cols, BNC_ELEMENT_QD8, v.varying, v.producer);
    g->node[v.producer].second = twin;
    return twin;
  }
  return bnc_graph_add(g, BNC_NODE_QUANTIZE, producer->name, v.rows, v.cols, BNC_ELEMENT_QD8, &x, 1)->output;
}

bnc_status bnc_pass_quantize_inputs(bnc_graph *g, bool fuse) {
  size_t values = g->values, nodes = g->nodes;
  bnc_value_id *twin = bnc_mem_array(values + 1, sizeof *twin); /* 0: none yet */
  uint32_t *uses = bnc_graph_count_uses(g);
  if (!twin || !uses) {
    bnc_mem_free(twin);
    bnc_mem_free(uses);
    return bnc_fail_memory(g->err, values * sizeof *twin);
  }
  for (uint32_t n = 0; n < nodes && !g->failed; n++) {
    if (g->node[n].dead || g->node[n].kind != BNC_NODE_LINEAR || bnc_weight_is_float(g->constants->weight[g->node[n].weight].dtype))
      continue;
    bnc_value_id x = bnc_node_input(g, &g->node[n], 0);
    if (x >= values || g->value[x].element != BNC_ELEMENT_F32) continue;
    if (!twin[x]) twin[x] = twin_of(g, x, fuse, uses);
    if (!g->failed) bnc_graph_set_inputs(g, n, &twin[x], 1);
  }
  bnc_mem_free(twin);
  bnc_mem_free(uses);
  bnc_status s = bnc_graph_status(g);
  return s == BNC_OK ? bnc_graph_sort(g) : s;
}
