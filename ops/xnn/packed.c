/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/xnn/packed.h"

#include <cpuinfo.h>
#include <string.h>
#include <xnnpack.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platforms/array.h"
#include "platforms/file.h"

#define PACKED_MAGIC "BNCPACK1"
#define SAMPLE 4096u /* bytes at either end of an entry that opening verifies */

typedef struct packed_header {
  char magic[8];
  uint64_t model_id, machine_id;
  uint64_t entries, index_offset, file_size;
  uint64_t index_checksum;
  uint64_t checksum; /* of the bytes before */
} packed_header;

typedef struct packed_entry {
  uint64_t key, offset, size;
  uint64_t sample; /* XXH3-64 over the first and the last SAMPLE bytes */
  uint32_t seed;   /* XNNPACK's, of the kernel that the bytes were packed for */
  uint32_t reserved;
} packed_entry;

struct bnc_packed_store {
  struct xnn_weights_cache_provider provider;
  packed_entry *entry; /* sorted by nothing: looked up through `selected`, in creation order most of the time */
  size_t entries, capacity;
  size_t hint;           /* where the last look-up succeeded */
  uint64_t selected;
  bnc_file_map map;      /* mapped store */
  void **block;          /* memory store: [entries] */
  size_t block_capacity;
  bnc_file_writer *writer;
  packed_header header;
  void *reserved;        /* what XNNPACK packs into before it inserts */
  size_t reserved_size;
  bool failed;
  bnc_error error;
  uint64_t bytes;
};

uint64_t bnc_packed_machine_id(void) {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  if (xnn_initialize(NULL) == xnn_status_success)
    XXH3_64bits_update(&state, xnn_experimental_get_build_identifier_data(), xnn_experimental_get_build_identifier_size());
  if (cpuinfo_initialize()) {
    /* XNNPACK picks its kernels, and with them the packed form, from these. */
    const uint8_t features[] = {
        sizeof(void *),
        (uint8_t)cpuinfo_has_x86_avx2(), (uint8_t)cpuinfo_has_x86_fma3(), (uint8_t)cpuinfo_has_x86_avx512f(), (uint8_t)cpuinfo_has_x86_avx512bw(),
        (uint8_t)cpuinfo_has_x86_avx512vnni(), (uint8_t)cpuinfo_has_x86_avxvnni(), (uint8_t)cpuinfo_has_x86_avx512vbmi(),
        (uint8_t)cpuinfo_has_x86_f16c(), (uint8_t)cpuinfo_has_x86_avx(), (uint8_t)cpuinfo_has_x86_sse4_1(), (uint8_t)cpuinfo_has_x86_gfni(),
        (uint8_t)cpuinfo_has_arm_neon_dot(), (uint8_t)cpuinfo_has_arm_i8mm(), (uint8_t)cpuinfo_has_arm_neon_fp16_arith(), (uint8_t)cpuinfo_has_arm_sve(),
    };
    uint32_t uarch = (uint32_t)(cpuinfo_get_uarchs_count() > 0 ? cpuinfo_get_uarch(0)->uarch : cpuinfo_uarch_unknown);
    XXH3_64bits_update(&state, features, sizeof features);
    XXH3_64bits_update(&state, &uarch, sizeof uarch);
  }
  return XXH3_64bits_digest(&state);
}

static uint64_t sample_of(const uint8_t *data, uint64_t size) {
  if (size <= 2 * SAMPLE) return XXH3_64bits(data, size);
  return XXH3_64bits(data, SAMPLE) ^ (XXH3_64bits(data + size - SAMPLE, SAMPLE) * 0x9e3779b97f4a7c15u);
}

static packed_entry *find(bnc_packed_store *store, uint64_t key) {
  for (size_t i = 0; i < store->entries; i++) {
    size_t at = (store->hint + i) % store->entries;
    if (store->entry[at].key == key) {
      store->hint = at;
      return &store->entry[at];
    }
  }
  return NULL;
}

static size_t look_up(void *context, const struct xnn_weights_cache_look_up_key *key) {
  bnc_packed_store *store = context;
  const packed_entry *e = find(store, store->selected);
  return e && e->seed == key->seed ? (size_t)(e - store->entry) : SIZE_MAX;
}

static void *reserve_space(void *context, size_t size) {
  bnc_packed_store *store = context;
  bnc_mem_free(store->reserved);
  store->reserved = bnc_mem_zalloc(size);
  store->reserved_size = size;
  return store->reserved;
}

static void fail(bnc_packed_store *store) { store->failed = true; }

/* Offsets that XNNPACK keeps are indices of entries: stable while the arrays grow. */
static size_t look_up_or_insert(void *context, const struct xnn_weights_cache_look_up_key *key, void *ptr, size_t size) {
  bnc_packed_store *store = context;
  size_t at = look_up(context, key);
  if (at != SIZE_MAX) return at;
  if (store->map.base || ptr != store->reserved || !bnc_array_reserve(&store->entry, &store->capacity, store->entries + 1, sizeof *store->entry) ||
      !bnc_array_reserve(&store->block, &store->block_capacity, store->entries + 1, sizeof *store->block)) {
    fail(store);
    return SIZE_MAX;
  }
  packed_entry e = {.key = store->selected, .size = size, .seed = key->seed, .sample = sample_of(ptr, size)};
  if (store->writer) {
    if (bnc_file_writer_align(store->writer, 64, &store->error) != BNC_OK) fail(store);
    e.offset = bnc_file_writer_size(store->writer);
    if (!store->failed && bnc_file_writer_write(store->writer, ptr, size, &store->error) != BNC_OK) fail(store);
    /* The operator is destroyed before it runs; until then its weights may stay where they were packed. */
    store->block[store->entries] = NULL;
  } else {
    store->block[store->entries] = store->reserved;
    store->reserved = NULL;
  }
  store->entry[store->entries] = e;
  store->bytes += size;
  return store->entries++;
}

static bool is_finalized(void *context) {
  (void)context;
  return true;
}

static void *offset_to_addr(void *context, size_t offset) {
  bnc_packed_store *store = context;
  if (offset >= store->entries) return NULL;
  if (store->map.base) {
    /* XNNPACK takes a plain pointer; it never writes through it. */
    uintptr_t address = (uintptr_t)store->map.data + (uintptr_t)store->entry[offset].offset;
    return (void *)address;
  }
  return store->writer ? store->reserved : store->block[offset];
}

static enum xnn_status delete_cache(void *context) {
  (void)context; /* the store's owner destroys it */
  return xnn_status_success;
}

static bnc_packed_store *new_store(bnc_error *err) {
  bnc_packed_store *store = bnc_mem_zalloc(sizeof *store);
  if (!store) {
    bnc_fail_memory(err, sizeof *store);
    return NULL;
  }
  store->provider = (struct xnn_weights_cache_provider){store, look_up, reserve_space, look_up_or_insert, is_finalized, offset_to_addr, delete_cache};
  return store;
}

bnc_status bnc_packed_create(bnc_packed_store **store, bnc_error *err) {
  *store = new_store(err);
  return *store ? BNC_OK : BNC_ERROR_MEMORY;
}

static bnc_status check_file(bnc_packed_store *store, const char *path, const bnc_packed_identity *identity, bnc_error *err) {
  const bnc_file_map *map = &store->map;
  packed_header h;
  if (map->size < sizeof h) return bnc_fail(err, BNC_ERROR_FORMAT, "%s: %zu bytes, expected packed weights", path, map->size);
  memcpy(&h, map->data, sizeof h);
  if (memcmp(h.magic, PACKED_MAGIC, 8) != 0 || h.checksum != XXH3_64bits(&h, offsetof(packed_header, checksum)))
    return bnc_fail(err, BNC_ERROR_FORMAT, "%s: the header of the packed weights is damaged", path);
  if (h.model_id != identity->model_id || h.machine_id != identity->machine_id)
    return bnc_fail(err, BNC_ERROR_FORMAT, "%s: packed for another model, CPU or library", path);
  if (h.file_size != map->size || h.index_offset > map->size || h.entries > (map->size - h.index_offset) / sizeof(packed_entry) ||
      h.index_offset + h.entries * sizeof(packed_entry) != map->size)
    return bnc_fail(err, BNC_ERROR_FORMAT, "%s: %zu bytes, expected %llu", path, map->size, (unsigned long long)h.file_size);
  if (XXH3_64bits(map->data + h.index_offset, h.entries * sizeof(packed_entry)) != h.index_checksum)
    return bnc_fail(err, BNC_ERROR_FORMAT, "%s: the index of the packed weights is damaged", path);
  store->entries = h.entries;
  store->entry = bnc_mem_array(h.entries, sizeof *store->entry);
  if (!store->entry) return bnc_fail_memory(err, h.entries * sizeof *store->entry);
  memcpy(store->entry, map->data + h.index_offset, h.entries * sizeof *store->entry);
  for (size_t i = 0; i < store->entries; i++) {
    const packed_entry *e = &store->entry[i];
    if (e->offset % 64 != 0 || e->offset > h.index_offset || e->size > h.index_offset - e->offset || sample_of(map->data + e->offset, e->size) != e->sample)
      return bnc_fail(err, BNC_ERROR_FORMAT, "%s: entry %zu of the packed weights is damaged", path, i);
    store->bytes += e->size;
  }
  return BNC_OK;
}

bnc_status bnc_packed_open(bnc_packed_store **store, const char *path, const bnc_packed_identity *identity, bnc_error *err) {
  bnc_packed_store *st = new_store(err);
  *store = NULL;
  if (!st) return BNC_ERROR_MEMORY;
  bnc_status s = bnc_file_map_open(&st->map, path, err);
  if (s == BNC_OK) s = check_file(st, path, identity, err);
  if (s != BNC_OK) {
    bnc_packed_destroy(st);
    return s;
  }
  *store = st;
  return BNC_OK;
}

bnc_status bnc_packed_write(bnc_packed_store **store, const char *path, const bnc_packed_identity *identity, bnc_error *err) {
  bnc_packed_store *st = new_store(err);
  *store = NULL;
  if (!st) return BNC_ERROR_MEMORY;
  bnc_status s = bnc_file_writer_open(&st->writer, path, err);
  memcpy(st->header.magic, PACKED_MAGIC, 8);
  st->header.model_id = identity->model_id;
  st->header.machine_id = identity->machine_id;
  if (s == BNC_OK) s = bnc_file_writer_write(st->writer, &st->header, sizeof st->header, err);
  if (s != BNC_OK) {
    bnc_packed_destroy(st);
    return s;
  }
  *store = st;
  return BNC_OK;
}

bnc_status bnc_packed_finish(bnc_packed_store *store, bnc_error *err) {
  packed_header *h = &store->header;
  size_t size = store->entries * sizeof(packed_entry);
  bnc_status s = BNC_OK;
  if (store->failed) {
    s = store->error.status != BNC_OK ? bnc_fail(err, store->error.status, "%s", store->error.text) : bnc_fail_memory(err, size);
  }
  if (s == BNC_OK) s = bnc_file_writer_align(store->writer, 64, err);
  h->entries = store->entries;
  h->index_offset = bnc_file_writer_size(store->writer);
  h->file_size = h->index_offset + size;
  h->index_checksum = XXH3_64bits(store->entry, size);
  h->checksum = XXH3_64bits(h, offsetof(packed_header, checksum));
  if (s == BNC_OK && size) s = bnc_file_writer_write(store->writer, store->entry, size, err);
  if (s == BNC_OK) s = bnc_file_writer_patch(store->writer, 0, h, sizeof *h, err);
  if (s == BNC_OK) {
    s = bnc_file_writer_commit(store->writer, err);
    store->writer = NULL;
  }
  bnc_packed_destroy(store);
  return s;
}

void bnc_packed_destroy(bnc_packed_store *store) {
  if (!store) return;
  if (store->writer) bnc_file_writer_abort(store->writer);
  for (size_t i = 0; store->block && i < store->entries; i++) bnc_mem_free(store->block[i]);
  if (store->map.base) bnc_file_map_close(&store->map);
  bnc_mem_free(store->block);
  bnc_mem_free(store->entry);
  bnc_mem_free(store->reserved);
  bnc_mem_free(store);
}

void bnc_packed_select(bnc_packed_store *store, uint64_t key) { store->selected = key; }

bool bnc_packed_has(const bnc_packed_store *store, uint64_t key) {
  for (size_t i = 0; i < store->entries; i++) {
    size_t at = (store->hint + i) % store->entries;
    if (store->entry[at].key == key) return true;
  }
  return false;
}

uint64_t bnc_packed_bytes(const bnc_packed_store *store) { return store->bytes; }
uint64_t bnc_packed_memory_bytes(const bnc_packed_store *store) { return store->map.base || store->writer ? 0 : store->bytes; }
struct xnn_weights_cache_provider *bnc_packed_provider(bnc_packed_store *store) { return &store->provider; }
