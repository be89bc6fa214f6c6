/* SPDX-License-Identifier: Apache-2.0 */
/* Constant factors move into the weights in front of or behind them: the softmax scale into the query projection (rotation commutes with
   it), the half of a mean into the linear layers that read it. Only powers of two move: they are exact, so results stay equal bit for bit
   in f32 and in int8. */
#include <math.h>

#include "platforms/base/mem.h"
#include "quant/passes/passes.h"

static bool is_power_of_two(float x) {
  int exponent;
  return x > 0.0f && frexpf(x, &exponent) == 0.5f;
}

static bool is_shown(const bnc_graph *g, bnc_value_id v) {
  for (size_t p = 0; p < g->probes; p++)
    if (g->probe[p].value == v) return true;
  return v == g->program_output;
}

/* A linear layer's weights (and, where its whole output is scaled, biases) times factor. */
static bnc_status scale_linear(bnc_graph *g, bnc_node *node, float factor, bool biases) {
  bnc_weight w = g->constants->weight[node->weight];
  for (size_t i = 0; i < w.parts; i++) {
    w.part[i].weight_scale *= factor;
    if (biases) w.part[i].bias_scale *= factor;
  }
  return bnc_constants_add_weight(g->constants, &w, &node->weight, g->err);
}

/* The projection that makes a query, where nobody else reads it on the way. */
static bnc_node *projection_of(const bnc_graph *g, const uint32_t *uses, bnc_value_id query) {
  for (;;) {
    bnc_node *maker = &g->node[g->value[query].producer];
    if (uses[query] != 1 || is_shown(g, query)) return NULL;
    if (maker->kind == BNC_NODE_LINEAR) return maker;
    if (maker->kind != BNC_NODE_ROPE) return NULL;
    query = bnc_node_input(g, maker, 0);
  }
}

static bnc_status fold_softmax(bnc_graph *g, const uint32_t *uses, bnc_node *attention) {
  bnc_node *projection = is_power_of_two(attention->scale) ? projection_of(g, uses, bnc_node_input(g, attention, 0)) : NULL;
  if (!projection) return BNC_OK;
  float scale = attention->scale;
  attention->scale = 1.0f;
  return scale_linear(g, projection, scale, true);
}

static bnc_status fold_mean(bnc_graph *g, bnc_node *mean) {
  if (is_shown(g, mean->output)) return BNC_OK;
  for (size_t n = 0; n < g->nodes; n++)
    for (uint32_t i = 0; i < g->node[n].inputs; i++)
      if (bnc_node_input(g, &g->node[n], i) == mean->output && g->node[n].kind != BNC_NODE_LINEAR) return BNC_OK;
  bnc_status s = BNC_OK;
  for (size_t n = 0; s == BNC_OK && n < g->nodes; n++)
    if (g->node[n].kind == BNC_NODE_LINEAR && bnc_node_input(g, &g->node[n], 0) == mean->output)
      s = scale_linear(g, &g->node[n], 0.5f, false);
  mean->kind = BNC_NODE_ADD;
  return s;
}

bnc_status bnc_pass_fold_scales(bnc_graph *g) {
  uint32_t *uses = bnc_graph_count_uses(g);
  bnc_status s = uses ? BNC_OK : bnc_fail_memory(g->err, g->values * sizeof *uses);
  for (size_t n = 0; s == BNC_OK && n < g->nodes; n++) {
    bnc_node *node = &g->node[n];
    if (node->dead) continue;
    if (node->kind == BNC_NODE_ATTENTION || node->kind == BNC_NODE_CACHE_ATTENTION) s = fold_softmax(g, uses, node);
    if (node->kind == BNC_NODE_MEAN) s = fold_mean(g, node);
  }
  bnc_mem_free(uses);
  return s;
}
