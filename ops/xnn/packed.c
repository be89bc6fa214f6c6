/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/xnn/packed.h"

#include <unistd.h>

#include "ops/xnn/packed_private.h"
#include "platforms/base/array.h"

int bnc_packed_compare(const bnc_packed_key *a, const bnc_packed_key *b) {
  const uint32_t x[] = {a->weight, a->from, a->count, a->seed}, y[] = {b->weight, b->from, b->count, b->seed};
  for (int i = 0; i < 4; i++)
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  return 0;
}

bnc_status bnc_packed_create(bnc_packed_store **store, bnc_error *err) {
  *store = bnc_mem_zalloc(sizeof **store);
  return *store ? BNC_OK : bnc_fail_memory(err, sizeof **store);
}

void bnc_packed_destroy(bnc_packed_store *store) {
  if (!store) return;
  for (size_t i = 0; i < store->slots; i++) bnc_mem_free(store->slot[i].memory);
  if (store->map.base) {
    bnc_file_map_close(&store->map);
    close(store->hold);
  }
  bnc_mem_free(store->slot);
  bnc_mem_free(store->block);
  bnc_mem_free(store);
}

/* The first slot whose key is not less. */
static size_t lower_bound(const bnc_packed_store *store, const bnc_packed_key *key) {
  size_t from = 0, to = store->slots;
  while (from < to) {
    size_t middle = from + (to - from) / 2;
    if (bnc_packed_compare(&store->slot[middle].entry.key, key) < 0)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

const void *bnc_packed_find(const bnc_packed_store *store, const bnc_packed_key *key, size_t *size) {
  static const char written[1]; /* stands for bytes that went to the file already */
  size_t at = lower_bound(store, key);
  if (at == store->slots || bnc_packed_compare(&store->slot[at].entry.key, key) != 0) return NULL;
  const packed_slot *slot = &store->slot[at];
  if (size) *size = (size_t)slot->entry.size;
  if (store->data) return store->data + slot->entry.offset;
  return store->out ? written : slot->memory;
}

bool bnc_packed_is_mapped(const bnc_packed_store *store) { return store->map.base != NULL; }
bool bnc_packed_takes(const bnc_packed_store *store) { return !store->data; }

bnc_status bnc_packed_put(bnc_packed_store *store, const bnc_packed_key *key, void *block, size_t size, bnc_error *err) {
  size_t at = lower_bound(store, key);
  packed_slot slot = {.entry = {.key = *key, .size = size}, .memory = block};
  bnc_status s = BNC_OK;
  if (store->data || (at < store->slots && bnc_packed_compare(&store->slot[at].entry.key, key) == 0))
    s = bnc_fail(err, BNC_ERROR_INTERNAL, "weight %u is packed twice", key->weight);
  else if (!bnc_array_reserve(&store->slot, &store->capacity, store->slots + 1, sizeof *store->slot))
    s = bnc_fail_memory(err, (store->slots + 1) * sizeof *store->slot);
  if (s == BNC_OK && store->out) {
    s = bnc_packed_append(store, &slot.entry, &slot.first_block, block, err);
    bnc_mem_free(block);
    slot.memory = block = NULL;
  }
  if (s != BNC_OK) {
    bnc_mem_free(block);
    return s;
  }
  memmove(store->slot + at + 1, store->slot + at, (store->slots - at) * sizeof slot);
  store->slot[at] = slot;
  store->slots++;
  store->bytes += size;
  return BNC_OK;
}

uint64_t bnc_packed_bytes(const bnc_packed_store *store) { return store->bytes; }
uint64_t bnc_packed_memory_bytes(const bnc_packed_store *store) { return store->data || store->out ? 0 : store->bytes; }
