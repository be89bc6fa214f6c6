/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_bf16.h  matmul_float.h's product with bfloat16 weights, straight from the model file's panels: [panels, (k + 1) / 2, 16, 2],
 * two columns k of 16 rows n lie together, zeros behind the last of both.
 *
 * Where a level has no bf16 instructions, weights are widened: x and w are what they are. Where it has some, x is rounded to bf16 as well
 * (to nearest even, subnormal numbers to zero) and pairs of products are added as the CPU does; the pairs come in the order of k there
 * too, so a row has the same bits alone as among others, whatever the range; checkkern holds them to a bound from an f64 oracle. AMX adds
 * 32 of k at a time: the products of the even ones and those of the odd ones, each in order, then both to the sum.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_BF16_H
#define BINOCLE_OPS_MATMUL_MATMUL_BF16_H

#include "ops/matmul/matmul_float.h"
#include "ops/matmul/matmul_i8.h"

enum { BNC_BF16_ROWS = 12 /* that a level rounds together, at most */ };

/** All rows, the items (of BNC_FLOAT_COLUMNS columns) [from, to). scratch: bnc_bf16_scratch(k) bytes, 64-byte aligned, that no other thread
 * uses. */
BNC_KERNEL(matmul_bf16, const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch);

/** Lays out x, rounded, for AMX's tiles: the blocks [from, to) of BNC_TILES_ROWS rows, as matmul_tiles does with bytes. */
BNC_KERNEL(matmul_tiles_bf16, const bnc_matmul_float_args *args, size_t from, size_t to);
/** Bytes of args.tiles; 0 where a level's matmul_bf16 reads rows as they lie. */
size_t bnc_matmul_tiles_bf16_bytes(bnc_cpu_level level, size_t rows, size_t k);

/** Whether a level rounds x. */
static inline int bnc_bf16_rounds(bnc_cpu_level level) {
  return bnc_cpu_level_includes(level, BNC_CPU_AVX512BF16) || level == BNC_CPU_NEON_BF16;
}

static inline size_t bnc_bf16_panels(size_t n) { return (n + BNC_FLOAT_PANEL - 1) / BNC_FLOAT_PANEL; }
/** Values of a panel. */
static inline size_t bnc_bf16_panel(size_t k) { return (k + 1) / 2 * 2 * BNC_FLOAT_PANEL; }
/** Where w[n][i] lies, with k columns. */
static inline size_t bnc_bf16_place(size_t k, size_t n, size_t i) {
  return n / BNC_FLOAT_PANEL * bnc_bf16_panel(k) + i / 2 * 2 * BNC_FLOAT_PANEL + n % BNC_FLOAT_PANEL * 2 + i % 2;
}
/** Elements from row to row of rows that are rounded to bf16: k filled up, and, where 64 divides it, an odd number of cache lines. */
static inline size_t bnc_bf16_depth(size_t k) { return (k + 63) / 32 * 32; }
static inline size_t bnc_bf16_scratch(size_t k) {
  const size_t rounded = bnc_bf16_depth(k) * BNC_BF16_ROWS * sizeof(uint16_t), least = BNC_MATMUL_SCRATCH;
  return rounded > least ? rounded : least > BNC_FLOAT_SCRATCH ? least : BNC_FLOAT_SCRATCH;
}

/** Rounds rows w [n, k], finite numbers, to the nearest bf16 and fills the panels [from, to) with them. */
void bnc_matmul_bf16_pack(size_t n, size_t k, const float *w, uint16_t *panels, size_t from, size_t to);
/** The rows [0, n) out of panels, as f32 [n, k]. */
void bnc_matmul_bf16_widen(size_t n, size_t k, const uint16_t *panels, float *w);

#endif
