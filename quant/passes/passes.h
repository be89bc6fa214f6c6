/* SPDX-License-Identifier: Apache-2.0 */
/** @file passes.h  Rewrites of a graph that leave its output as it is, bit for bit (quantize_inputs alone changes numbers, where weights
   are quantised). Each pass is a file of its own and can be switched off; a graph is right after any subset, in this order. Norms' affine
   parts are not folded into the layers behind them: that saves no time and harms int4 weights (bench/baselines/fold_affine.csv). */
#ifndef BINOCLE_QUANT_PASSES_PASSES_H
#define BINOCLE_QUANT_PASSES_PASSES_H

#include "quant/graph/graph.h"

typedef enum bnc_pass_id {
  BNC_PASS_SIMPLIFY_TAPS,    /* drop zero taps; join tables that follow each other; read straight from the part that a table reads */
  BNC_PASS_PRUNE_ROWS,       /* compute only the rows that reach the output */
  BNC_PASS_MERGE_EQUAL,      /* compute equal things once */
  BNC_PASS_FOLD_SCALES,      /* constant factors move into weights, where that is exact */
  BNC_PASS_FUSE_PROJECTIONS, /* linear layers over one input become one matrix */
  BNC_PASS_FUSE_QUANTIZE,    /* norms, activations and fused patches quantise what they write */
  BNC_PASS_FUSE_RESIDUAL,    /* residual sums and the norm behind them become one op */
  BNC_PASS_FUSE_PATCHES,     /* normalise, crop or stride and unfold into patches in one op, straight from the 8-bit picture */
  BNC_PASS_ALIAS_PARTS,      /* concatenations are written in place by those who make their parts */
  BNC_PASS_SLAB_COLUMNS,     /* large matrices run in column slabs that stay in the cache */
  BNC_PASSES
} bnc_pass_id;

/** "simplify-taps" ... */
const char *bnc_pass_name(bnc_pass_id pass);
/** The pass of that name, or BNC_PASSES. */
bnc_pass_id bnc_pass_find(const char *name);

/** For fewer columns than a tile of its usual kernels has, XNNPACK picks others, which add up in another order. Matrices narrower than this
   are neither joined to others nor split off, so that passes leave results as they are, bit for bit. */
#define BNC_NARROW_COLUMNS 32u

#define BNC_ALL_PASSES ((1u << BNC_PASSES) - 1u)

bnc_status bnc_pass_simplify_taps(bnc_graph *graph);
bnc_status bnc_pass_prune_rows(bnc_graph *graph);
bnc_status bnc_pass_merge_equal(bnc_graph *graph);
bnc_status bnc_pass_fold_scales(bnc_graph *graph);
bnc_status bnc_pass_fuse_projections(bnc_graph *graph);
/** Not optional: linear layers with quantised weights get quantised inputs. With `fuse`, from the norm or activation that makes them. */
bnc_status bnc_pass_quantize_inputs(bnc_graph *graph, bool fuse);
/** Not optional: nodes whose outputs nobody reads go. */
bnc_status bnc_pass_remove_dead(bnc_graph *graph);

/** Uses of each value by live nodes (a probe or being the program's output does not count): [graph->values], a bnc_mem block, or NULL. */
uint32_t *bnc_graph_count_uses(const bnc_graph *graph);

#endif
