/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/passes/passes.h"

#include <string.h>

#include "platforms/base/mem.h"

static const char *const names[BNC_PASSES] = {
    [BNC_PASS_SIMPLIFY_TAPS] = "simplify-taps",       [BNC_PASS_PRUNE_ROWS] = "prune-rows",
    [BNC_PASS_MERGE_EQUAL] = "merge-equal",           [BNC_PASS_FOLD_SCALES] = "fold-scales",
    [BNC_PASS_FUSE_PROJECTIONS] = "fuse-projections", [BNC_PASS_FUSE_QUANTIZE] = "fuse-quantize",
    [BNC_PASS_FUSE_RESIDUAL] = "fuse-residual",       [BNC_PASS_FUSE_PATCHES] = "fuse-patches",
    [BNC_PASS_ALIAS_PARTS] = "alias-parts",           [BNC_PASS_SLAB_COLUMNS] = "slab-columns",
};

const char *bnc_pass_name(bnc_pass_id pass) { return (unsigned)pass < BNC_PASSES ? names[pass] : "unknown"; }

bnc_pass_id bnc_pass_find(const char *name) {
  for (unsigned p = 0; p < BNC_PASSES; p++)
    if (strcmp(names[p], name) == 0) return (bnc_pass_id)p;
  return BNC_PASSES;
}

uint32_t *bnc_graph_count_uses(const bnc_graph *g) {
  uint32_t *uses = bnc_mem_array(g->values + 1, sizeof *uses);
  for (size_t n = 0; uses && n < g->nodes; n++)
    for (uint32_t i = 0; !g->node[n].dead && i < g->node[n].inputs; i++) uses[bnc_node_input(g, &g->node[n], i)]++;
  return uses;
}
