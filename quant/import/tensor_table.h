/* SPDX-License-Identifier: Apache-2.0 */
/** @file tensor_table.h  All tensors of a checkpoint (and of a vision tower's folder) under their canonical names. */
#ifndef BINOCLE_QUANT_IMPORT_TENSOR_TABLE_H
#define BINOCLE_QUANT_IMPORT_TENSOR_TABLE_H

#include "quant/import/shard_set.h"

typedef struct bnc_tensor_table {
  size_t count;
  bnc_source_tensor *tensors; /* [count] sorted by canonical name, NULL last */
} bnc_tensor_table;

/**
 * Collects what is neither known to be without use (rotary_emb.inv_freq, position_ids, post_layernorm, CLIP's text model) nor replaced:
 * with a tower set, the tower inside the checkpoint. tower may be NULL. tied: an lm_head is without use. One name in two places is an
 * error.
 */
bnc_status bnc_tensor_table_build(bnc_tensor_table *table, const bnc_shard_set *model, const bnc_shard_set *tower, bool tied,
                                  bnc_error *err);
void bnc_tensor_table_free(bnc_tensor_table *table);

/** NULL where there is none. */
bnc_source_tensor *bnc_tensor_table_find(const bnc_tensor_table *table, const char *name);
/** Whether a name begins so. */
bool bnc_tensor_table_has_prefix(const bnc_tensor_table *table, const char *prefix);
/** One more than the largest N of names "prefixN.", 0 without any. */
size_t bnc_tensor_table_count_layers(const bnc_tensor_table *table, const char *prefix);
/** An error that names the first tensor that nobody used. */
bnc_status bnc_tensor_table_check_all_used(const bnc_tensor_table *table, bnc_error *err);

/** "[2, 3]", cut at size bytes. Returns out. */
const char *bnc_shape_text(size_t rank, const size_t *shape, char *out, size_t size);

#endif
