/* SPDX-License-Identifier: Apache-2.0 */
/** @file embed.h  Rows of an embedding table by token id, to f32. Ids are validated by the caller (0 <= id < rows of the table). */
#ifndef BINOCLE_OPS_EMBED_EMBED_H
#define BINOCLE_OPS_EMBED_EMBED_H

#include "ops/level.h"

typedef struct bnc_embed_args {
  size_t cols;
  const void *table;  /* [vocabulary, cols] of f32 or int8, rows contiguous; or panels */
  const float *scale; /* [vocabulary]; int8 and c4: x = q * scale */
  const int32_t *ids; /* [rows] */
  float *out;         /* [rows, cols] */
  size_t out_stride;  /* elements from row to row */
} bnc_embed_args;

#define BNC_EMBED_KERNEL(name) BNC_KERNEL(name, const bnc_embed_args *args, size_t from, size_t to)
BNC_EMBED_KERNEL(embed_f32);
BNC_EMBED_KERNEL(embed_i8);
/** table: panels of matmul_bf16.h, then of matmul_c4.h, cols columns of k each. */
BNC_EMBED_KERNEL(embed_bf16);
BNC_EMBED_KERNEL(embed_c4);

typedef struct bnc_embed_ops {
  bnc_embed_f32_fn *f32;
  bnc_embed_i8_fn *i8;
  bnc_embed_bf16_fn *bf16;
  bnc_embed_c4_fn *c4;
} bnc_embed_ops;

#endif
