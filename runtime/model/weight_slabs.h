/* SPDX-License-Identifier: Apache-2.0 */
/** @file weight_slabs.h  The pieces of a model's weights that its programs multiply with, and how they get into a store of packed weights:
   those that XNNPACK multiplies with (linear_choice.h). Others are no part of this: layers read them from the file as they are. */
#ifndef BINOCLE_RUNTIME_MODEL_WEIGHT_SLABS_H
#define BINOCLE_RUNTIME_MODEL_WEIGHT_SLABS_H

#include "ops/xnn/linear.h"
#include "platforms/base/context_private.h"
#include "runtime/model/model_file.h"

/** Rows [from, from + count) of a weight matrix: columns of a layer's result. */
typedef struct bnc_weight_slab {
  uint32_t weight, from, count;
} bnc_weight_slab;

/** BNC_ERROR_FORMAT where programs cut a weight that may be packed in pieces that overlap: each piece is packed, and together they would be
 * larger than the weight. Programs are valid already. */
bnc_status bnc_weight_slabs_disjoint(const bnc_model_file *file, bnc_error *err);

/** Whether XNNPACK multiplies with a weight of the file's, packed. */
static inline bool bnc_weight_is_packed(const bnc_model_file *file, const bnc_file_weight *w) {
  const size_t index = (size_t)(w - file->weight);
  const bool of_text = index >= file->text_from && index < file->text_to;
  return !file->linears.own[w->dtype] && !(w->dtype == BNC_WEIGHT_F32 && file->linears.own_vision_f32 && !of_text);
}

/** Where a slab's numbers lie: everything of the spec but the strides, which are set to those of contiguous matrices. */
bnc_linear_spec bnc_weight_slab_spec(const bnc_model_file *file, bnc_weight_slab slab);

/** Sees to it that the store holds every slab of all programs, in the size that XNNPACK needs: packs what is missing, one slab at a time,
   from copies that are verified by BLAKE2b (BNC_ERROR_FORMAT where the file is damaged), or, with a mapped store, says with
   BNC_ERROR_FORMAT what it lacks. Reports the stage "packing weights" where it packs; context may be NULL. */
bnc_status bnc_weight_slabs_pack(const bnc_model_file *file, bnc_packed_store *store, const bnc_context *context, bnc_error *err);

/** Whether there is anything to pack. */
bool bnc_weight_slabs_any(const bnc_model_file *file);

/** Checks all of DATA that runs read in place rather than packed, and that was not checked at open, by its blocks' XXH3: at the price of
   reading it once on all threads, about what one token costs. BNC_ERROR_FORMAT where it is damaged. */
bnc_status bnc_weight_slabs_check(const bnc_model_file *file, bnc_pool *pool, const bnc_context *context, bnc_error *err);

/** Bytes that a store of every slab takes in a file, at most. */
bnc_status bnc_weight_slabs_packed_bytes(const bnc_model_file *file, uint64_t *bytes, bnc_error *err);

/** What a store of this model made on this machine is known by. */
bnc_packed_identity bnc_weight_slabs_identity(const bnc_model_file *file);

#endif
