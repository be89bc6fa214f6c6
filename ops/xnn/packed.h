/* SPDX-License-Identifier: Apache-2.0 */
/** @file packed.h  A store of packed weights: in memory, in a mapped file (or section of a model file), or being written to one. It knows
   bytes under keys; what they mean is linear.c's. A store is filled by one thread; once filled it is only read, and serves any number of
   sessions, which it must outlive.

    Layout of a file, little-endian, all of it streamed, so that a model file can hold one as a section:

      entries, each at a multiple of 64 bytes | XXH3-64 of each 16 KiB block of each entry | index | footer (its last 128 bytes)

    Opening checks all of it, on all threads: footer, sizes, index, every block, and that padding is zero. Sizes are exact for the shape in
   question (linear.c asks XNNPACK), so damaged content could falsify results, but never make a kernel leave its entry. Checksums are
   against accidents: a file is only taken where nobody else can have written it (bnc_file_map_open_own), under the name of the content
   that it was made of. */
#ifndef BINOCLE_OPS_XNN_PACKED_H
#define BINOCLE_OPS_XNN_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/digest.h"
#include "platforms/base/error.h"
#include "platforms/file/file.h"
#include "platforms/threads/threads.h"

typedef struct bnc_packed_store bnc_packed_store;

/** What packed bytes depend on: the model's content, and XNNPACK's build and the CPU that it chose kernels for. Equal identities, equal
 * bytes. */
typedef struct bnc_packed_identity {
  bnc_digest content;  /* of the model */
  uint64_t machine_id; /* bnc_packed_machine_id(); 0, where bytes are opened to be checked alone: any */
} bnc_packed_identity;

/** Hash of XNNPACK's build identifier and of the CPU features and core type that steer its choice of kernels. */
uint64_t bnc_packed_machine_id(void);

/** Which weights: rows [from, from + count) of weight id `weight` of the model file. */
typedef struct bnc_packed_key {
  uint32_t weight, from, count;
  uint32_t seed; /* XNNPACK's name for the packed form */
} bnc_packed_key;

/** Keeps packed weights in memory. */
bnc_status bnc_packed_create(bnc_packed_store **store, bnc_error *err);
/** Maps a finished file of one's own, checks it on the pool's threads (NULL: the caller's), and holds it as in use
 * (bnc_file_map_open_own). BNC_ERROR_FORMAT where it is of another identity or damaged, BNC_ERROR_UNSUPPORTED where others could have
 * written it, BNC_ERROR_IO where it cannot be read. */
bnc_status bnc_packed_open(bnc_packed_store **store, const char *path, const bnc_packed_identity *identity, bnc_pool *pool, bnc_error *err);
/** The same over bytes that the caller keeps, 64-byte aligned. */
bnc_status bnc_packed_open_bytes(bnc_packed_store **store, const uint8_t *data, size_t size, const bnc_packed_identity *identity,
                                 bnc_pool *pool, bnc_error *err);

/** Bytes that a store of `entries` blocks of `bytes` in all takes in a file, at most. */
uint64_t bnc_packed_file_bytes(size_t entries, uint64_t bytes);
/** Appends a store to out, which stands at a multiple of 64 bytes and stays the caller's. */
bnc_status bnc_packed_write(bnc_packed_store **store, bnc_file_writer *out, bnc_error *err);
/** Ends it; *size bytes were written in all. The store is of no use afterwards but to be destroyed. */
bnc_status bnc_packed_finish(bnc_packed_store *store, const bnc_packed_identity *identity, uint64_t *size, bnc_error *err);
void bnc_packed_destroy(bnc_packed_store *store);

/** The bytes under a key: NULL where there are none. They are 64-byte aligned; *size may be NULL. */
const void *bnc_packed_find(const bnc_packed_store *store, const bnc_packed_key *key, size_t *size);
/** Whether the bytes lie in a file map of the store's own. */
bool bnc_packed_is_mapped(const bnc_packed_store *store);
/** False for a mapped store. */
bool bnc_packed_takes(const bnc_packed_store *store);
/** Adds a block (made with bnc_mem_alloc); the store takes it over in any case. BNC_ERROR_INTERNAL where the key is there already. */
bnc_status bnc_packed_put(bnc_packed_store *store, const bnc_packed_key *key, void *block, size_t size, bnc_error *err);

/** Bytes packed, and how many of them lie in memory of this process rather than in a mapped file. */
uint64_t bnc_packed_bytes(const bnc_packed_store *store);
uint64_t bnc_packed_memory_bytes(const bnc_packed_store *store);

#endif
