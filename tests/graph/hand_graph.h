/* SPDX-License-Identifier: Apache-2.0 */
/** @file hand_graph.h  Small graphs written by hand, for tests of single passes. Include behind cmocka.h. */
#ifndef BINOCLE_TESTS_HAND_GRAPH_H
#define BINOCLE_TESTS_HAND_GRAPH_H

#include "quant/graph/build.h"
#include "quant/passes/passes.h"
#include "tests/graph/simulate.h"
#include "tests/unit.h"

typedef struct hand_graph {
  bnc_constants c;
  bnc_graph g;
  bnc_error err;
} hand_graph;

static const bnc_tensor_source hand_source = {.read = simulated_read};

/** A graph with an f32 input of rows x cols, which is returned. */
static inline bnc_value_id hand_begin(hand_graph *h, size_t rows, size_t cols, bool varying) {
  h->err = (bnc_error){0};
  bnc_constants_init(&h->c, &hand_source);
  bnc_graph_init(&h->g, &h->c, &h->err);
  h->g.program_input =
      bnc_graph_add(&h->g, BNC_NODE_INPUT, bnc_constants_string(&h->c, "input"), rows, cols, BNC_ELEMENT_F32, NULL, 0)->output;
  h->g.value[h->g.program_input].varying = varying;
  return h->g.program_input;
}

static inline void hand_end(hand_graph *h) {
  bnc_graph_free(&h->g);
  bnc_constants_free(&h->c);
}

static inline bnc_value_id hand_linear(hand_graph *h, bnc_value_id x, size_t n, const char *tensor, bnc_weight_dtype kind) {
  bnc_linear_names names = {tensor, tensor, NULL};
  return bnc_build_linear(&h->g, x, n, names, kind, 32);
}

static inline bnc_value_id hand_gather(hand_graph *h, bnc_value_id x, size_t rows, const uint32_t *index) {
  bnc_taps taps;
  assert_int_equal(bnc_taps_gather(&taps, rows, h->g.value[x].rows, index, &h->err), BNC_OK);
  return bnc_build_gather(&h->g, "gather", x, &taps);
}

static inline bnc_value_id hand_concat(hand_graph *h, bnc_value_id a, bnc_value_id b) {
  bnc_value_id parts[2] = {a, b};
  return bnc_graph_add(&h->g, BNC_NODE_CONCAT_ROWS, 0, h->g.value[a].rows + h->g.value[b].rows, h->g.value[a].cols, BNC_ELEMENT_F32, parts,
                       2)
      ->output;
}

static inline bnc_value_id hand_attention(hand_graph *h, bnc_value_id q, bnc_value_id k, bnc_value_id v) {
  bnc_value_id in[3] = {q, k, v};
  bnc_node *node = bnc_graph_add(&h->g, BNC_NODE_ATTENTION, 0, h->g.value[q].rows, h->g.value[q].cols, BNC_ELEMENT_F32, in, 3);
  node->heads = node->kv_heads = 1;
  node->scale = 0.3f;
  return node->output;
}

static inline size_t hand_count(const hand_graph *h, bnc_node_kind kind) {
  size_t count = 0;
  for (size_t n = 0; n < h->g.nodes; n++) count += !h->g.node[n].dead && h->g.node[n].kind == kind;
  return count;
}

static inline const bnc_node *hand_maker(const hand_graph *h, bnc_value_id v) { return &h->g.node[h->g.value[v].producer]; }

#endif
