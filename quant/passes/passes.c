/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/passes/passes.h"

#include <string.h>

#include "platforms/base/mem.h"

/* The list. A pass rewrites the graph or the steps; the rest is carried out where the comment says. */
static const struct {
  const char *name;
  bnc_status (*graph)(bnc_graph *);
  bnc_status (*steps)(bnc_schedule *);
} list[BNC_PASSES] = {
    [BNC_PASS_SIMPLIFY_TAPS] = {"simplify-taps", bnc_pass_simplify_taps, NULL},
    [BNC_PASS_PRUNE_ROWS] = {"prune-rows", bnc_pass_prune_rows, NULL},
    [BNC_PASS_MERGE_EQUAL] = {"merge-equal", bnc_pass_merge_equal, NULL},
    [BNC_PASS_FOLD_SCALES] = {"fold-scales", bnc_pass_fold_scales, NULL},
    [BNC_PASS_FUSE_PROJECTIONS] = {"fuse-projections", bnc_pass_fuse_projections, NULL},
    [BNC_PASS_FUSE_QUANTIZE] = {"fuse-quantize", NULL, NULL}, /* bnc_pass_quantize_inputs, which runs in any case */
    [BNC_PASS_FUSE_RESIDUAL] = {"fuse-residual", NULL, bnc_pass_fuse_residual},
    [BNC_PASS_FUSE_PATCHES] = {"fuse-patches", NULL, bnc_pass_fuse_patches},
    [BNC_PASS_ALIAS_PARTS] = {"alias-parts", NULL, NULL},   /* bnc_pass_alias_parts, which gives places in any case */
    [BNC_PASS_SLAB_COLUMNS] = {"slab-columns", NULL, NULL}, /* bnc_pass_slab_columns, over all graphs before they are lowered */
};

const char *bnc_pass_name(bnc_pass_id pass) { return (unsigned)pass < BNC_PASSES ? list[pass].name : "unknown"; }

bnc_pass_id bnc_pass_find(const char *name) {
  for (unsigned p = 0; p < BNC_PASSES; p++)
    if (strcmp(list[p].name, name) == 0) return (bnc_pass_id)p;
  return BNC_PASSES;
}

static bnc_status run_on_graph(bnc_graph *g, uint32_t passes, bnc_pass_id pass) {
  if (pass == BNC_PASS_FUSE_QUANTIZE) return bnc_pass_quantize_inputs(g, bnc_pass_on(passes, pass));
  if (!bnc_pass_on(passes, pass)) return BNC_OK;
  bnc_status s = list[pass].graph(g);
  /* Pruning makes new gathers, which the tables' simplification takes further. */
  if (s == BNC_OK && pass == BNC_PASS_PRUNE_ROWS && bnc_pass_on(passes, BNC_PASS_SIMPLIFY_TAPS)) s = bnc_pass_simplify_taps(g);
  return s;
}

bnc_status bnc_passes_run_graph(bnc_graph *g, uint32_t passes, bnc_pass_observer after, void *context) {
  bnc_status s = BNC_OK;
  for (bnc_pass_id pass = 0; s == BNC_OK && pass <= BNC_PASS_FUSE_QUANTIZE; pass++) {
    s = run_on_graph(g, passes, pass);
    if (s == BNC_OK) s = after(context, pass);
  }
  return s;
}

bnc_status bnc_passes_run_steps(bnc_schedule *schedule) {
  bnc_status s = BNC_OK;
  for (bnc_pass_id pass = 0; s == BNC_OK && pass < BNC_PASSES; pass++)
    if (list[pass].steps && bnc_pass_on(schedule->passes, pass)) s = list[pass].steps(schedule);
  if (s == BNC_OK) s = bnc_pass_drop_unread(schedule);
  return s == BNC_OK ? bnc_pass_alias_parts(schedule) : s;
}

uint32_t *bnc_graph_count_uses(const bnc_graph *g) {
  uint32_t *uses = bnc_mem_array(g->values + 1, sizeof *uses);
  for (size_t n = 0; uses && n < g->nodes; n++)
    for (uint32_t i = 0; !g->node[n].dead && i < g->node[n].inputs; i++) uses[bnc_node_input(g, &g->node[n], i)]++;
  return uses;
}
