/* SPDX-License-Identifier: Apache-2.0 */
/** @file checkpoint_private.h  What checkpoint.c opens and checkpoint_read.c reads. */
#ifndef BINOCLE_QUANT_IMPORT_CHECKPOINT_PRIVATE_H
#define BINOCLE_QUANT_IMPORT_CHECKPOINT_PRIVATE_H

#include "quant/import/checkpoint.h"
#include "quant/import/tensor_table.h"

struct bnc_checkpoint {
  bnc_geometry geometry;
  bnc_shard_set model, tower;
  bnc_tensor_table table; /* sorted by name; all of them used */
};

#endif
