/* SPDX-License-Identifier: Apache-2.0 */
/** @file safetensors.h  The header of a safetensors file: which tensors it holds, and where. */
#ifndef BINOCLE_QUANT_IMPORT_SAFETENSORS_H
#define BINOCLE_QUANT_IMPORT_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"

#define BNC_SAFETENSORS_MAX_RANK 8
#define BNC_SAFETENSORS_MAX_HEADER 100000000u /* bytes; the limit of the format's own library */

typedef enum bnc_source_dtype {
  BNC_SOURCE_F32,
  BNC_SOURCE_F16,
  BNC_SOURCE_BF16,
  BNC_SOURCE_OTHER /* integers, booleans, f64, f8: their sizes are validated, their values are not read */
} bnc_source_dtype;

typedef struct bnc_safetensor {
  const char *name; /* without NUL inside; belongs to the bnc_safetensors */
  bnc_source_dtype dtype;
  const char *dtype_name; /* as the format spells it: "BF16" */
  size_t rank;            /* 0: a single element */
  size_t shape[BNC_SAFETENSORS_MAX_RANK];
  size_t elements;   /* product of shape */
  size_t begin, end; /* bytes [begin, end) of the file, inside it; end - begin = elements * size of one */
} bnc_safetensor;

typedef struct bnc_safetensors {
  size_t count;
  bnc_safetensor *tensors; /* [count], sorted by name, no two of one name, no two overlapping */
  char *names;
} bnc_safetensors;

/** Parses the header of a file that lies (or is mapped) in memory; data is [size]. Reads the header alone. Free with bnc_safetensors_free.
 */
bnc_status bnc_safetensors_parse(bnc_safetensors *out, const uint8_t *data, size_t size, bnc_error *err);
void bnc_safetensors_free(bnc_safetensors *st);

/** Bytes of one element of F32, F16 and BF16. */
size_t bnc_source_dtype_size(bnc_source_dtype dtype);

#endif
