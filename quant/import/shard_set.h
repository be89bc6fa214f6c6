/* SPDX-License-Identifier: Apache-2.0 */
/** @file shard_set.h  The safetensors files of a folder, mapped and parsed. */
#ifndef BINOCLE_QUANT_IMPORT_SHARD_SET_H
#define BINOCLE_QUANT_IMPORT_SHARD_SET_H

#include <stdbool.h>

#include "platforms/base/error.h"
#include "platforms/file/file.h"
#include "quant/import/safetensors.h"

typedef struct bnc_shard {
  char *path;
  bnc_file_map map;
  bnc_source_list header;
} bnc_shard;

typedef struct bnc_shard_set {
  size_t count;
  bnc_shard *shards; /* [count] */
  bool named;        /* the tensors have their canonical names already (GGUF) */
} bnc_shard_set;

/** Opens what model.safetensors.index.json names, else model.safetensors, else all *.safetensors of dir (in the order of their names). */
bnc_status bnc_shard_set_open(bnc_shard_set *set, const char *dir, bnc_error *err);
void bnc_shard_set_close(bnc_shard_set *set);

/** "dir/name" in a block of its own, or NULL. */
char *bnc_path_join(const char *dir, const char *name);
/** Whether something of that name is there (a dangling link is not). */
bool bnc_path_exists(const char *path);

#endif
