/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/model/data_blocks.h"

#include <stdatomic.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ops/checksum/checksum.h"
#include "platforms/base/array.h"
#include "platforms/base/mem.h"
#include "platforms/file/map_advice.h"

#define CHECK_STEP ((size_t)256) /* blocks between two reports */

struct bnc_block_writer {
  XXH3_state_t *fast;
  bnc_digest_state strong;
  size_t filled; /* bytes of the block in the making */
  bnc_file_block *block;
  size_t blocks, capacity;
};

bnc_status bnc_block_writer_create(bnc_block_writer **writer, bnc_error *err) {
  bnc_block_writer *w = bnc_mem_zalloc(sizeof *w);
  if (w) w->fast = bnc_mem_alloc(sizeof *w->fast);
  *writer = w && w->fast ? w : NULL;
  if (*writer) return BNC_OK;
  bnc_mem_free(w);
  return bnc_fail_memory(err, sizeof *w + sizeof *w->fast);
}

static void end_block(bnc_block_writer *w) {
  bnc_file_block *block = &w->block[w->blocks++];
  const bnc_digest digest = bnc_digest_end(&w->strong);
  block->checksum = XXH3_64bits_digest(w->fast);
  memcpy(block->digest, digest.byte, sizeof block->digest);
  w->filled = 0;
}

bnc_status bnc_block_writer_add(bnc_block_writer *w, const void *data, size_t size, bnc_error *err) {
  for (const uint8_t *at = data; size > 0;) {
    const size_t room = BNC_FORMAT_BLOCK - w->filled, take = size < room ? size : room;
    if (w->filled == 0) {
      if (!bnc_array_reserve(&w->block, &w->capacity, w->blocks + 1, sizeof *w->block))
        return bnc_fail_memory(err, (w->blocks + 1) * sizeof *w->block);
      XXH3_64bits_reset(w->fast);
      bnc_digest_begin(&w->strong);
    }
    XXH3_64bits_update(w->fast, at, take);
    bnc_digest_add(&w->strong, at, take);
    at += take;
    size -= take;
    w->filled += take;
    if (w->filled == BNC_FORMAT_BLOCK) end_block(w);
  }
  return BNC_OK;
}

void bnc_block_writer_finish(bnc_block_writer *w, const bnc_file_block **block, size_t *blocks) {
  if (w->filled > 0) end_block(w);
  *block = w->block;
  *blocks = w->blocks;
}

void bnc_block_writer_destroy(bnc_block_writer *w) {
  if (!w) return;
  bnc_mem_free(w->fast);
  bnc_mem_free(w->block);
  bnc_mem_free(w);
}

static size_t block_size(const bnc_model_file *f, size_t block) {
  const size_t left = f->data.size - block * BNC_FORMAT_BLOCK;
  return left < BNC_FORMAT_BLOCK ? left : BNC_FORMAT_BLOCK;
}

/* bytes [block_size]: block `block` of DATA, or a copy of it. */
static bool is_authentic(const bnc_model_file *f, size_t block, const uint8_t *bytes) {
  const bnc_digest digest = bnc_digest_of(bytes, block_size(f, block));
  return memcmp(digest.byte, f->block[block].digest, sizeof digest.byte) == 0;
}

typedef struct check_job {
  const bnc_model_file *file;
  bnc_checksum_xxh3_fn *xxh3;
  const uint8_t *wanted; /* [blocks] or NULL */
  bool authentic;
  size_t start; /* block of item 0 */
  _Atomic size_t checked, damaged, first;
} check_job;

static void check_blocks(void *context, size_t from, size_t to) {
  check_job *j = context;
  for (size_t i = j->start + from; i < j->start + to; i++) {
    if (j->wanted && !j->wanted[i]) continue;
    const uint8_t *bytes = j->file->data.data + i * BNC_FORMAT_BLOCK;
    const size_t size = block_size(j->file, i);
    atomic_fetch_add_explicit(&j->checked, 1, memory_order_relaxed);
    const bool right = j->xxh3(bytes, size) == j->file->block[i].checksum && (!j->authentic || is_authentic(j->file, i, bytes));
    if (j->file->sparing && j->file->map.base) bnc_map_put_away(bytes, size);
    if (right) continue;
    size_t first = atomic_load_explicit(&j->first, memory_order_relaxed);
    while (i < first && !atomic_compare_exchange_weak_explicit(&j->first, &first, i, memory_order_relaxed, memory_order_relaxed)) {
    }
    atomic_fetch_add_explicit(&j->damaged, 1, memory_order_relaxed);
  }
}

bnc_status bnc_blocks_check(const bnc_model_file *f, const uint8_t *wanted, bool authentic, bnc_pool *pool, const bnc_context *context,
                            bnc_block_damage *damage, bnc_error *err) {
  check_job job = {.file = f, .xxh3 = bnc_checksum_here(), .wanted = wanted, .authentic = authentic, .first = SIZE_MAX};
  bnc_status s = BNC_OK;
  for (; s == BNC_OK && job.start < f->blocks; job.start += CHECK_STEP) {
    const size_t left = f->blocks - job.start, count = left < CHECK_STEP ? left : CHECK_STEP;
    if (context && bnc_context_progress(context, "checking weights", (double)job.start / (double)f->blocks))
      s = bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
    else if (pool)
      bnc_pool_run(pool, check_blocks, &job, count, 1);
    else
      check_blocks(&job, 0, count);
  }
  if (s == BNC_OK && context && f->blocks && bnc_context_progress(context, "checking weights", 1.0))
    s = bnc_fail(err, BNC_ERROR_CANCELLED, "cancelled");
  *damage = (bnc_block_damage){job.checked, job.damaged, job.first};
  return s;
}

/* The first weight that has a part in the block; NULL: none. */
static const bnc_file_weight *weight_in(const bnc_model_file *f, size_t block) {
  const uint64_t from = (uint64_t)block * BNC_FORMAT_BLOCK, to = from + BNC_FORMAT_BLOCK;
  for (size_t i = 0; i < f->weights; i++) {
    const bnc_file_weight *w = &f->weight[i];
    const bnc_weight_sizes sizes = bnc_weight_sizes_of(w);
    const uint64_t part[4][2] = {{w->data, sizes.data}, {w->scales, sizes.scales}, {w->offsets, sizes.offsets}, {w->bias, sizes.bias}};
    for (int k = 0; k < 4; k++)
      if (part[k][1] && part[k][0] < to && part[k][0] + part[k][1] > from) return w;
  }
  return NULL;
}

bnc_status bnc_blocks_judge(const bnc_model_file *f, const bnc_block_damage *d, bnc_error *err) {
  if (d->damaged == 0) return BNC_OK;
  const bnc_file_weight *w = weight_in(f, d->first);
  return bnc_fail(err, BNC_ERROR_FORMAT, "%s: section data is damaged in %zu of %zu blocks, first in block %zu (weight %s)",
                  f->path ? f->path : "model", d->damaged, d->blocks, d->first, w ? bnc_model_file_string(f, w->name) : "none");
}

bnc_status bnc_blocks_copy(const bnc_model_file *f, uint64_t offset, uint64_t size, bnc_block_room *room, const uint8_t **part,
                           bnc_error *err) {
  const size_t first = (size_t)(offset / BNC_FORMAT_BLOCK), last = (size_t)((offset + size - 1) / BNC_FORMAT_BLOCK);
  const size_t start = first * BNC_FORMAT_BLOCK, bytes = last * BNC_FORMAT_BLOCK + block_size(f, last) - start;
  if (bytes > room->capacity) {
    bnc_mem_free(room->bytes);
    room->bytes = bnc_mem_alloc(bytes);
    room->capacity = room->bytes ? bytes : 0;
    if (!room->bytes) return bnc_fail_memory(err, bytes);
  }
  for (size_t i = first; i <= last; i++) {
    uint8_t *copy = room->bytes + (i - first) * BNC_FORMAT_BLOCK;
    memcpy(copy, f->data.data + i * BNC_FORMAT_BLOCK, block_size(f, i));
    if (!is_authentic(f, i, copy)) return bnc_blocks_judge(f, &(bnc_block_damage){1, 1, i}, err);
  }
  *part = room->bytes + (offset - start);
  return BNC_OK;
}

bnc_digest bnc_content_digest(const bnc_file_section *table, uint32_t sections, const uint8_t *base) {
  static const char purpose[] = "binocle model content 1";
  bnc_digest_state state;
  bnc_digest_begin(&state);
  bnc_digest_add(&state, purpose, sizeof purpose);
  for (uint32_t i = 0; i < sections; i++) {
    if (table[i].kind == BNC_SECTION_PACKED) continue;
    bnc_digest_add(&state, &table[i].kind, sizeof table[i].kind);
    bnc_digest_add(&state, &table[i].size, sizeof table[i].size);
    if (table[i].kind != BNC_SECTION_DATA) bnc_digest_add(&state, base + table[i].offset, (size_t)table[i].size);
  }
  return bnc_digest_end(&state);
}
