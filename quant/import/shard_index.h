/* SPDX-License-Identifier: Apache-2.0 */
/** @file shard_index.h  model.safetensors.index.json: which file holds which tensor. */
#ifndef BINOCLE_QUANT_IMPORT_SHARD_INDEX_H
#define BINOCLE_QUANT_IMPORT_SHARD_INDEX_H

#include <stddef.h>

#include "platforms/base/error.h"

typedef struct bnc_shard_entry {
  const char *tensor;
  size_t file; /* index into files */
} bnc_shard_entry;

typedef struct bnc_shard_index {
  size_t file_count;
  const char **files; /* [file_count] plain names inside the checkpoint's folder, each once, sorted */
  size_t count;
  bnc_shard_entry *entries; /* [count] sorted by tensor name, each once */
  char *text;
} bnc_shard_index;

#define BNC_SHARD_INDEX_MAX_FILES 4096

/** Parses size bytes of JSON. A file name must be one of this folder and end in .safetensors. Free with bnc_shard_index_free. */
bnc_status bnc_shard_index_parse(bnc_shard_index *out, const char *data, size_t size, bnc_error *err);
void bnc_shard_index_free(bnc_shard_index *index);

#endif
