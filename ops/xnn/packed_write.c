/* SPDX-License-Identifier: Apache-2.0 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ops/xnn/packed_private.h"
#include "platforms/base/array.h"

bnc_status bnc_packed_write(bnc_packed_store **store, bnc_file_writer *out, bnc_error *err) {
  bnc_status s = bnc_packed_create(store, err);
  if (s != BNC_OK) return s;
  bnc_packed_store *st = *store;
  st->out = out;
  st->start = bnc_file_writer_size(out);
  return BNC_OK;
}

uint64_t bnc_packed_file_bytes(size_t entries, uint64_t bytes) {
  uint64_t each = PACKED_ALIGNMENT + sizeof(packed_entry) + sizeof(uint64_t);
  return bytes + bytes / PACKED_BLOCK * sizeof(uint64_t) + entries * each + sizeof(packed_footer);
}

static bnc_status put(bnc_packed_store *store, const void *data, size_t size, bnc_error *err) {
  return size ? bnc_file_writer_write(store->out, data, size, err) : BNC_OK;
}

static bnc_status align(bnc_packed_store *store, bnc_error *err) {
  static const uint8_t zeros[PACKED_ALIGNMENT];
  uint64_t at = bnc_file_writer_size(store->out) - store->start;
  return put(store, zeros, (size_t)((0 - at) & (PACKED_ALIGNMENT - 1)), err);
}

bnc_status bnc_packed_append(bnc_packed_store *store, packed_entry *entry, uint64_t *first_block, const void *data, bnc_error *err) {
  size_t size = (size_t)entry->size, count = (size_t)bnc_packed_blocks(size);
  if (!bnc_array_reserve(&store->block, &store->block_capacity, store->blocks + count, sizeof *store->block))
    return bnc_fail_memory(err, (store->blocks + count) * sizeof *store->block);
  bnc_status s = align(store, err);
  entry->offset = bnc_file_writer_size(store->out) - store->start;
  *first_block = store->blocks;
  for (size_t at = 0; at < size; at += PACKED_BLOCK)
    store->block[store->blocks++] = XXH3_64bits((const uint8_t *)data + at, size - at < PACKED_BLOCK ? size - at : PACKED_BLOCK);
  return s == BNC_OK ? put(store, data, size, err) : s;
}

/* Blocks follow each other as the entries do in the file; the index is sorted by key. Readers count with the latter. */
static bnc_status put_checksums(bnc_packed_store *store, XXH3_state_t *hash, bnc_error *err) {
  bnc_status s = BNC_OK;
  for (size_t i = 0; s == BNC_OK && i < store->slots; i++) {
    const packed_slot *slot = &store->slot[i];
    size_t size = (size_t)bnc_packed_blocks(slot->entry.size) * sizeof(uint64_t);
    XXH3_64bits_update(hash, store->block + slot->first_block, size);
    s = put(store, store->block + slot->first_block, size, err);
  }
  for (size_t i = 0; s == BNC_OK && i < store->slots; i++) {
    XXH3_64bits_update(hash, &store->slot[i].entry, sizeof(packed_entry));
    s = put(store, &store->slot[i].entry, sizeof(packed_entry), err);
  }
  return s;
}

bnc_status bnc_packed_finish(bnc_packed_store *store, const bnc_packed_identity *identity, uint64_t *size, bnc_error *err) {
  packed_footer footer = {
      .content = identity->content, .machine_id = identity->machine_id, .entries = store->slots, .blocks = store->blocks};
  memcpy(footer.magic, PACKED_MAGIC, sizeof footer.magic);
  XXH3_state_t *hash = bnc_mem_alloc(sizeof *hash);
  if (!hash) return bnc_fail_memory(err, sizeof *hash);
  XXH3_64bits_reset(hash);
  bnc_status s = align(store, err);
  if (s == BNC_OK) s = put_checksums(store, hash, err);
  footer.index_checksum = XXH3_64bits_digest(hash);
  bnc_mem_free(hash);
  footer.size = *size = bnc_file_writer_size(store->out) - store->start + sizeof footer;
  footer.checksum = XXH3_64bits(&footer, offsetof(packed_footer, checksum));
  return s == BNC_OK ? put(store, &footer, sizeof footer, err) : s;
}
