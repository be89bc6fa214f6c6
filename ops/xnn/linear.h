/* SPDX-License-Identifier: Apache-2.0 */
/** @file linear.h  y = x W^T + b on XNNPACK's fully connected operators. A set holds the layers of one session: one operator per shape,
   created once, which serves all layers of that shape in turn; a layer itself is no more than its packed weights. A row alone has the bits
   that it has among others. This folder alone knows XNNPACK. */
#ifndef BINOCLE_OPS_XNN_LINEAR_H
#define BINOCLE_OPS_XNN_LINEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ops/xnn/packed.h"
#include "platforms/base/error.h"
#include "platforms/threads/threads.h"

typedef enum bnc_linear_kind {
  BNC_LINEAR_F32,     /* f32 x, f32 W */
  BNC_LINEAR_QD8_QC8, /* qd8 x, int8 W with a scale per output */
  BNC_LINEAR_QD8_QC4, /* qd8 x, int4 W with steps (ops/matmul/matmul_c4.h): packed as the int8 W that they stand for */
  BNC_LINEAR_QD8_QG4, /* qd8 x, int4 W with a scale per output and group of inputs (XNNPACK's qb4w); not the same bits on every CPU */
  BNC_LINEAR_BF16     /* f32 x, bf16 W in panels (ops/matmul/matmul_bf16.h): packed as the f32 W that they stand for */
} bnc_linear_kind;

/** Pointers must stay valid as long as the set. They are read when the layer is packed, and not of a layer that the store holds already. */
typedef struct bnc_linear_spec {
  bnc_linear_kind kind;
  size_t n, k;
  size_t in_stride, out_stride; /* elements */
  const void *weights;          /* [n,k]: f32 or int8; QG4: nibbles in panels (bnc_i4_matrix of ops/matmul/matmul.h); QC4, BF16: panels */
  const float *scales;          /* [n] of int8 and QC4: positive and normal */
  const float *bias;            /* [n] or NULL */
  size_t group;                 /* int4: inputs per scale, a multiple of 32 that divides k */
  const uint16_t *group_scales; /* int4: bf16 in panels likewise, positive and normal */
} bnc_linear_spec;

typedef struct bnc_linear_set bnc_linear_set;

/** The store must outlive the set. */
bnc_status bnc_linear_set_create(bnc_linear_set **set, bnc_packed_store *store, bnc_error *err);
void bnc_linear_set_destroy(bnc_linear_set *set);

/** Sees to it that the store holds a layer's packed weights, of the size that XNNPACK needs: packs them where they are missing. weight and
   from name the layer in the store (bnc_packed_key). BNC_ERROR_FORMAT where a mapped store lacks them. Strides do not matter. */
bnc_status bnc_linear_set_pack(bnc_linear_set *set, const bnc_linear_spec *spec, uint32_t weight, uint32_t from, bnc_error *err);
/** Bytes of a layer's packed weights. Strides do not matter. */
bnc_status bnc_linear_set_packed_bytes(bnc_linear_set *set, const bnc_linear_spec *spec, size_t *bytes, bnc_error *err);
/** Adds a layer; *id names it in this set. */
bnc_status bnc_linear_set_add(bnc_linear_set *set, const bnc_linear_spec *spec, uint32_t weight, uint32_t from, uint32_t *id,
                              bnc_error *err);

/** y [rows,n] = x [rows,k]. x: f32, or qd8 with params (bnc_qd8_params) [rows + 16] whose last 16 repeat the last row's; 16 bytes behind x
   must be readable. Neither allocates nor locks beyond the pool. BNC_ERROR_INTERNAL where XNNPACK refuses. */
bnc_status bnc_linear_set_run(bnc_linear_set *set, uint32_t id, size_t rows, const void *x, const void *params, float *y, bnc_pool *pool);

/** Where a layer's packed weights lie, and how many bytes; and whether that is a file map of the store's own. */
const void *bnc_linear_set_packed(const bnc_linear_set *set, uint32_t id, size_t *size);
bool bnc_linear_set_is_mapped(const bnc_linear_set *set);

/** Operators and layers so far. */
size_t bnc_linear_set_operators(const bnc_linear_set *set);
size_t bnc_linear_set_layers(const bnc_linear_set *set);

#endif
