/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/base/mem.h"
#include "quant/passes/passes.h"
#include "quant/schedule/slab_cost.h"

/* [weights]: the rows that any program puts through each matrix, and whether one of them is text. */
static void find_rows(const bnc_graph *g, size_t *most, bool *of_text) {
  for (size_t n = 0; n < g->nodes; n++) {
    const bnc_node *node = &g->node[n];
    if (node->dead || node->kind != BNC_NODE_LINEAR) continue;
    const size_t rows = g->value[node->output].rows;
    if (rows > most[node->weight]) most[node->weight] = rows;
    of_text[node->weight] = of_text[node->weight] || bnc_graph_of_text(g);
  }
}

bnc_status bnc_pass_slab_columns(const bnc_graph *graphs, size_t count, const bnc_target *target, uint32_t *slab_cols) {
  const bnc_constants *c = NULL;
  for (size_t i = 0; i < count; i++)
    if (graphs[i].constants) c = graphs[i].constants;
  if (!c) return BNC_OK;
  size_t *rows = bnc_mem_array(c->weights + 1, sizeof *rows);
  bool *of_text = bnc_mem_array(c->weights + 1, sizeof *of_text);
  if (!rows || !of_text) {
    bnc_mem_free(rows);
    bnc_mem_free(of_text);
    return bnc_fail_memory(graphs[count - 1].err, c->weights * sizeof *rows);
  }
  for (size_t i = 0; i < count; i++) find_rows(&graphs[i], rows, of_text);
  for (size_t i = 0; i < c->weights; i++) {
    const bnc_weight *w = &c->weight[i];
    const bnc_slab_layer layer = {w->dtype, rows[i], w->k, w->n, of_text[i]};
    const size_t cols = rows[i] ? bnc_slab_choose(target, &layer) : w->n;
    if (cols < w->n) slab_cols[i] = (uint32_t)cols;
  }
  bnc_mem_free(rows);
  bnc_mem_free(of_text);
  return BNC_OK;
}
