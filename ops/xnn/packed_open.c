/* SPDX-License-Identifier: Apache-2.0 */
#define XXH_INLINE_ALL
#include <stdatomic.h>
#include <unistd.h>
#include <xxhash.h>

#include "ops/checksum/checksum.h"
#include "ops/xnn/packed_private.h"
#include "platforms/base/mem.h"

static bool block_ok(const bnc_packed_store *store, const packed_slot *slot, uint64_t block, bnc_checksum_xxh3_fn *xxh3) {
  const packed_entry *e = &slot->entry;
  uint64_t at = block * PACKED_BLOCK, expected;
  uint64_t size = e->size - at < PACKED_BLOCK ? e->size - at : PACKED_BLOCK;
  memcpy(&expected, store->checksums + (slot->first_block + block) * sizeof expected, sizeof expected);
  return xxh3(store->data + e->offset + at, (size_t)size) == expected;
}

/* Zeros follow each entry up to the next one's multiple. */
static bool padding_ok(const bnc_packed_store *store, const packed_entry *e) {
  uint64_t end = e->offset + e->size, next = (end + PACKED_ALIGNMENT - 1) & ~(uint64_t)(PACKED_ALIGNMENT - 1);
  const uint64_t content = (uint64_t)(store->checksums - store->data);
  for (; end < next && end < content; end++)
    if (store->data[end] != 0) return false;
  return true;
}

typedef struct check_job {
  const bnc_packed_store *store;
  bnc_checksum_xxh3_fn *xxh3;
  _Atomic size_t damaged; /* the first damaged entry */
} check_job;

static void check_entries(void *context, size_t from, size_t to) {
  check_job *j = context;
  for (size_t i = from; i < to; i++) {
    const packed_slot *slot = &j->store->slot[i];
    bool ok = padding_ok(j->store, &slot->entry);
    for (uint64_t b = 0, blocks = bnc_packed_blocks(slot->entry.size); ok && b < blocks; b++) ok = block_ok(j->store, slot, b, j->xxh3);
    size_t first = atomic_load_explicit(&j->damaged, memory_order_relaxed);
    while (!ok && i < first && !atomic_compare_exchange_weak_explicit(&j->damaged, &first, i, memory_order_relaxed, memory_order_relaxed)) {
    }
  }
}

static bnc_status check_content(const bnc_packed_store *store, bnc_pool *pool, bnc_error *err) {
  check_job job = {store, bnc_checksum_here(), SIZE_MAX};
  if (pool)
    bnc_pool_run(pool, check_entries, &job, store->slots, 1);
  else
    check_entries(&job, 0, store->slots);
  if (job.damaged == SIZE_MAX) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_FORMAT, "entry %zu of the packed weights is damaged", job.damaged);
}

/* Sizes were checked against each other: what `index` names lies inside the bytes before it. */
static bnc_status read_index(bnc_packed_store *store, const packed_footer *f, const uint8_t *index, uint64_t content, bnc_error *err) {
  store->slot = bnc_mem_array((size_t)f->entries + 1, sizeof *store->slot);
  if (!store->slot) return bnc_fail_memory(err, f->entries * sizeof *store->slot);
  uint64_t blocks = 0;
  for (size_t i = 0; i < f->entries; i++) {
    packed_slot *slot = &store->slot[i];
    packed_entry *e = &slot->entry;
    memcpy(e, index + i * sizeof *e, sizeof *e);
    slot->first_block = blocks;
    if (e->size == 0 || e->offset % PACKED_ALIGNMENT != 0 || e->offset > content || e->size > content - e->offset ||
        bnc_packed_blocks(e->size) > f->blocks - blocks || (i > 0 && bnc_packed_compare(&store->slot[i - 1].entry.key, &e->key) >= 0))
      return bnc_fail(err, BNC_ERROR_FORMAT, "entry %zu of the packed weights does not fit", i);
    blocks += bnc_packed_blocks(e->size);
    store->bytes += e->size;
    store->slots++;
  }
  return blocks == f->blocks ? BNC_OK
                             : bnc_fail(err, BNC_ERROR_FORMAT, "the packed weights have %llu blocks, expected %llu",
                                        (unsigned long long)f->blocks, (unsigned long long)blocks);
}

static bnc_status check_bytes(bnc_packed_store *store, size_t size, const bnc_packed_identity *identity, bnc_pool *pool, bnc_error *err) {
  packed_footer f;
  if (size < sizeof f) return bnc_fail(err, BNC_ERROR_FORMAT, "%zu bytes, expected packed weights", size);
  memcpy(&f, store->data + size - sizeof f, sizeof f);
  if (memcmp(f.magic, PACKED_MAGIC, sizeof f.magic) != 0 || f.checksum != XXH3_64bits(&f, offsetof(packed_footer, checksum)))
    return bnc_fail(err, BNC_ERROR_FORMAT, "the packed weights do not end as they should: shortened or damaged");
  if (!bnc_digest_equal(&f.content, &identity->content) || (identity->machine_id && f.machine_id != identity->machine_id))
    return bnc_fail(err, BNC_ERROR_FORMAT, "packed for another model, CPU or library");
  uint64_t left = size - sizeof f;
  if (f.size != size || f.blocks > left / 8 || f.entries > (left - f.blocks * 8) / sizeof(packed_entry))
    return bnc_fail(err, BNC_ERROR_FORMAT, "%zu bytes of packed weights, expected %llu", size, (unsigned long long)f.size);
  uint64_t content = left - f.blocks * 8 - f.entries * sizeof(packed_entry);
  store->checksums = store->data + content;
  if (XXH3_64bits(store->checksums, (size_t)(left - content)) != f.index_checksum)
    return bnc_fail(err, BNC_ERROR_FORMAT, "the index of the packed weights is damaged");
  bnc_status s = read_index(store, &f, store->checksums + f.blocks * 8, content, err);
  return s == BNC_OK ? check_content(store, pool, err) : s;
}

bnc_status bnc_packed_open_bytes(bnc_packed_store **store, const uint8_t *data, size_t size, const bnc_packed_identity *identity,
                                 bnc_pool *pool, bnc_error *err) {
  bnc_status s = bnc_packed_create(store, err);
  if (s != BNC_OK) return s;
  (*store)->data = data;
  s = check_bytes(*store, size, identity, pool, err);
  if (s != BNC_OK) {
    bnc_packed_destroy(*store);
    *store = NULL;
  }
  return s;
}

bnc_status bnc_packed_open(bnc_packed_store **store, const char *path, const bnc_packed_identity *identity, bnc_pool *pool,
                           bnc_error *err) {
  bnc_file_map map;
  int hold;
  *store = NULL;
  bnc_status s = bnc_file_map_open_own(&map, &hold, path, err);
  if (s != BNC_OK) return s;
  s = bnc_packed_open_bytes(store, map.data, map.size, identity, pool, err);
  if (s == BNC_OK) {
    (*store)->map = map;
    (*store)->hold = hold;
    return BNC_OK;
  }
  bnc_file_map_close(&map);
  close(hold);
  bnc_error_prefix(err, "%s", path);
  return s;
}
