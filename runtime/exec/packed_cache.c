/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec/packed_cache.h"

#include "platforms/base/mem.h"
#include "platforms/machine/memory.h"
#include "runtime/exec/packed_folder.h"
#include "runtime/model/weight_slabs.h"

/* Where the file of one model and machine is sought and made, and what it holds. */
typedef struct place {
  const bnc_model_file *file;
  const bnc_packed_identity *identity;
  const bnc_context *context;
  const bnc_packed_maker *maker;
  bnc_pool *pool;
  const char *path;
} place;

/* Takes an open store only if it has all that the programs need, in the right sizes. */
static bnc_status complete(bnc_packed_store **store, const place *p, bnc_error *err) {
  bnc_status s = p->maker->fill(p->maker, p->file, *store, NULL, err);
  if (s == BNC_OK) return s;
  bnc_packed_destroy(*store);
  *store = NULL;
  return s;
}

static bnc_status take_section(bnc_packed_store **store, const place *p, bnc_error *err) {
  bnc_status s = bnc_packed_open_bytes(store, p->file->packed.data, p->file->packed.size, p->identity, p->pool, err);
  return s == BNC_OK ? complete(store, p, err) : s;
}

static bnc_status take_file(bnc_packed_store **store, const place *p, bnc_error *err) {
  bnc_status s = bnc_packed_open(store, p->path, p->identity, p->pool, err);
  return s == BNC_OK ? complete(store, p, err) : s;
}

static bnc_status write_file(const place *p, bnc_error *err) {
  bnc_file_writer *out = NULL;
  bnc_packed_store *store = NULL;
  uint64_t size;
  bnc_status s = bnc_packed_folder_prepare(p->path, err);
  if (s == BNC_OK) bnc_packed_folder_clean(p->path);
  if (s == BNC_OK) s = p->maker->bytes(p->maker, p->file, &size, err);
  if (s == BNC_OK) s = bnc_packed_folder_make_room(p->path, size, &bnc_packed_limits_default, p->context, err);
  if (s == BNC_OK) s = bnc_file_writer_open(&out, p->path, err);
  if (s == BNC_OK) s = bnc_file_writer_make_private(out, err);
  if (s == BNC_OK) s = bnc_packed_write(&store, out, err);
  if (s == BNC_OK) s = p->maker->fill(p->maker, p->file, store, p->context, err);
  if (s == BNC_OK) s = bnc_packed_finish(store, p->identity, &size, err);
  bnc_packed_destroy(store);
  if (s == BNC_OK) return bnc_file_writer_commit(out, err);
  bnc_file_writer_abort(out);
  return s;
}

static bnc_status pack_into_memory(bnc_packed_store **store, const place *p, bnc_error *err) {
  uint64_t bytes;
  bnc_status s = bnc_weight_slabs_packed_bytes(p->file, &bytes, err);
  if (s == BNC_OK) s = bnc_memory_check(bytes, "packing this model's weights without a cache folder", err);
  if (s == BNC_OK) s = bnc_packed_create(store, err);
  if (s != BNC_OK) return s;
  s = bnc_weight_slabs_pack(p->file, *store, p->context, err);
  if (s == BNC_OK) return s;
  bnc_packed_destroy(*store);
  *store = NULL;
  return s;
}

static bnc_status take_or_make(bnc_packed_store **store, const place *p, bnc_error *err) {
  bnc_status s = take_file(store, p, err);
  if (s == BNC_OK || s == BNC_ERROR_MEMORY || s == BNC_ERROR_UNSUPPORTED) return s; /* the last is not ours to replace */
  if (s == BNC_ERROR_FORMAT) bnc_context_log(p->context, BNC_LOG_INFO, "%s; packing anew", err->text);
  s = write_file(p, err);
  return s == BNC_OK ? take_file(store, p, err) : s;
}

bnc_status bnc_packed_take_or_make(bnc_packed_store **store, const char *path, const bnc_packed_identity *identity,
                                   const bnc_model_file *file, const bnc_packed_maker *maker, bnc_pool *pool, const bnc_context *context,
                                   bnc_error *err) {
  const place p = {.file = file, .identity = identity, .context = context, .maker = maker, .pool = pool, .path = path};
  return take_or_make(store, &p, err);
}

/* Through the cache. What keeps a file from being used or written ends in memory; what would do so there too ends the call. */
static bnc_status use_folder(bnc_packed_store **store, const place *p, bnc_error *err) {
  bnc_error why = {BNC_OK, ""};
  const bnc_status s = take_or_make(store, p, &why);
  if (s == BNC_OK) return s;
  if (s == BNC_ERROR_MEMORY || s == BNC_ERROR_CANCELLED) return bnc_fail(err, s, "%s", why.text);
  bnc_context_log(p->context, BNC_LOG_WARNING, "packed weights stay in memory, and are made again at the next start: %s", why.text);
  return pack_into_memory(store, p, err);
}

static bnc_status fill_slabs(const bnc_packed_maker *maker, const bnc_model_file *file, bnc_packed_store *store, const bnc_context *context,
                             bnc_error *err) {
  (void)maker;
  return bnc_weight_slabs_pack(file, store, context, err);
}

static bnc_status count_slabs(const bnc_packed_maker *maker, const bnc_model_file *file, uint64_t *bytes, bnc_error *err) {
  (void)maker;
  return bnc_weight_slabs_packed_bytes(file, bytes, err);
}

static bnc_status find_packed(bnc_packed_store **store, const bnc_model_file *file, bnc_pool *pool, const bnc_context *context,
                              bnc_error *err) {
  const bnc_packed_identity identity = bnc_weight_slabs_identity(file);
  static const bnc_packed_maker slabs = {fill_slabs, count_slabs};
  place p = {.file = file, .identity = &identity, .context = context, .maker = &slabs, .pool = pool};
  char *path;
  if (!bnc_weight_slabs_any(file)) return bnc_packed_create(store, err);
  if (file->packed.data) {
    bnc_error why = {BNC_OK, ""};
    if (take_section(store, &p, &why) == BNC_OK) return BNC_OK;
    bnc_context_log(context, BNC_LOG_INFO, "the model file's packed weights are not used: %s", why.text);
  }
  bnc_status s = bnc_packed_folder_path(context, &identity, &path, err);
  if (s != BNC_OK || !path) return s == BNC_OK ? pack_into_memory(store, &p, err) : s;
  p.path = path;
  s = use_folder(store, &p, err);
  bnc_mem_free(path);
  return s;
}

bnc_status bnc_packed_acquire(bnc_packed_store **store, const bnc_model_file *file, bnc_pool *pool, const bnc_context *context,
                              bnc_error *err) {
  *store = NULL;
  bnc_status s = bnc_weight_slabs_check(file, pool, context, err);
  return s == BNC_OK ? find_packed(store, file, pool, context, err) : s;
}
