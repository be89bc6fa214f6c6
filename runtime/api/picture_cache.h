/* SPDX-License-Identifier: Apache-2.0 */
/** @file picture_cache.h  Image embeddings of the pictures that a model's sessions saw last, found by what the pictures show: the same
 * pixels again cost no vision. Safe from several threads. */
#ifndef BINOCLE_RUNTIME_API_PICTURE_CACHE_H
#define BINOCLE_RUNTIME_API_PICTURE_CACHE_H

#include <stdbool.h>

#include "platforms/base/digest.h"
#include "platforms/base/error.h"
#include "runtime/image/image.h"

typedef struct bnc_picture_cache bnc_picture_cache;

/** A picture's name: a digest of its pixels, so that nobody can make two pictures of one name. */
typedef struct bnc_picture_key {
  bnc_digest pixels;
  size_t width, height;
} bnc_picture_key;

/** An empty cache that keeps nothing until a capacity is set. `floats`: of one picture's embeddings. */
bnc_status bnc_picture_cache_create(bnc_picture_cache **cache, size_t floats, bnc_error *err);
void bnc_picture_cache_free(bnc_picture_cache *cache);
/** Pictures that are kept from now on; those used longest ago go first. */
bnc_status bnc_picture_cache_resize(bnc_picture_cache *cache, size_t capacity, bnc_error *err);

/** A picture's key; false, and nothing is computed, where the cache keeps nothing. */
bool bnc_picture_cache_key(bnc_picture_cache *cache, const bnc_image *image, bnc_picture_key *key);
/** Copies a known picture's embeddings; false: it is not known. */
bool bnc_picture_cache_find(bnc_picture_cache *cache, const bnc_picture_key *key, float *rows /* [floats] */);
/** Keeps a copy. Where there is no memory for it, it is not kept. */
void bnc_picture_cache_keep(bnc_picture_cache *cache, const bnc_picture_key *key, const float *rows /* [floats] */);

#endif
