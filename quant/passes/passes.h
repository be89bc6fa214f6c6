/* SPDX-License-Identifier: Apache-2.0 */
/** @file passes.h  Rewrites of a program that leave its output as it is, bit for bit (quantising inputs alone changes numbers, where
   weights are quantised). Each is a file of this folder and can be switched off; a program is right after any subset, in this order.
   passes.c holds the one list, and drives it: over the graph, then over the steps that it is lowered to. Norms' affine parts are not
   folded into the layers behind them: that saves no time and harms int4 weights (bench/baselines/fold_affine.csv). */
#ifndef BINOCLE_QUANT_PASSES_PASSES_H
#define BINOCLE_QUANT_PASSES_PASSES_H

#include "quant/schedule/schedule.h"
#include "quant/schedule/target.h"

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

static inline bool bnc_pass_on(uint32_t passes, bnc_pass_id pass) { return (passes >> pass) & 1u; }

/** Called behind each pass, on or off, up to fuse-quantize. */
typedef bnc_status (*bnc_pass_observer)(void *context, bnc_pass_id pass);
/** The driver of a graph's passes: those of `passes`, in the list's order, and quantisation of inputs. */
bnc_status bnc_passes_run_graph(bnc_graph *graph, uint32_t passes, bnc_pass_observer after, void *context);
/** The same of a lowered program, for schedule->passes: afterwards every value has a place. */
bnc_status bnc_passes_run_steps(bnc_schedule *schedule);

bnc_status bnc_pass_simplify_taps(bnc_graph *graph);
bnc_status bnc_pass_prune_rows(bnc_graph *graph);
bnc_status bnc_pass_merge_equal(bnc_graph *graph);
bnc_status bnc_pass_fold_scales(bnc_graph *graph);
bnc_status bnc_pass_fuse_projections(bnc_graph *graph);
/** Not optional: linear layers with quantised weights get quantised inputs. With `fuse`, from the norm or activation that makes them. */
bnc_status bnc_pass_quantize_inputs(bnc_graph *graph, bool fuse);
/** Not optional: nodes whose outputs nobody reads go. */
bnc_status bnc_pass_remove_dead(bnc_graph *graph);

bnc_status bnc_pass_fuse_patches(bnc_schedule *schedule);
bnc_status bnc_pass_fuse_residual(bnc_schedule *schedule);
/** Not optional: steps whose results nobody reads go: what fused patches leave behind, and f32 outputs of which only the quantised twin is
   used. */
bnc_status bnc_pass_drop_unread(bnc_schedule *schedule);
/** Not optional, though with schedule->alias == 0 each value gets a block of its own. */
bnc_status bnc_pass_alias_parts(bnc_schedule *schedule);
/** slab_cols [constants' weights], zeros before: columns per slab of each matrix that gains by slabs. One decision serves all graphs
   [count], as they share what is packed: that for the graph with most rows. */
bnc_status bnc_pass_slab_columns(const bnc_graph *graphs, size_t count, const bnc_target *target, uint32_t *slab_cols);

/** Uses of each value by live nodes (a probe or being the program's output does not count): [graph->values], a bnc_mem block, or NULL. */
uint32_t *bnc_graph_count_uses(const bnc_graph *graph);

#endif
