/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/api/picture_cache.h"

#include <pthread.h>
#include <string.h>

#include "platforms/base/mem.h"

typedef struct entry {
  bnc_picture_key key;
  uint64_t used; /* the cache's clock at the last use; 0: empty */
  float *rows;   /* [floats] */
} entry;

struct bnc_picture_cache {
  pthread_mutex_t lock;
  size_t floats, capacity;
  entry *entries; /* [capacity] */
  uint64_t clock;
};

bnc_status bnc_picture_cache_create(bnc_picture_cache **cache, size_t floats, bnc_error *err) {
  bnc_picture_cache *c = bnc_mem_zalloc(sizeof *c);
  *cache = NULL;
  if (!c) return bnc_fail_memory(err, sizeof *c);
  c->floats = floats;
  if (pthread_mutex_init(&c->lock, NULL) != 0) {
    bnc_mem_free(c);
    return bnc_fail_memory(err, sizeof c->lock);
  }
  *cache = c;
  return BNC_OK;
}

static void free_entries(entry *entries, size_t count) {
  for (size_t i = 0; i < count; i++) bnc_mem_free(entries[i].rows);
  bnc_mem_free(entries);
}

void bnc_picture_cache_free(bnc_picture_cache *cache) {
  if (!cache) return;
  free_entries(cache->entries, cache->capacity);
  pthread_mutex_destroy(&cache->lock);
  bnc_mem_free(cache);
}

bnc_status bnc_picture_cache_resize(bnc_picture_cache *cache, size_t capacity, bnc_error *err) {
  entry *entries = capacity ? bnc_mem_array(capacity, sizeof *entries) : NULL;
  if (capacity && !entries) return bnc_fail_memory(err, capacity * sizeof *entries);
  pthread_mutex_lock(&cache->lock);
  entry *old = cache->entries;
  const size_t before = cache->capacity;
  cache->entries = entries;
  cache->capacity = capacity;
  for (size_t kept = 0; kept < capacity; kept++) { /* the latest first */
    entry *latest = NULL;
    for (size_t i = 0; i < before; i++)
      if (old[i].used && (!latest || old[i].used > latest->used)) latest = &old[i];
    if (!latest) break;
    entries[kept] = *latest;
    *latest = (entry){.used = 0};
  }
  pthread_mutex_unlock(&cache->lock);
  free_entries(old, before);
  return BNC_OK;
}

bool bnc_picture_cache_key(bnc_picture_cache *cache, const bnc_image *image, bnc_picture_key *key) {
  pthread_mutex_lock(&cache->lock);
  const bool keeps = cache->capacity > 0;
  pthread_mutex_unlock(&cache->lock);
  if (keeps) *key = (bnc_picture_key){bnc_digest_of(image->rgb, image->width * image->height * 3), image->width, image->height};
  return keeps;
}

static bool is_key(const bnc_picture_key *a, const bnc_picture_key *b) {
  return a->width == b->width && a->height == b->height && bnc_digest_equal(&a->pixels, &b->pixels);
}

static entry *find(bnc_picture_cache *cache, const bnc_picture_key *key) {
  for (size_t i = 0; i < cache->capacity; i++)
    if (cache->entries[i].used && is_key(&cache->entries[i].key, key)) return &cache->entries[i];
  return NULL;
}

bool bnc_picture_cache_find(bnc_picture_cache *cache, const bnc_picture_key *key, float *rows) {
  pthread_mutex_lock(&cache->lock);
  entry *found = find(cache, key);
  if (found) {
    found->used = ++cache->clock;
    memcpy(rows, found->rows, cache->floats * sizeof *rows);
  }
  pthread_mutex_unlock(&cache->lock);
  return found != NULL;
}

void bnc_picture_cache_keep(bnc_picture_cache *cache, const bnc_picture_key *key, const float *rows) {
  pthread_mutex_lock(&cache->lock);
  entry *place = find(cache, key);
  for (size_t i = 0; !place && i < cache->capacity; i++)
    if (!cache->entries[i].used) place = &cache->entries[i];
  if (!place && cache->capacity) {
    place = cache->entries;
    for (size_t i = 1; i < cache->capacity; i++)
      if (cache->entries[i].used < place->used) place = &cache->entries[i];
  }
  if (place && !place->rows) place->rows = bnc_mem_alloc(cache->floats * sizeof *rows);
  if (place && place->rows) {
    memcpy(place->rows, rows, cache->floats * sizeof *rows);
    place->key = *key;
    place->used = ++cache->clock;
  }
  pthread_mutex_unlock(&cache->lock);
}
