/* SPDX-License-Identifier: Apache-2.0 */
/** @file packed_cache.h  Finds a model's packed weights, or makes them: in the model file (compile --packed), else in a cache folder, else
 * in memory. */
#ifndef BINOCLE_RUNTIME_EXEC_PACKED_CACHE_H
#define BINOCLE_RUNTIME_EXEC_PACKED_CACHE_H

#include "ops/xnn/packed.h"
#include "platforms/base/context_private.h"
#include "runtime/model/model_file.h"

/**
 * *store holds every weight that the model's programs multiply with, for this machine; free it with bnc_packed_destroy, before the file is
 * closed.
 *
 * The cache folder is the context's, else $BINOCLE_CACHE, else $XDG_CACHE_HOME/binocle, else $HOME/.cache/binocle; "" means none. It is
 * made (0700) where it is missing. A model has one file per machine there, CONTENT-MACHINE.bncpack (0600), which appears complete or not at
 * all; processes that start together may each write it, and the last one stays. A model with nothing to pack has none. Files that killed
 * writers left are removed after a minute, and what other models and machines packed is bounded (bnc_packed_folder_make_room).
 *
 * What is trusted: a file that another user could have written is passed over with a warning, as is its folder. CONTENT is BLAKE2b over the
 * model's sections, with the weights by their blocks' digests, computed here and never taken from the file; weights are packed from copies
 * that were verified against those digests. So a file holds what it is named by, and a forged model can reach no other model's file.
 *
 * What is checked, at every start and on all threads: every block that runs will read, in the model file (bnc_weight_slabs_check) and
 * among the packed weights (bnc_packed_open). Damage in the model file is BNC_ERROR_FORMAT, damaged packed weights are made anew. A folder
 * that cannot be written or has too little room costs a warning: the weights are then packed into memory, at every start.
 */
bnc_status bnc_packed_acquire(bnc_packed_store **store, const bnc_model_file *file, bnc_pool *pool, const bnc_context *context,
                              bnc_error *err);

/** What a store of a model is made of. */
typedef struct bnc_packed_maker bnc_packed_maker;
struct bnc_packed_maker {
  /** Fills a store, or, with a mapped one, says with BNC_ERROR_FORMAT what it lacks. */
  bnc_status (*fill)(const bnc_packed_maker *maker, const bnc_model_file *file, bnc_packed_store *store, const bnc_context *context,
                     bnc_error *err);
  /** Bytes that it takes in a file, at most. */
  bnc_status (*bytes)(const bnc_packed_maker *maker, const bnc_model_file *file, uint64_t *bytes, bnc_error *err);
};

/** The store at path, which is made where it is missing, damaged or not whole. */
bnc_status bnc_packed_take_or_make(bnc_packed_store **store, const char *path, const bnc_packed_identity *identity,
                                   const bnc_model_file *file, const bnc_packed_maker *maker, bnc_pool *pool, const bnc_context *context,
                                   bnc_error *err);

#endif
