/* SPDX-License-Identifier: Apache-2.0 */
/** @file data_blocks.h  Section DATA in blocks of BNC_FORMAT_BLOCK bytes, each with two hashes in section BLOCKS: XXH3-64 against
   accidents, so fast that every start checks all that it will use, and BLAKE2b-256 against forgery, checked where trust hangs on it: for
   what becomes packed weights, which other models' starts will find by their content's name, and by `binocle verify`. */
#ifndef BINOCLE_RUNTIME_MODEL_DATA_BLOCKS_H
#define BINOCLE_RUNTIME_MODEL_DATA_BLOCKS_H

#include "platforms/base/context_private.h"
#include "platforms/base/digest.h"
#include "platforms/threads/threads.h"
#include "runtime/model/format.h"
#include "runtime/model/model_file.h"

/** Hashes DATA while it is written. */
typedef struct bnc_block_writer bnc_block_writer;
bnc_status bnc_block_writer_create(bnc_block_writer **writer, bnc_error *err);
bnc_status bnc_block_writer_add(bnc_block_writer *writer, const void *data, size_t size, bnc_error *err);
/** Ends the last block. *block [*blocks] stays the writer's. */
void bnc_block_writer_finish(bnc_block_writer *writer, const bnc_file_block **block, size_t *blocks);
void bnc_block_writer_destroy(bnc_block_writer *writer);

/** What a check found. */
typedef struct bnc_block_damage {
  size_t blocks;  /* checked */
  size_t damaged; /* of them */
  size_t first;   /* damaged one */
} bnc_block_damage;

/** Checks the blocks of DATA that `wanted` [blocks] marks (NULL: all) by XXH3, and by BLAKE2b too with `authentic`. Reads each once, on all
   threads; pool may be NULL. Reports the stage "checking weights" to context, which may be NULL. Damage is counted, not an error:
   BNC_ERROR_CANCELLED or BNC_OK. */
bnc_status bnc_blocks_check(const bnc_model_file *file, const uint8_t *wanted, bool authentic, bnc_pool *pool, const bnc_context *context,
                            bnc_block_damage *damage, bnc_error *err);
/** BNC_ERROR_FORMAT with a line about the damage, where there is some. */
bnc_status bnc_blocks_judge(const bnc_model_file *file, const bnc_block_damage *damage, bnc_error *err);

/** Copies [offset, offset + size) of DATA into memory of the caller's, with whole blocks about it, and verifies the copy by BLAKE2b: what
   others do to the file meanwhile does not matter. *part points at offset's byte. room (start with {0}) is reused and grows. */
typedef struct bnc_block_room {
  uint8_t *bytes;
  size_t capacity;
} bnc_block_room;
bnc_status bnc_blocks_copy(const bnc_model_file *file, uint64_t offset, uint64_t size, bnc_block_room *room, const uint8_t **part,
                           bnc_error *err);

/** Names what a model holds, packed weights left out: BLAKE2b-256 over kind, size and bytes of each section at base + offset; DATA goes in
   by its blocks' digests, so that whoever relies on DATA's bytes must have checked those. Equal for equal content. */
bnc_digest bnc_content_digest(const bnc_file_section *table, uint32_t sections, const uint8_t *base);

#endif
