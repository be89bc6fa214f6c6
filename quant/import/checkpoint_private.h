/* SPDX-License-Identifier: Apache-2.0 */
/** @file checkpoint_private.h  What checkpoint.c opens and checkpoint_read.c reads. */
#ifndef BINOCLE_QUANT_IMPORT_CHECKPOINT_PRIVATE_H
#define BINOCLE_QUANT_IMPORT_CHECKPOINT_PRIVATE_H

#include "quant/import/checkpoint.h"
#include "quant/import/gguf/gguf_file.h"
#include "quant/import/tensor_table.h"

struct bnc_checkpoint {
  bnc_geometry geometry;
  bool gguf; /* the files are GGUF: a model, and its vision side in the place of a tower */
  bnc_gguf_file model_keys, tower_keys;
  bnc_shard_set model, tower;
  bnc_tensor_table table; /* sorted by name; all of them used */
};

#endif
