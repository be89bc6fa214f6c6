/* SPDX-License-Identifier: Apache-2.0 */
/** @file constants.h  What the programs of a model share: names, small f32 constants, tables of taps, and weight matrices, which stay in
   their source until the writer streams them. */
#ifndef BINOCLE_QUANT_GRAPH_CONSTANTS_H
#define BINOCLE_QUANT_GRAPH_CONSTANTS_H

#include "platforms/base/error.h"
#include "quant/graph/tap_table.h"
#include "runtime/model/format.h"

#define BNC_NO_ID UINT32_MAX

/** Where tensors come from: a checkpoint, or the generator of random weights. */
typedef struct bnc_tensor_source {
  void *context;
  /** Reads elements [first, first + count) of a tensor as f32. */
  bnc_status (*read)(void *context, const char *name, size_t first, size_t count, float *out, bnc_error *err);
  bool parallel; /* several threads may read at once */
} bnc_tensor_source;

#define BNC_WEIGHT_PARTS 3

/** A weight matrix [n, k], stacked from up to three tensors along n (q, k, v; gate, up). */
typedef struct bnc_weight {
  bnc_weight_dtype dtype;
  size_t n, k, group;
  bool by_itself; /* int4: rounded row by row, whatever a calibration does to others */
  size_t parts;
  struct {
    uint32_t weight, bias; /* tensor names, strings; bias BNC_NO_ID: none */
    size_t n;
    float weight_scale, bias_scale; /* what the source's values are multiplied by: powers of two */
  } part[BNC_WEIGHT_PARTS];
} bnc_weight;

/** int4: the largest group, the asked one or half or a quarter of it, into which k inputs divide; 0: none, the matrix stays int8. Groups of
   16, which have steps under a scale per row (QC4), are taken only where they are asked for. */
static inline size_t bnc_weight_group(size_t k, size_t group) {
  if (group == BNC_QC4_GROUP) return k % 32 == 0 ? group : 0;
  while (group >= 32 && k % group != 0) group /= 2;
  return group >= 32 ? group : 0;
}

typedef struct bnc_constant {
  size_t rows, cols;
  float *data; /* [rows, cols] */
} bnc_constant;

typedef struct bnc_constants {
  const bnc_tensor_source *source;
  char *strings; /* NUL-terminated, one after the other */
  size_t strings_size, strings_capacity;
  bnc_constant *constant;
  size_t constants, constant_capacity;
  bnc_taps *taps;
  size_t taps_count, taps_capacity;
  bnc_weight *weight;
  size_t weights, weight_capacity;
} bnc_constants;

void bnc_constants_init(bnc_constants *constants, const bnc_tensor_source *source);
void bnc_constants_free(bnc_constants *constants);

/** The offset of a string, added where it is new. UINT32_MAX without memory. */
__attribute__((format(printf, 2, 3))) uint32_t bnc_constants_string(bnc_constants *constants, const char *format, ...);
static inline const char *bnc_constants_text(const bnc_constants *constants, uint32_t string) { return constants->strings + string; }

/** Takes a copy of data; equal constants get one id. */
bnc_status bnc_constants_add(bnc_constants *constants, size_t rows, size_t cols, const float *data, uint32_t *id, bnc_error *err);
/** Reads a whole tensor of the source. */
bnc_status bnc_constants_load(bnc_constants *constants, const char *name, size_t rows, size_t cols, uint32_t *id, bnc_error *err);
/** Takes ownership of taps (also on failure); equal tables get one id. */
bnc_status bnc_constants_add_taps(bnc_constants *constants, bnc_taps *taps, uint32_t *id, bnc_error *err);
/** The weight as the file will describe it, without places: bias is 0 where it has one. */
bnc_file_weight bnc_weight_describe(const bnc_weight *weight);
/** Equal weights get one id. */
bnc_status bnc_constants_add_weight(bnc_constants *constants, const bnc_weight *weight, uint32_t *id, bnc_error *err);

#endif
