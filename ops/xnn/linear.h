/* SPDX-License-Identifier: Apache-2.0 */
/** @file linear.h  y = x W^T + b on XNNPACK's fully connected operators: created once, run many times. This folder alone knows XNNPACK. */
#ifndef BINOCLE_OPS_XNN_LINEAR_H
#define BINOCLE_OPS_XNN_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ops/xnn/packed.h"
#include "platforms/error.h"
#include "platforms/threads.h"

typedef enum bnc_linear_kind {
  BNC_LINEAR_F32,     /* f32 x, f32 W */
  BNC_LINEAR_QD8_QC8, /* qd8 x, int8 W with a scale per output */
  BNC_LINEAR_QD8_QB4  /* qd8 x, int4 W with a bf16 scale per group of `group` along k */
} bnc_linear_kind;

typedef struct bnc_linear_spec {
  bnc_linear_kind kind;
  size_t n, k, group;
  size_t in_stride, out_stride; /* elements */
  const void *weights;          /* [n,k]: f32, int8, or nibbles [n,k/2] (even k low, value = nibble - 8) */
  const void *scales;           /* f32 [n] (QC8) or bf16 [n,k/group] (QB4) */
  const float *bias;            /* [n] or NULL */
  bool yields;                  /* bnc_pool_yields of the pool that will run it: workers sleep behind it instead of spinning */
} bnc_linear_spec;

typedef struct bnc_linear bnc_linear;

/** Packs into (or takes from) the store under `key`. The canonical weights are not needed afterwards. */
bnc_status bnc_linear_create(bnc_linear **linear, const bnc_linear_spec *spec, bnc_packed_store *store, uint64_t key, bnc_error *err);
void bnc_linear_destroy(bnc_linear *linear);

/** y [rows,n] = x [rows,k]. x: f32, or qd8 with params [rows + 16] whose last 16 repeat the last row's; 16 bytes behind x must be readable.
    Neither allocates nor locks beyond the pool. BNC_ERROR_INTERNAL where XNNPACK refuses. */
bnc_status bnc_linear_run(bnc_linear *linear, size_t rows, const void *x, const void *params, float *y, bnc_pool *pool);

#endif
