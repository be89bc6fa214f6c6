/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "platforms/base/sized.h"
#include "runtime/api/model_private.h"
#include "runtime/exec/packed_folder.h"
#include "runtime/model/data_blocks.h"
#include "runtime/model/weight_slabs.h"

/* Keeps the first thing that is wrong; the rest shows in the check's fields. */
static bnc_status worse(bnc_status so_far, bnc_status s, const bnc_error *found, bnc_error *err) {
  if (so_far != BNC_OK || s == BNC_OK) return so_far;
  return bnc_fail(err, s, "%s", found->text);
}

static uint32_t part_state(bnc_status s) {
  return s == BNC_OK ? BNC_PART_WHOLE : s == BNC_ERROR_UNSUPPORTED ? BNC_PART_NOT_TRUSTED : BNC_PART_DAMAGED;
}

static bnc_status verify_data(const bnc_model *m, bnc_pool *pool, bnc_model_check *check, bnc_error *err) {
  bnc_block_damage damage;
  bnc_status s = bnc_blocks_check(&m->file, NULL, true, pool, m->context, &damage, err);
  if (s != BNC_OK) return s;
  check->blocks = damage.blocks;
  check->damaged_blocks = damage.damaged;
  s = bnc_blocks_judge(&m->file, &damage, err);
  return s == BNC_OK ? bnc_model_file_check_gaps(&m->file, err) : s;
}

static bnc_status verify_section(const bnc_model *m, bnc_pool *pool, bnc_model_check *check, bnc_error *err) {
  bnc_packed_store *store;
  const bnc_packed_identity any = {m->file.content, 0};
  if (!m->file.packed.data) return BNC_OK;
  bnc_status s = bnc_packed_open_bytes(&store, m->file.packed.data, m->file.packed.size, &any, pool, err);
  check->packed_bytes = m->file.packed.size;
  check->packed = part_state(s);
  if (s == BNC_OK)
    bnc_packed_destroy(store);
  else
    bnc_error_prefix(err, "%s: section packed", m->file.path);
  return s;
}

typedef bnc_status cache_path(const bnc_context *context, const bnc_packed_identity *identity, char **path, bnc_error *err);

/* One of the model's files in the cache; the first that is not whole is what the check tells. */
static bnc_status verify_cached(const bnc_model *m, cache_path *path_of, bnc_pool *pool, bnc_model_check *check, bnc_error *err) {
  char *path;
  bnc_packed_store *store = NULL;
  const bnc_packed_identity identity = bnc_weight_slabs_identity(&m->file);
  bnc_status s = path_of(m->context, &identity, &path, err);
  if (s != BNC_OK || !path) return s;
  if (access(path, F_OK) == 0) {
    s = bnc_packed_open(&store, path, &identity, pool, err);
    check->cache = part_state(s);
    check->cache_bytes += s == BNC_OK ? bnc_packed_bytes(store) : 0;
    bnc_packed_destroy(store);
  }
  bnc_mem_free(path);
  return s;
}

/* Packed weights, and vision's laid out. */
static bnc_status verify_cache(const bnc_model *m, bnc_pool *pool, bnc_model_check *check, bnc_error *err) {
  const bnc_status s = verify_cached(m, bnc_packed_folder_path, pool, check, err);
  return s == BNC_OK ? verify_cached(m, bnc_packed_folder_laid_path, pool, check, err) : s;
}

bnc_status bnc_model_verify(bnc_model *model, bnc_model_check *check) {
  if (!model || !bnc_sized_is_set(check)) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &model->context->error, found = {BNC_OK, ""};
  bnc_model_check full = {.data_bytes = model->file.data.size};
  bnc_pool *pool = NULL;
  bnc_digest_text(&model->file.content, BNC_DIGEST_BYTES, full.content);
  bnc_status s = bnc_pool_create(&pool, model->context->settings.threads, err);
  if (s != BNC_OK) return s;
  bnc_status part = verify_data(model, pool, &full, &found);
  s = worse(s, part, &found, err);
  if (part != BNC_ERROR_CANCELLED) {
    part = verify_section(model, pool, &full, &found);
    s = worse(s, part, &found, err);
    part = verify_cache(model, pool, &full, &found);
    s = worse(s, part, &found, err);
  }
  bnc_pool_destroy(pool);
  bnc_sized_write(check, &full, sizeof full);
  return s;
}
