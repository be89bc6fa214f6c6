/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul_i8.h  y = x W^T + bias for dynamically quantised int8 rows (ops/qd8.h) and int8 weights with one scale per column of y,
 * straight from the model file's matrix: nothing is packed beforehand.
 *
 *   y[row][n] = fmaf((float)(sum over k of (q[row][k] - zero_point[row]) * w[n][k]) * x_scale[row], scale[n], bias[n])
 *
 * XNNPACK's formula for qd8 x qc8w, operation by operation: the same bits. The sum is exact on every level: |q - zero_point| <= 255 and |w|
 * <= 128, so int16 holds the factors and int32 the sum of up to BNC_I8_MAX_DEPTH products (255 * 128 * 65793 < 2^31). x86 multiplies and
 * adds pairs of int16 (vpmaddwd): at most 2 * 255 * 128, no saturation anywhere. VPDPBUSD wants an unsigned and a signed byte: one factor
 * gets 128 added, which is taken off the sum with the factors' own sums; modulo 2^32 that is exact.
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_I8_H
#define BINOCLE_OPS_MATMUL_MATMUL_I8_H

#include <stdbool.h>

#include "ops/level.h"
#include "ops/qd8.h"

enum {
  BNC_I8_COLUMNS = 64,      /* columns of y that one item covers */
  BNC_I8_MAX_DEPTH = 65793, /* k */
  BNC_TILES_ROWS = 32,
  BNC_TILES_STEP = 64,
  BNC_TILES_DEPTH = 1024,
/* Bytes of scratch, 64-byte aligned, that a call of any matrix kernel needs: what it touches of them lives in the second cache. */
#ifdef __x86_64__
  BNC_MATMUL_SCRATCH = 736 << 10 /* AMX keeps sums there; other levels touch 260 KB */
#else
  BNC_MATMUL_SCRATCH = 148 << 10
#endif
};

typedef struct bnc_matmul_i8_args {
  size_t rows, k, n;
  const int8_t *w;              /* [n, k] */
  const float *scale;           /* [n] */
  const float *bias;            /* [n] or NULL: zeros */
  const int8_t *q;              /* [rows, k] */
  const bnc_qd8_params *params; /* [rows] */
  float *y;                     /* [rows, n]; holds parts of the sums while the kernel runs */
  size_t q_stride, y_stride;    /* elements from row to row */
  size_t first;                 /* matmul_tiles alone: q begins with this row */
  int8_t *tiles;                /* q as matmul_tiles lays it out, for levels that read it so; NULL: all read it as it lies */
  const int8_t *laid;           /* w as matmul_lay lays it out, read in its place where there are tiles; NULL: there is none */
} bnc_matmul_i8_args;

/** Lays out the blocks [from, to) of BNC_TILES_ROWS rows of q for AMX's tiles: [parts of BNC_TILES_DEPTH of k, blocks, steps of
 * BNC_TILES_STEP of k, BNC_TILES_ROWS, BNC_TILES_STEP], zeros behind the end of k. Rows behind the last are left alone. */
BNC_KERNEL(matmul_tiles, const bnc_matmul_i8_args *args, size_t from, size_t to);
/** Bytes of args.tiles; 0 where the kernels of a level read so many rows as they lie. */
size_t bnc_matmul_tiles_bytes(bnc_cpu_level level, size_t rows, size_t k);

typedef struct bnc_matmul_lay_args {
  size_t k, n;
  const int8_t *w; /* [n, k] */
  int8_t *laid;    /* bnc_matmul_laid_bytes, 64-byte aligned */
} bnc_matmul_lay_args;

/** Lays out w's items [from, to) for AMX's tiles, beforehand: [slabs of BNC_TILES_ROWS columns, steps of BNC_TILES_STEP of k, two tiles of
 * columns, BNC_TILES_STEP / 4, columns of a tile, 4 of k], zeros where w has none, and behind each slab its columns' sums along k, int32.
 */
BNC_KERNEL(matmul_lay, const bnc_matmul_lay_args *args, size_t from, size_t to);
/** Bytes of so many columns laid out; items further on lie behind them. 0 where a level reads w as it lies, or so few rows that it is not
 * worth the memory. */
size_t bnc_matmul_laid_bytes(bnc_cpu_level level, size_t rows, size_t k, size_t columns);

/** All rows, the items (of BNC_I8_COLUMNS columns) [from, to). scratch: BNC_MATMUL_SCRATCH bytes that no other thread uses. */
BNC_KERNEL(matmul_i8, const bnc_matmul_i8_args *args, size_t from, size_t to, void *scratch);

/** Whether this kernel is preferred to XNNPACK's operator on a machine that runs `level`: on x86 by time (bench/baselines/int8_linear.csv),
   not on AVX2 where the CPU has the 8-bit dot products that XNNPACK knows how to use; on ARM because nothing needs
   to be packed and the bits are x86's, though XNNPACK needs fewer instructions there (bench/baselines/arm-linears.csv). features:
   BNC_CPU_HAS_... */
bool bnc_matmul_i8_wins(bnc_cpu_level level, uint32_t features);

static inline size_t bnc_matmul_tiles_blocks(size_t rows) { return (rows + BNC_TILES_ROWS - 1) / BNC_TILES_ROWS; }
/** Where byte i of a row of `bytes` lies in tiles of so many rows. */
static inline size_t bnc_matmul_tiles_place(size_t rows, size_t bytes, size_t row, size_t i) {
  const size_t part = i / BNC_TILES_DEPTH * BNC_TILES_DEPTH, left = bytes - part, depth = left < BNC_TILES_DEPTH ? left : BNC_TILES_DEPTH;
  const size_t steps = (depth + BNC_TILES_STEP - 1) / BNC_TILES_STEP, step = row / BNC_TILES_ROWS * steps + (i - part) / BNC_TILES_STEP;
  const size_t line = step * BNC_TILES_ROWS + row % BNC_TILES_ROWS;
  return part * bnc_matmul_tiles_blocks(rows) * BNC_TILES_ROWS + line * BNC_TILES_STEP + i % BNC_TILES_STEP;
}
/** Bytes of BNC_TILES_ROWS columns of w laid out: their tiles, and behind them the columns' sums along k. */
static inline size_t bnc_matmul_laid_slab(size_t k) {
  return ((k + BNC_TILES_STEP - 1) / BNC_TILES_STEP * BNC_TILES_STEP + sizeof(int32_t)) * BNC_TILES_ROWS;
}
/** Bytes of all rows' tiles. */
static inline size_t bnc_matmul_tiles_room(size_t rows, size_t bytes) {
  return bnc_matmul_tiles_blocks(rows) * BNC_TILES_ROWS * ((bytes + BNC_TILES_STEP - 1) / BNC_TILES_STEP * BNC_TILES_STEP);
}
static inline size_t bnc_matmul_i8_items(size_t n) { return (n + BNC_I8_COLUMNS - 1) / BNC_I8_COLUMNS; }

#endif
