/* SPDX-License-Identifier: Apache-2.0 */
/* Chosen per matrix, for the program that puts most rows through it: prefill and decode share what is packed. */
#include "platforms/base/mem.h"
#include "quant/compile/programs.h"
#include "quant/schedule/slab_cost.h"

static void choose(bnc_programs *p, uint32_t weight, size_t rows) {
  const bnc_weight *w = &p->constants.weight[weight];
  const bnc_slab_layer layer = {w->dtype, rows, w->k, w->n};
  size_t cols = bnc_slab_choose(&p->target, &layer);
  if (cols >= w->n) return;
  uint64_t bytes = bnc_slab_bytes(w->dtype, w->k, cols);
  p->slab_cols[weight] = (uint32_t)cols;
  p->slab_matrices++;
  if (bytes > p->slab_bytes) p->slab_bytes = bytes;
}

bnc_status bnc_programs_choose_slabs(bnc_programs *p, bnc_error *err) {
  size_t *rows = bnc_mem_array(p->constants.weights + 1, sizeof *rows);
  if (!rows) return bnc_fail_memory(err, p->constants.weights * sizeof *rows);
  for (int which = 0; which < 3; which++) {
    const bnc_graph *g = &p->graph[which];
    for (size_t n = 0; p->present[which] && n < g->nodes; n++) {
      const bnc_node *node = &g->node[n];
      if (node->dead || node->kind != BNC_NODE_LINEAR) continue;
      size_t most = g->value[node->output].rows;
      if (most > rows[node->weight]) rows[node->weight] = most;
    }
  }
  for (uint32_t w = 0; w < p->constants.weights; w++)
    if (rows[w]) choose(p, w, rows[w]);
  bnc_mem_free(rows);
  return BNC_OK;
}
