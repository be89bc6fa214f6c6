/* SPDX-License-Identifier: Apache-2.0 */
/** @file slab_cost.h  How many columns of a weight matrix XNNPACK should run at a time.

    XNNPACK walks over all columns for each block of mr rows. What does not stay in a cache between two walks is read again from where it
   lies. A layer of R rows per core, k inputs and n outputs, b bytes per weight and e per activation, in n / c slabs of c columns, takes
   about

      cycles(c) = n / c * (max(A, S / memory) + (R / mr - 1) * max(A, S / home(S)) + X / home(X + S) + CALL)

      S = c * k * b                 bytes of a slab: its first walk reads it from memory, the others from where it stays
      A = mr * c * k / macs         cycles that one walk computes; reading hides behind it
      X = R * k * e                 activations: each slab reads them anew
      CALL                          a call, with its fork and join
      home(x)                       bytes per cycle from the L2 where x is at most half of it; else from the L3 where x is at most half of
   that and twice the L2: an L3 is shared with whatever else runs, and measured gains fade from about there; else from memory

    mr and macs (multiply-accumulates per cycle) are those of XNNPACK's kernels per level; caches and rates are the target's (target.h).
   Threads run the same slab at the same time and share it, so caches are not divided by them. bench/linear/bench_slabs measures what the
   choice loses against the best one. */
#ifndef BINOCLE_QUANT_SCHEDULE_SLAB_COST_H
#define BINOCLE_QUANT_SCHEDULE_SLAB_COST_H

#include "quant/graph/constants.h"
#include "quant/schedule/target.h"

/** A linear layer to run. */
typedef struct bnc_slab_layer {
  bnc_weight_dtype dtype;
  size_t rows, k, n;
  bool of_text;
} bnc_slab_layer;

/** False where a kernel of our own multiplies (runtime/model/linear_choice.h), which blocks for the cache by itself. */
bool bnc_slab_helps(const bnc_target *target, const bnc_slab_layer *layer);
/** The formula above, for slabs of `cols` columns; the last one may be narrower. */
double bnc_slab_cycles(const bnc_target *target, const bnc_slab_layer *layer, size_t cols);
/** Bytes of weights that the layer reads from memory in slabs of `cols` columns. */
double bnc_slab_weight_reads(const bnc_target *target, const bnc_slab_layer *layer, size_t cols);
/** Bytes of weights in a slab of `cols` columns. */
uint64_t bnc_slab_bytes(bnc_weight_dtype dtype, size_t k, size_t cols);
/** The i-th division worth trying, the whole first, the narrowest last: columns per slab, equal slabs in multiples of 64; 0 behind the
 * last. */
size_t bnc_slab_candidate(const bnc_slab_layer *layer, size_t i);
/** The division that the formula finds fastest; layer->n where slabs gain less than 3 %. */
size_t bnc_slab_choose(const bnc_target *target, const bnc_slab_layer *layer);

#endif
