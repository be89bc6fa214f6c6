/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file matmul.h  y = x W^T + bias for dynamically quantised int8 rows (ops/qd8.h) and int4 weights with one scale per group of 32 m
 * columns. The weights are read as model files hold them, on any CPU (runtime/model/format.h: QG4): nothing is packed when a model is
 * loaded.
 *
 * With u the stored nibble (value u - 8), per row r and column n, groups g in order:
 *   acc = fmaf((float)(sum over k in g of q[k] * u[n][k] - 8 * sum over k in g of q[k]), scale[n][g], acc)
 *   y = fmaf(fmaf(-zero_point, offset[n], acc), x_scale, bias[n]),  offset[n] = sum over g of scale[n][g] * sum over k in g of (u - 8)
 * The integer part is exact on every level, so all levels give the same bits.
 *
 * The range scheme, settled here once: x86 multiplies unsigned by signed bytes and adds pairs in saturating int16 (vpmaddubsw). The nibble
 * is the unsigned factor, at most 15, the activation the signed one, at least -128: 16 products, one block of 32 columns, stay within 15 *
 * 128 * 16 = 30720 and cannot saturate. They are widened to int32 after each block. int32 holds any group (15 * 128 * 2^20 < 2^31).
 */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_H
#define BINOCLE_OPS_MATMUL_MATMUL_H

#include "ops/level.h"
#include "ops/matmul/matmul_bf16.h"
#include "ops/matmul/matmul_c4.h"
#include "ops/matmul/matmul_f32.h"
#include "ops/matmul/matmul_i8.h"
#include "ops/qd8.h"

enum { BNC_I4_PANEL = 8, BNC_I4_BLOCK = 32 };

/** Weights of N rows (the result's columns) and K columns, in panels of 8 rows; rows beyond N are zeros. 4 + 16 / group bits per weight. */
typedef struct bnc_i4_matrix {
  size_t n, k, group; /* k and group are multiples of 32; group divides k */
  /* [panels, k / 32, 4, 8, 4]: byte (c, i, j) of a block holds columns 8 c + j (low) and 8 c + 4 + j (high) of row i */
  const uint8_t *nibbles;
  const uint16_t *scales; /* bf16 [panels, k / group, 8] */
  const float *offset;    /* [panels * 8] */
} bnc_i4_matrix;

typedef struct bnc_matmul_args {
  bnc_i4_matrix w;
  const float *bias; /* [n] or NULL */
  size_t rows;
  const int8_t *q;              /* [rows, k] */
  const bnc_qd8_params *params; /* [rows] */
  int32_t *sums;                /* [rows, k / group], written by the sums kernel, read by the matmul */
  float *y;                     /* [rows, n] */
  size_t q_stride, y_stride;    /* elements from row to row */
} bnc_matmul_args;

/** -8 times the sum of q over each group, what u = w + 8 adds taken off, for the rows [from, to). */
BNC_KERNEL(matmul_sums, const bnc_matmul_args *args, size_t from, size_t to);
/** All rows, the panels (of 8 columns of y) [from, to). scratch: BNC_MATMUL_SCRATCH bytes that no other thread uses. */
BNC_KERNEL(matmul_i4, const bnc_matmul_args *args, size_t from, size_t to, void *scratch);

typedef struct bnc_matmul_ops {
  bnc_matmul_sums_fn *sums;
  bnc_matmul_lay_fn *lay;
  bnc_matmul_tiles_fn *tiles;
  bnc_matmul_tiles_bf16_fn *tiles_bf16;
  bnc_matmul_f32_fn *f32;
  bnc_matmul_bf16_fn *bf16;
  bnc_matmul_i4_fn *i4;
  bnc_matmul_i8_fn *i8;
  bnc_matmul_c4_fn *c4;
} bnc_matmul_ops;

static inline size_t bnc_i4_panels(size_t n) { return (n + BNC_I4_PANEL - 1) / BNC_I4_PANEL; }
/** Bytes of one panel's nibbles and scales. */
static inline size_t bnc_i4_panel_nibbles(size_t k) { return k * BNC_I4_PANEL / 2; }
static inline size_t bnc_i4_panel_scales(size_t k, size_t group) { return k / group * BNC_I4_PANEL * sizeof(uint16_t); }

/** The rows [0, n) of a matrix out of its panels: what was given to bnc_matmul_i4_pack. */
void bnc_matmul_i4_unpack(size_t n, size_t k, size_t group, const uint8_t *nibbles, const uint16_t *scales,
                          uint8_t *rows /* [n, k / 2], even columns in the low nibble */, uint16_t *row_scales /* bf16 [n, k / group] */);

/** Fills the panels [from, to) of an [n, k] matrix from its rows: what the compiler does with what it has quantised. */
void bnc_matmul_i4_pack(size_t n, size_t k, size_t group, const uint8_t *source /* [n, k / 2], even columns in the low nibble */,
                        const uint16_t *source_scales /* bf16 [n, k / group] */, uint8_t *nibbles, uint16_t *scales, float *offset,
                        size_t from, size_t to);

#endif
