/* SPDX-License-Identifier: Apache-2.0 */
/** @file packed.h  XNNPACK's packed weights: made once per machine, kept in a file, mapped by every later load; or, without a file, in memory.
    A store serves operators of any number of sessions; it must outlive them. It is filled by one thread; once filled it is only read. */
#ifndef BINOCLE_OPS_XNN_PACKED_H
#define BINOCLE_OPS_XNN_PACKED_H

#include <stdbool.h>
#include <stdint.h>

#include "platforms/error.h"

typedef struct bnc_packed_store bnc_packed_store;

/** What packed bytes depend on: the model's content, and XNNPACK's build and the instruction sets it chose for. Equal identities, equal bytes. */
typedef struct bnc_packed_identity {
  uint64_t model_id;
  uint64_t machine_id; /* bnc_packed_machine_id() */
} bnc_packed_identity;

/** Hash of XNNPACK's build identifier and of the CPU features that steer its choice of kernels. */
uint64_t bnc_packed_machine_id(void);

/** Keeps packed weights in memory. */
bnc_status bnc_packed_create(bnc_packed_store **store, bnc_error *err);
/** Maps a finished file. BNC_ERROR_FORMAT where it is of another identity or damaged (the caller then packs anew), BNC_ERROR_IO where it is absent. */
bnc_status bnc_packed_open(bnc_packed_store **store, const char *path, const bnc_packed_identity *identity, bnc_error *err);
/** Writes a new file: operators created against this store pack into it and must be destroyed before bnc_packed_finish, which makes the file
    appear at path (or, on failure, nothing), and frees the store. */
bnc_status bnc_packed_write(bnc_packed_store **store, const char *path, const bnc_packed_identity *identity, bnc_error *err);
bnc_status bnc_packed_finish(bnc_packed_store *store, bnc_error *err);
void bnc_packed_destroy(bnc_packed_store *store);

/** Names the weights that the next operator is created for: XNNPACK's own key is too weak (facts/xnnpack.md). */
void bnc_packed_select(bnc_packed_store *store, uint64_t key);
/** True where the selected key's weights are at hand: an operator is then created without touching the canonical weights. */
bool bnc_packed_has(const bnc_packed_store *store, uint64_t key);
/** Bytes packed, and how many of them lie in memory of this process rather than in a mapped file. */
uint64_t bnc_packed_bytes(const bnc_packed_store *store);
uint64_t bnc_packed_memory_bytes(const bnc_packed_store *store);

/** XNNPACK's view of the store: an xnn_weights_cache_t. */
struct xnn_weights_cache_provider *bnc_packed_provider(bnc_packed_store *store);

#endif
