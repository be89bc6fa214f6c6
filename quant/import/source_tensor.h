/* SPDX-License-Identifier: Apache-2.0 */
/** @file source_tensor.h  One tensor of a checkpoint: what a file's header says of it, and the name under which the model asks for it. */
#ifndef BINOCLE_QUANT_IMPORT_SOURCE_TENSOR_H
#define BINOCLE_QUANT_IMPORT_SOURCE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>

#define BNC_SOURCE_MAX_RANK 8

typedef enum bnc_source_dtype {
  BNC_SOURCE_F32,
  BNC_SOURCE_F16,
  BNC_SOURCE_BF16,
  BNC_SOURCE_OTHER /* integers, booleans, f64, f8: their sizes are validated, their values are not read */
} bnc_source_dtype;

struct bnc_shard;

/** Read by an importer (safetensors.h), named and placed in its file by the table of tensors (tensor_table.h), read by checkpoint.h. */
typedef struct bnc_source_tensor {
  const char *name;   /* canonical (checkpoint.h); NULL: no model that we know has a tensor of its stored name there */
  const char *stored; /* its name in the file, without NUL inside; belongs to the importer */
  bnc_source_dtype dtype;
  const char *dtype_name; /* as the format spells it: "BF16" */
  size_t rank;            /* 0: a single element */
  size_t shape[BNC_SOURCE_MAX_RANK];
  size_t elements;               /* product of shape */
  size_t begin, end;             /* bytes [begin, end) of the file, inside it; end - begin = elements * size of one */
  const struct bnc_shard *shard; /* the file; set by the table */
  bool used;                     /* the geometry calls for it; set while a checkpoint is opened */
} bnc_source_tensor;

/** Bytes of one element of F32, F16 and BF16. */
static inline size_t bnc_source_dtype_size(bnc_source_dtype dtype) { return dtype == BNC_SOURCE_F32 ? 4 : 2; }

#endif
