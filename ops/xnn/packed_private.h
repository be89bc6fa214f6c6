/* SPDX-License-Identifier: Apache-2.0 */
/** @file packed_private.h  Shared by the store's files. */
#ifndef BINOCLE_OPS_XNN_PACKED_PRIVATE_H
#define BINOCLE_OPS_XNN_PACKED_PRIVATE_H

#include "ops/xnn/packed.h"

#define PACKED_MAGIC "BNCPACK3"
#define PACKED_BLOCK ((size_t)16 << 10)
#define PACKED_ALIGNMENT 64u

/** An entry of the index, which is sorted by key. */
typedef struct packed_entry {
  bnc_packed_key key;
  uint64_t offset, size;
} packed_entry;
_Static_assert(sizeof(packed_entry) == 32, "entry");

typedef struct packed_footer {
  char magic[8];
  bnc_digest content; /* of the model */
  uint64_t machine_id;
  uint64_t entries, blocks;
  uint64_t size;           /* of everything, this footer included */
  uint64_t index_checksum; /* XXH3-64 of the block checksums and the index */
  uint8_t reserved[40];
  uint64_t checksum; /* XXH3-64 of the bytes before */
} packed_footer;
_Static_assert(sizeof(packed_footer) == 128, "footer");

typedef struct packed_slot {
  packed_entry entry;
  uint64_t first_block; /* of the entry's block checksums */
  void *memory;         /* memory store: the block */
} packed_slot;

struct bnc_packed_store {
  packed_slot *slot; /* [slots], sorted by key */
  size_t slots, capacity;
  uint64_t bytes;
  /* mapped */
  bnc_file_map map;
  int hold; /* while the map stands, nobody removes its file */
  const uint8_t *data;
  const uint8_t *checksums; /* u64 [blocks] */
  /* being written */
  bnc_file_writer *out;
  uint64_t start;  /* of the store in the file */
  uint64_t *block; /* [blocks] checksums */
  size_t blocks, block_capacity;
};

int bnc_packed_compare(const bnc_packed_key *a, const bnc_packed_key *b);
static inline uint64_t bnc_packed_blocks(uint64_t size) { return size / PACKED_BLOCK + (size % PACKED_BLOCK != 0); }

/** packed_write.c: appends an entry's bytes; fills in entry->offset. */
bnc_status bnc_packed_append(bnc_packed_store *store, packed_entry *entry, uint64_t *first_block, const void *data, bnc_error *err);

#endif
