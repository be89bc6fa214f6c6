/* SPDX-License-Identifier: Apache-2.0 */
/* Value numbering: of nodes that compute the same from the same, the first stays. Tables, constants and weights are interned already, so
   that equal ones have equal ids. */
#include <string.h>

#include "platforms/base/mem.h"
#include "quant/passes/passes.h"

static uint64_t mix(uint64_t h, uint64_t x) {
  h ^= x + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
  return h * 0xff51afd7ed558ccdu;
}

static uint64_t bits(float f) {
  uint32_t u;
  memcpy(&u, &f, sizeof u);
  return u;
}

static uint64_t hash(const bnc_graph *g, const bnc_node *n) {
  uint64_t h = mix(n->kind, n->weight);
  h = mix(h, n->constant);
  h = mix(mix(h, n->taps[0]), n->taps[1]);
  h = mix(mix(mix(h, n->heads), n->kv_heads), n->patch);
  h = mix(mix(h, n->layer), n->from);
  h = mix(mix(h, bits(n->scale)), bits(n->eps));
  for (uint32_t i = 0; i < n->inputs; i++) h = mix(h, bnc_node_input(g, n, i));
  return h;
}

static bool same(const bnc_graph *g, const bnc_node *a, const bnc_node *b) {
  if (a->kind != b->kind || a->inputs != b->inputs || a->weight != b->weight || a->constant != b->constant || a->taps[0] != b->taps[0] ||
      a->taps[1] != b->taps[1] || a->heads != b->heads || a->kv_heads != b->kv_heads || a->int8 != b->int8 || a->patch != b->patch ||
      a->layer != b->layer || a->from != b->from || bits(a->scale) != bits(b->scale) || bits(a->eps) != bits(b->eps) ||
      (a->second == BNC_NO_VALUE) != (b->second == BNC_NO_VALUE) || g->value[a->output].cols != g->value[b->output].cols ||
      g->value[a->output].rows != g->value[b->output].rows)
    return false;
  for (uint32_t i = 0; i < a->inputs; i++)
    if (bnc_node_input(g, a, i) != bnc_node_input(g, b, i)) return false;
  return true;
}

/* Producers come first in the list, so one walk finds chains of equal nodes: inputs are renamed through `to` before a node is looked up. */
bnc_status bnc_pass_merge_equal(bnc_graph *g) {
  size_t buckets = 16;
  while (buckets < 2 * g->nodes) buckets *= 2;
  uint32_t *bucket = bnc_mem_array(buckets, sizeof *bucket); /* node + 1 */
  bnc_value_id *to = bnc_mem_array(g->values + 1, sizeof *to);
  if (!bucket || !to) {
    bnc_mem_free(bucket);
    bnc_mem_free(to);
    return bnc_fail_memory(g->err, buckets * sizeof *bucket);
  }
  for (size_t v = 0; v < g->values; v++) to[v] = (bnc_value_id)v;
  for (uint32_t n = 0; n < g->nodes; n++) {
    bnc_node *node = &g->node[n];
    if (node->dead) continue;
    for (uint32_t i = 0; i < node->inputs; i++) g->input[node->first_input + i] = to[bnc_node_input(g, node, i)];
    if (node->kind == BNC_NODE_KV_APPEND || node->kind == BNC_NODE_INPUT) continue;
    size_t at = (size_t)hash(g, node) & (buckets - 1);
    while (bucket[at] && !same(g, &g->node[bucket[at] - 1], node)) at = (at + 1) & (buckets - 1);
    if (!bucket[at]) {
      bucket[at] = n + 1;
      continue;
    }
    const bnc_node *first = &g->node[bucket[at] - 1];
    to[node->output] = first->output;
    if (node->second != BNC_NO_VALUE) to[node->second] = first->second;
    node->dead = true;
  }
  for (size_t p = 0; p < g->probes; p++) g->probe[p].value = to[g->probe[p].value];
  g->program_output = to[g->program_output];
  bnc_mem_free(bucket);
  bnc_mem_free(to);
  return bnc_pass_remove_dead(g);
}
