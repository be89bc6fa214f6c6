/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/api/preamble.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platforms/base/build_id.h"
#include "platforms/base/digest.h"
#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "runtime/exec/packed_folder.h"

#define PREAMBLE_MAGIC "BNCROWS"
#define PREAMBLE_VERSION 1u
#define LEAST_ROWS 16u                   /* fewer cost a prompt next to nothing */
#define MOST_BYTES ((uint64_t)128 << 20) /* of a file */

/* 60 days and 1 GiB, of such files alone. */
static const bnc_packed_limits limits = {(uint64_t)60 * 24 * 3600, (uint64_t)1 << 30};

/* Little-endian. Behind it: ids [rows], keys and values as bnc_executor_visit_kv walks over them. */
typedef struct preamble_header {
  char magic[8];
  uint32_t version, rows;
  bnc_digest name;
  uint64_t file_size;
  uint64_t body_checksum;   /* XXH3-64 of what follows the header */
  uint64_t header_checksum; /* XXH3-64 of the bytes before this field */
} preamble_header;
_Static_assert(sizeof(preamble_header) == 72, "kept rows");

/* All that the bits depend on. False: this build has no name of its own, so nothing tells its bits from another's. */
static bool name_of(const bnc_session *s, const bnc_ids *preamble, bnc_digest *name) {
  static const char what[] = "preamble rows 1";
  uint8_t build[BNC_BUILD_ID_BYTES];
  const size_t built = bnc_build_id(build);
  const uint32_t level = (uint32_t)s->model->kernels.level, cache = s->file.meta.kv_dtype;
  const bnc_linear_choice *linears = &s->model->file.linears;
  const uint64_t machine = bnc_packed_machine_id();
  bnc_digest_state state;
  bnc_digest_begin(&state);
  bnc_digest_add(&state, what, sizeof what);
  bnc_digest_add(&state, &s->model->file.content, sizeof s->model->file.content);
  bnc_digest_add(&state, &machine, sizeof machine);
  bnc_digest_add(&state, &level, sizeof level);
  bnc_digest_add(&state, linears->own, sizeof linears->own);
  bnc_digest_add(&state, &cache, sizeof cache);
  bnc_digest_add(&state, build, built);
  bnc_digest_add(&state, preamble->data, preamble->count * sizeof *preamble->data);
  *name = bnc_digest_end(&state);
  return built > 0;
}

/* Where the file is or will be; NULL: nowhere. Freed with bnc_mem_free. */
static char *path_of(const bnc_session *s, const bnc_digest *name) {
  bnc_error err;
  const bnc_packed_identity identity = {*name, bnc_packed_machine_id()};
  char *path = NULL;
  return bnc_packed_folder_rows_path(s->model->context, &identity, &path, &err) == BNC_OK ? path : NULL;
}

size_t bnc_preamble_rows(const bnc_session *s, const bnc_ids *preamble, const int32_t *ids, size_t count, size_t total) {
  size_t rows = 0;
  if (!preamble || s->private_preamble) return 0;
  while (rows < preamble->count && rows < count && rows + 1 < total && ids[rows] == preamble->data[rows]) rows++;
  return rows < LEAST_ROWS ? 0 : rows;
}

static bool count_part(void *context, void *data, size_t bytes) {
  (void)data;
  *(uint64_t *)context += bytes;
  return true;
}

static uint64_t bytes_of(const bnc_session *s, size_t rows) {
  uint64_t kv = 0;
  bnc_executor_visit_kv(s->executor, rows, count_part, &kv);
  return sizeof(preamble_header) + rows * sizeof(int32_t) + kv;
}

static bnc_status check(const bnc_session *s, const bnc_ids *preamble, const bnc_digest *name, const bnc_file_map *map, preamble_header *h,
                        bnc_error *err) {
  if (map->size < sizeof *h) return bnc_fail(err, BNC_ERROR_FORMAT, "%zu bytes, expected kept rows", map->size);
  memcpy(h, map->data, sizeof *h);
  if (memcmp(h->magic, PREAMBLE_MAGIC, sizeof h->magic) != 0 || h->version != PREAMBLE_VERSION)
    return bnc_fail(err, BNC_ERROR_FORMAT, "no kept rows of version %u", PREAMBLE_VERSION);
  if (h->header_checksum != XXH3_64bits(h, offsetof(preamble_header, header_checksum)) || !bnc_digest_equal(&h->name, name))
    return bnc_fail(err, BNC_ERROR_FORMAT, "the header of the kept rows is damaged, or another file's");
  if (h->rows == 0 || h->rows > preamble->count || h->rows > s->file.meta.context)
    return bnc_fail(err, BNC_ERROR_FORMAT, "%u kept rows, expected at most %zu", h->rows, preamble->count);
  if (h->file_size != map->size || map->size != bytes_of(s, h->rows))
    return bnc_fail(err, BNC_ERROR_FORMAT, "%zu bytes, expected %llu of %u kept rows", map->size, (unsigned long long)bytes_of(s, h->rows),
                    h->rows);
  if (h->body_checksum != XXH3_64bits(map->data + sizeof *h, map->size - sizeof *h))
    return bnc_fail(err, BNC_ERROR_FORMAT, "the kept rows are damaged");
  if (memcmp(map->data + sizeof *h, preamble->data, h->rows * sizeof *preamble->data) != 0)
    return bnc_fail(err, BNC_ERROR_FORMAT, "the kept rows are of another text");
  return BNC_OK;
}

static bool read_part(void *context, void *data, size_t bytes) {
  const uint8_t **from = context;
  memcpy(data, *from, bytes);
  *from += bytes;
  return true;
}

static bnc_status take(bnc_session *s, const bnc_ids *preamble, const bnc_digest *name, const char *path, bnc_error *err) {
  bnc_file_map map;
  preamble_header h;
  int hold;
  bnc_status status = bnc_file_map_open_own(&map, &hold, path, err);
  if (status != BNC_OK) return status;
  status = check(s, preamble, name, &map, &h, err);
  if (status == BNC_OK) {
    /* What the cache held is overwritten: it is nobody's opening any more. */
    s->opening.count = s->opening_rows = 0;
    status = bnc_ids_append(&s->opening, preamble->data, h.rows, err);
  }
  if (status == BNC_OK) {
    const uint8_t *from = map.data + sizeof h + h.rows * sizeof *preamble->data;
    bnc_executor_visit_kv(s->executor, h.rows, read_part, &from);
    s->opening_rows = h.rows;
  }
  bnc_file_map_close(&map);
  close(hold);
  return status;
}

bool bnc_preamble_take(bnc_session *s, const bnc_ids *preamble) {
  bnc_error err = {BNC_OK, ""};
  bnc_digest name;
  char *path = name_of(s, preamble, &name) ? path_of(s, &name) : NULL;
  if (!path || access(path, F_OK) < 0) {
    bnc_mem_free(path);
    return false;
  }
  const bnc_status status = take(s, preamble, &name, path, &err);
  if (status == BNC_ERROR_UNSUPPORTED) bnc_context_log(s->model->context, BNC_LOG_WARNING, "%s", err.text);
  if (status != BNC_OK && status != BNC_ERROR_UNSUPPORTED)
    bnc_context_log(s->model->context, BNC_LOG_INFO, "%s: %s; computing anew", path, err.text);
  bnc_mem_free(path);
  return status == BNC_OK;
}

typedef struct rows_writer {
  bnc_file_writer *file;
  XXH3_state_t hash;
  bnc_error *err;
  bnc_status status;
} rows_writer;

static bool write_part(void *context, void *data, size_t bytes) {
  rows_writer *w = context;
  XXH3_64bits_update(&w->hash, data, bytes);
  w->status = bnc_file_writer_write(w->file, data, bytes, w->err);
  return w->status == BNC_OK;
}

static bnc_status write_rows(bnc_session *s, const bnc_ids *preamble, preamble_header *h, rows_writer *w) {
  XXH3_64bits_reset(&w->hash);
  w->status = bnc_file_writer_write(w->file, h, sizeof *h, w->err); /* patched below */
  if (w->status != BNC_OK || !write_part(w, preamble->data, h->rows * sizeof *preamble->data) ||
      !bnc_executor_visit_kv(s->executor, h->rows, write_part, w))
    return w->status;
  h->body_checksum = XXH3_64bits_digest(&w->hash);
  h->header_checksum = XXH3_64bits(h, offsetof(preamble_header, header_checksum));
  return bnc_file_writer_patch(w->file, 0, h, sizeof *h, w->err);
}

static bnc_status keep(bnc_session *s, const bnc_ids *preamble, preamble_header *h, const char *path, bnc_error *err) {
  rows_writer w = {.err = err};
  bnc_status status = bnc_packed_folder_prepare(path, err);
  if (status == BNC_OK) bnc_packed_folder_clean(path);
  if (status == BNC_OK) status = bnc_packed_folder_make_room(path, h->file_size, &limits, s->model->context, err);
  if (status == BNC_OK) status = bnc_file_writer_open(&w.file, path, err);
  if (status != BNC_OK) return status;
  status = bnc_file_writer_make_private(w.file, err);
  if (status == BNC_OK) status = write_rows(s, preamble, h, &w);
  if (status == BNC_OK) return bnc_file_writer_commit(w.file, err);
  bnc_file_writer_abort(w.file);
  return status;
}

void bnc_preamble_keep(bnc_session *s, const bnc_ids *preamble, size_t rows) {
  bnc_error err = {BNC_OK, ""};
  preamble_header h = {.magic = PREAMBLE_MAGIC, .version = PREAMBLE_VERSION, .rows = (uint32_t)rows, .file_size = bytes_of(s, rows)};
  char *path = h.file_size <= MOST_BYTES && name_of(s, preamble, &h.name) ? path_of(s, &h.name) : NULL;
  if (!path) return;
  bnc_executor_clear_keys_behind(s->executor, rows);
  if (keep(s, preamble, &h, path, &err) != BNC_OK)
    bnc_context_log(s->model->context, BNC_LOG_DEBUG, "the rows of template and system text are not kept: %s", err.text);
  bnc_mem_free(path);
}
