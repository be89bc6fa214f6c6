/* SPDX-License-Identifier: Apache-2.0 */
/* Linear layers that read one value (q, k, v; gate, up; DEM's keys and values) become one matrix, stacked along its outputs; their readers
   get columns of its result. Each output is the dot product that it was: nothing changes in the numbers. */
#include "quant/passes/passes.h"

static bool fits(const bnc_graph *g, const bnc_node *first, const bnc_node *next) {
  if (next->kind != BNC_NODE_LINEAR) return false;
  const bnc_weight *a = &g->constants->weight[first->weight], *b = &g->constants->weight[next->weight];
  return !next->dead && bnc_node_input(g, next, 0) == bnc_node_input(g, first, 0) && a->dtype == b->dtype && a->k == b->k &&
         a->group == b->group && b->parts == 1 && a->n >= BNC_NARROW_COLUMNS && b->n >= BNC_NARROW_COLUMNS;
}

/* The three names differ in a part of their tail: "crop0.layer3.self_attn.q_proj" and its siblings become "...q_proj+k_proj+v_proj". */
static uint32_t joined_name(bnc_graph *g, const uint32_t *node, size_t count) {
  const char *first = bnc_constants_text(g->constants, g->node[node[0]].name);
  char text[200];
  size_t n = 0;
  for (const char *c = first; *c && n < 100; c++) text[n++] = *c;
  for (size_t i = 1; i < count; i++) {
    const char *other = bnc_constants_text(g->constants, g->node[node[i]].name), *tail = other;
    for (const char *c = other; *c; c++)
      if (*c == '.') tail = c + 1;
    text[n++] = '+';
    for (const char *c = tail; *c && n < 180; c++) text[n++] = *c;
  }
  text[n] = 0;
  return bnc_constants_string(g->constants, "%s", text);
}

static bnc_status fuse(bnc_graph *g, const uint32_t *node, size_t count) {
  bnc_weight w = g->constants->weight[g->node[node[0]].weight];
  for (size_t i = 1; i < count; i++) {
    const bnc_weight *part = &g->constants->weight[g->node[node[i]].weight];
    w.part[w.parts++] = part->part[0];
    w.n += part->n;
  }
  uint32_t id;
  bnc_status s = bnc_constants_add_weight(g->constants, &w, &id, g->err);
  if (s != BNC_OK) return s;
  bnc_value_id x = bnc_node_input(g, &g->node[node[0]], 0);
  size_t rows = g->value[x].rows, from = 0;
  bnc_node *all = bnc_graph_add(g, BNC_NODE_LINEAR, joined_name(g, node, count), rows, w.n, BNC_ELEMENT_F32, &x, 1);
  all->weight = id;
  bnc_value_id whole = all->output;
  for (size_t i = 0; i < count && !g->failed; i++) {
    bnc_value_id old = g->node[node[i]].output;
    size_t cols = g->value[old].cols;
    bnc_node *slice = bnc_graph_add(g, BNC_NODE_SLICE_COLS, g->node[node[i]].name, rows, cols, BNC_ELEMENT_F32, &whole, 1);
    slice->from = (uint32_t)from;
    from += cols;
    bnc_graph_replace(g, old, slice->output);
    g->node[node[i]].dead = true;
  }
  return bnc_graph_status(g);
}

bnc_status bnc_pass_fuse_projections(bnc_graph *g) {
  size_t nodes = g->nodes;
  for (uint32_t n = 0; n < nodes && !g->failed; n++) {
    if (g->node[n].dead || g->node[n].kind != BNC_NODE_LINEAR || g->constants->weight[g->node[n].weight].parts != 1) continue;
    uint32_t group[BNC_WEIGHT_PARTS] = {n};
    size_t count = 1;
    /* Siblings stand close together in the order of a model's layers. */
    for (uint32_t m = n + 1; m < nodes && m < n + 16 && count < BNC_WEIGHT_PARTS; m++)
      if (fits(g, &g->node[n], &g->node[m])) group[count++] = m;
    if (count < 2) continue;
    bnc_status s = fuse(g, group, count);
    if (s != BNC_OK) return s;
  }
  bnc_status s = bnc_graph_status(g);
  if (s == BNC_OK) s = bnc_graph_sort(g);
  return s == BNC_OK ? bnc_pass_remove_dead(g) : s;
}
