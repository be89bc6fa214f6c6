/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/base/mem.h"
#include "quant/passes/passes.h"

/* Values that were merged are shown once, under the first name. */
static bool is_known(const bnc_probe *probe, size_t count, const bnc_probe *p) {
  for (size_t i = 0; i < count; i++)
    if (probe[i].stage == p->stage && probe[i].value == p->value) return true;
  return false;
}

/* Probes keep nothing alive: what does not reach the output is not computed just to be looked at. */
bnc_status bnc_pass_remove_dead(bnc_graph *g) {
  uint8_t *live = bnc_mem_array(g->values + 1, 1);
  if (!live) return bnc_fail_memory(g->err, g->values);
  live[g->program_output] = 1;
  live[g->program_input] = 1;
  for (size_t n = g->nodes; n-- > 0;) {
    bnc_node *node = &g->node[n];
    if (node->dead) continue;
    bool used = live[node->output] || (node->second != BNC_NO_VALUE && live[node->second]) || node->kind == BNC_NODE_KV_APPEND;
    if (!used) {
      node->dead = true;
      continue;
    }
    for (uint32_t i = 0; i < node->inputs; i++) live[bnc_node_input(g, node, i)] = 1;
  }
  size_t kept = 0;
  for (size_t p = 0; p < g->probes; p++)
    if (live[g->probe[p].value] && !is_known(g->probe, kept, &g->probe[p])) g->probe[kept++] = g->probe[p];
  g->probes = kept;
  bnc_mem_free(live);
  bnc_graph_compact(g);
  return bnc_graph_status(g);
}
