/* SPDX-License-Identifier: Apache-2.0 */
/** @file source_tensor.h  One tensor of a checkpoint: what a file's header says of it, and the name under which the model asks for it. */
#ifndef BINOCLE_QUANT_IMPORT_SOURCE_TENSOR_H
#define BINOCLE_QUANT_IMPORT_SOURCE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BNC_SOURCE_MAX_RANK 8
#define BNC_SOURCE_BLOCK_MAX 256 /* elements of a block */

typedef enum bnc_source_dtype {
  BNC_SOURCE_F32,
  BNC_SOURCE_F16,
  BNC_SOURCE_BF16,
  BNC_SOURCE_BLOCKS, /* quantised: `block` says how they are read */
  BNC_SOURCE_OTHER   /* integers, booleans, f64, f8: their sizes are validated, their values are not read */
} bnc_source_dtype;

/** How a row of values is stored in blocks of `elements` of them and `bytes` bytes; 1 element for plain numbers. */
typedef struct bnc_block_type {
  const char *name; /* as the format spells it: "Q4_K" */
  bnc_source_dtype dtype;
  size_t elements, bytes;
  void (*read)(const uint8_t *blocks, size_t count, float *out /* [count][elements] */); /* of BNC_SOURCE_BLOCKS */
} bnc_block_type;

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
  const bnc_block_type *block;   /* GGUF: how a row is stored; NULL: elements of dtype, one after the other */
  size_t rope_heads;             /* GGUF: rows of so many heads, each with rows i and i + half of it side by side; 0: in their order */
  const struct bnc_shard *shard; /* the file; set by the table */
  bool used;                     /* the geometry calls for it; set while a checkpoint is opened */
} bnc_source_tensor;

/** The tensors of a file; freed with bnc_source_list_free. */
typedef struct bnc_source_list {
  size_t count;
  bnc_source_tensor *tensors; /* [count], sorted by stored name, no two of one name, no two overlapping */
  char *names;
} bnc_source_list;
void bnc_source_list_free(bnc_source_list *list);

/** Bytes of one element of F32, F16 and BF16. */
static inline size_t bnc_source_dtype_size(bnc_source_dtype dtype) { return dtype == BNC_SOURCE_F32 ? 4 : 2; }

#endif
