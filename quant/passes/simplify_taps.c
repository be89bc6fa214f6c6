/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of taps: zero weights go; a table after a table becomes one where at least one of the two is a plain gather (then no arithmetic
   changes); a table that reads one part of a concatenation reads that part; a table that changes nothing goes. */
#include "platforms/base/mem.h"
#include "quant/passes/passes.h"

static bnc_taps *taps_of(const bnc_graph *g, const bnc_node *node, int which) { return &g->constants->taps[node->taps[which]]; }

static bnc_status set_taps(bnc_graph *g, bnc_node *node, int which, bnc_taps *taps) {
  return bnc_constants_add_taps(g->constants, taps, &node->taps[which], g->err);
}

static bnc_status drop_zeros(bnc_graph *g, bnc_node *node, int which) {
  bnc_taps taps;
  bnc_status s = bnc_taps_copy(&taps, taps_of(g, node, which), g->err);
  if (s != BNC_OK) return s;
  if (bnc_taps_drop_zeros(&taps) == 0) {
    bnc_taps_free(&taps);
    return BNC_OK;
  }
  return set_taps(g, node, which, &taps);
}

static bool can_join(const bnc_graph *g, const bnc_node *outer, const bnc_node *inner, int tables) {
  bool outer_gathers = true, inner_gathers = true;
  for (int i = 0; i < tables; i++) {
    outer_gathers = outer_gathers && bnc_taps_is_gather(taps_of(g, outer, i));
    inner_gathers = inner_gathers && bnc_taps_is_gather(taps_of(g, inner, i));
  }
  return outer_gathers || inner_gathers;
}

static bnc_status join(bnc_graph *g, uint32_t at, const bnc_node *inner, int tables, bool *changed) {
  bnc_node *outer = &g->node[at];
  bnc_value_id source = bnc_node_input(g, inner, 0);
  for (int i = 0; i < tables; i++) {
    bnc_taps taps;
    bnc_status s = bnc_taps_compose(&taps, taps_of(g, outer, i), taps_of(g, inner, i), g->err);
    if (s == BNC_OK) s = set_taps(g, outer, i, &taps);
    if (s != BNC_OK) return s;
  }
  bnc_graph_set_inputs(g, at, &source, 1);
  *changed = true;
  return bnc_graph_status(g);
}

/* Where all taps fall into one part of a concatenation, *part is it and *first its first row. */
static bool single_part(const bnc_graph *g, const bnc_taps *taps, const bnc_node *concat, bnc_value_id *part, size_t *first) {
  size_t n = taps->start[taps->rows], at = 0;
  if (n == 0) return false;
  for (uint32_t i = 0; i < concat->inputs; i++) {
    bnc_value_id candidate = bnc_node_input(g, concat, i);
    size_t rows = g->value[candidate].rows;
    if (taps->index[0] >= at && taps->index[0] < at + rows) {
      for (size_t k = 0; k < n; k++)
        if (taps->index[k] < at || taps->index[k] >= at + rows) return false;
      *part = candidate;
      *first = at;
      return true;
    }
    at += rows;
  }
  return false;
}

static bnc_status read_part(bnc_graph *g, uint32_t at, bnc_value_id part, size_t first, bool *changed) {
  bnc_taps taps;
  bnc_status s = bnc_taps_copy(&taps, taps_of(g, &g->node[at], 0), g->err);
  if (s != BNC_OK) return s;
  for (size_t k = 0; k < taps.start[taps.rows]; k++) taps.index[k] -= (uint32_t)first;
  taps.in_rows = g->value[part].rows;
  s = set_taps(g, &g->node[at], 0, &taps);
  if (s == BNC_OK) bnc_graph_set_inputs(g, at, &part, 1);
  *changed = true;
  return s == BNC_OK ? bnc_graph_status(g) : s;
}

static bnc_status simplify(bnc_graph *g, uint32_t at, bool *changed) {
  bnc_node *node = &g->node[at];
  int tables = node->kind == BNC_NODE_RESAMPLE ? 2 : 1;
  bool identity = true;
  for (int i = 0; i < tables; i++) {
    bnc_status s = drop_zeros(g, node, i);
    if (s != BNC_OK) return s;
    identity = identity && bnc_taps_is_identity(taps_of(g, node, i));
  }
  bnc_value_id source = bnc_node_input(g, node, 0);
  if (identity) {
    bnc_graph_replace(g, node->output, source);
    node->dead = true;
    *changed = true;
    return BNC_OK;
  }
  const bnc_node *producer = &g->node[g->value[source].producer];
  if (producer->kind == node->kind && can_join(g, node, producer, tables)) return join(g, at, producer, tables, changed);
  bnc_value_id part;
  size_t first;
  if (node->kind == BNC_NODE_GATHER && producer->kind == BNC_NODE_CONCAT_ROWS &&
      single_part(g, taps_of(g, node, 0), producer, &part, &first))
    return read_part(g, at, part, first, changed);
  return BNC_OK;
}

static void drop_single_concat(bnc_graph *g, uint32_t at, bool *changed) {
  if (g->node[at].inputs != 1) return;
  bnc_graph_replace(g, g->node[at].output, bnc_node_input(g, &g->node[at], 0));
  g->node[at].dead = true;
  *changed = true;
}

bnc_status bnc_pass_simplify_taps(bnc_graph *g) {
  bool changed = true;
  while (changed) {
    changed = false;
    for (uint32_t n = 0; n < g->nodes; n++) {
      if (!g->node[n].dead && g->node[n].kind == BNC_NODE_CONCAT_ROWS) drop_single_concat(g, n, &changed);
      if (!g->node[n].dead && (g->node[n].kind == BNC_NODE_GATHER || g->node[n].kind == BNC_NODE_RESAMPLE)) {
        bnc_status s = simplify(g, n, &changed);
        if (s != BNC_OK) return s;
      }
    }
  }
  return bnc_pass_remove_dead(g);
}
