/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/graph/build.h"

#include <stdio.h>

#include "ops/attention/attention.h"
#include "ops/hadamard/hadamard.h"
#include "platforms/base/mem.h"

static void keep_status(bnc_graph *g, bnc_status s) {
  if (s != BNC_OK) g->failed = true;
}

bool bnc_build_attention_int8(bnc_weight_dtype dtype, size_t head_size) {
  return !bnc_weight_is_float(dtype) && head_size <= BNC_ATTENTION_I8_SIZE;
}

bnc_value_id bnc_build_linear(bnc_graph *g, bnc_value_id x, size_t n, bnc_linear_names names, bnc_weight_dtype dtype, size_t group) {
  if (g->failed) return BNC_NO_VALUE;
  size_t k = g->value[x].cols;
  const size_t fits = dtype == BNC_WEIGHT_QG4 ? bnc_weight_group(k, group) : 0;
  if (!fits && dtype == BNC_WEIGHT_QG4) dtype = BNC_WEIGHT_QC8;
  if (fits == BNC_QC4_GROUP) dtype = BNC_WEIGHT_QC4;
  bnc_weight w = {.dtype = dtype, .n = n, .k = k, .group = fits, .parts = 1};
  w.part[0].weight = bnc_constants_string(g->constants, "%s", names.weight);
  w.part[0].bias = names.bias ? bnc_constants_string(g->constants, "%s", names.bias) : BNC_NO_ID;
  w.part[0].n = n;
  w.part[0].weight_scale = w.part[0].bias_scale = 1.0f;
  uint32_t id = BNC_NO_ID;
  keep_status(g, bnc_constants_add_weight(g->constants, &w, &id, g->err));
  bnc_node *node =
      bnc_graph_add(g, BNC_NODE_LINEAR, bnc_constants_string(g->constants, "%s", names.label), g->value[x].rows, n, BNC_ELEMENT_F32, &x, 1);
  node->weight = id;
  return node->output;
}

bnc_value_id bnc_build_constant(bnc_graph *g, const char *tensor, size_t rows, size_t cols) {
  if (g->failed) return BNC_NO_VALUE;
  uint32_t id = BNC_NO_ID;
  keep_status(g, bnc_constants_load(g->constants, tensor, rows, cols, &id, g->err));
  bnc_node *node =
      bnc_graph_add(g, BNC_NODE_CONSTANT, bnc_constants_string(g->constants, "%s", tensor), rows, cols, BNC_ELEMENT_F32, NULL, 0);
  node->constant = id;
  return node->output;
}

bnc_value_id bnc_build_layer_norm(bnc_graph *g, bnc_value_id x, const char *label, const char *tensor, float eps) {
  if (g->failed) return BNC_NO_VALUE;
  char gamma[160], beta[160];
  size_t cols = g->value[x].cols;
  snprintf(gamma, sizeof gamma, "%s.weight", tensor);
  snprintf(beta, sizeof beta, "%s.bias", tensor);
  bnc_value_id in[3] = {x, bnc_build_constant(g, gamma, 1, cols), bnc_build_constant(g, beta, 1, cols)};
  bnc_node *node = bnc_graph_add(g, BNC_NODE_LAYER_NORM, bnc_constants_string(g->constants, "%s", label), g->value[x].rows, cols,
                                 BNC_ELEMENT_F32, in, 3);
  node->eps = eps;
  return node->output;
}

bnc_value_id bnc_build_unary(bnc_graph *g, bnc_node_kind kind, const char *label, bnc_value_id x) {
  if (g->failed) return BNC_NO_VALUE;
  return bnc_graph_add(g, kind, bnc_constants_string(g->constants, "%s", label), g->value[x].rows, g->value[x].cols, BNC_ELEMENT_F32, &x, 1)
      ->output;
}

bnc_value_id bnc_build_binary(bnc_graph *g, bnc_node_kind kind, const char *label, bnc_value_id a, bnc_value_id b) {
  if (g->failed) return BNC_NO_VALUE;
  bnc_value_id in[2] = {a, b};
  return bnc_graph_add(g, kind, bnc_constants_string(g->constants, "%s", label), g->value[a].rows, g->value[a].cols, BNC_ELEMENT_F32, in, 2)
      ->output;
}

bnc_value_id bnc_build_hadamard(bnc_graph *g, const char *label, bnc_value_id x) {
  if (g->failed) return BNC_NO_VALUE;
  const size_t cols = g->value[x].cols, mixed = bnc_hadamard_mixed(cols);
  float *mix = bnc_mem_array(mixed * mixed, sizeof *mix);
  uint32_t id = BNC_NO_ID;
  if (mix) bnc_hadamard_mix(cols, mixed, mix);
  keep_status(g,
              mix ? bnc_constants_add(g->constants, mixed, mixed, mix, &id, g->err) : bnc_fail_memory(g->err, mixed * mixed * sizeof *mix));
  bnc_mem_free(mix);
  bnc_node *constant =
      bnc_graph_add(g, BNC_NODE_CONSTANT, bnc_constants_string(g->constants, "%s.mix", label), mixed, mixed, BNC_ELEMENT_F32, NULL, 0);
  constant->constant = id;
  return bnc_build_binary(g, BNC_NODE_HADAMARD, label, x, constant->output);
}

bnc_value_id bnc_build_gather(bnc_graph *g, const char *label, bnc_value_id x, bnc_taps *taps) {
  if (g->failed) {
    bnc_taps_free(taps);
    return BNC_NO_VALUE;
  }
  uint32_t id = BNC_NO_ID;
  size_t rows = taps->rows;
  keep_status(g, bnc_constants_add_taps(g->constants, taps, &id, g->err));
  bnc_node *node =
      bnc_graph_add(g, BNC_NODE_GATHER, bnc_constants_string(g->constants, "%s", label), rows, g->value[x].cols, BNC_ELEMENT_F32, &x, 1);
  node->taps[0] = id;
  return node->output;
}
