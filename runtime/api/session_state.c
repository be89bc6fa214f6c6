/* SPDX-License-Identifier: Apache-2.0 */
/* A session in a file: what was said, the pictures' embeddings, keys and values. The file is bound to the model's content; whatever it
 * holds is checked before the session changes. */
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "runtime/api/session_private.h"

#define STATE_MAGIC "BNCSESS"
#define STATE_VERSION 1u
#define MOST_SYSTEM (1u << 20) /* bytes of a system text */

/* Little-endian, as every CPU that Binocle runs on. Behind it: system text, opening ids, embeddings, logits, keys and values. */
typedef struct state_header {
  char magic[8];
  uint32_t version, template_;
  uint64_t fingerprint; /* of the model */
  uint32_t kv_dtype, layers, kv_heads, head_dim, hidden, image_rows, vocabulary, cut;
  uint32_t has_system, system_bytes, has_logits, started;
  int32_t last_id, pending;
  uint64_t rows, opening_count, opening_rows, images, opening_images;
  uint64_t file_size;
  uint64_t body_checksum;   /* XXH3-64 of what follows the header */
  uint64_t header_checksum; /* XXH3-64 of the bytes before this field */
} state_header;
_Static_assert(sizeof(state_header) == 144, "session state");

/* The header without the sizes and checksums that depend on the body. */
static state_header describe(const bnc_session *s) {
  const bnc_file_meta *m = &s->file.meta;
  state_header h = {.magic = STATE_MAGIC,
                    .version = STATE_VERSION,
                    .template_ = (uint32_t)s->style.template_,
                    .fingerprint = bnc_model_file_fingerprint(&s->file),
                    .kv_dtype = m->kv_dtype,
                    .layers = m->layers,
                    .kv_heads = m->kv_heads,
                    .head_dim = m->head_dim,
                    .hidden = m->hidden,
                    .image_rows = m->image_rows,
                    .vocabulary = m->vocabulary,
                    .cut = s->cut,
                    .has_system = s->system != NULL,
                    .system_bytes = s->system ? (uint32_t)strlen(s->system) : 0,
                    .has_logits = s->logits != NULL,
                    .started = s->started,
                    .last_id = s->last_id,
                    .pending = s->pending,
                    .rows = s->rows,
                    .opening_count = s->opening.count,
                    .opening_rows = s->opening_rows,
                    .images = s->images,
                    .opening_images = s->opening_images};
  return h;
}

typedef struct state_writer {
  bnc_file_writer *file;
  XXH3_state_t hash;
  bnc_error *err;
  bnc_status status;
} state_writer;

static bool write_bytes(state_writer *w, const void *data, size_t bytes) {
  XXH3_64bits_update(&w->hash, data, bytes);
  w->status = bnc_file_writer_write(w->file, data, bytes, w->err);
  return w->status == BNC_OK;
}

/* A bnc_kv_visitor. */
static bool write_part(void *context, void *data, size_t bytes) { return write_bytes(context, data, bytes); }

static bnc_status write_state(bnc_session *s, state_writer *w) {
  state_header h = describe(s);
  const size_t pictures = (s->images + s->opening_images) * h.image_rows * h.hidden;
  XXH3_64bits_reset(&w->hash);
  /* Nobody said in this conversation what else the file would show. */
  bnc_executor_clear_keys_behind(s->executor, s->rows);
  w->status = bnc_file_writer_write(w->file, &h, sizeof h, w->err); /* patched below */
  if (w->status != BNC_OK) return w->status;
  const bool whole = write_bytes(w, s->system ? s->system : "", h.system_bytes) &&
                     write_bytes(w, s->opening.data, s->opening.count * sizeof *s->opening.data) &&
                     write_bytes(w, s->image, pictures * sizeof *s->image) &&
                     write_bytes(w, s->logits, s->logits ? h.vocabulary * sizeof *s->logits : 0) &&
                     bnc_executor_visit_kv(s->executor, s->rows, write_part, w);
  if (!whole) return w->status;
  h.file_size = bnc_file_writer_size(w->file);
  h.body_checksum = XXH3_64bits_digest(&w->hash);
  h.header_checksum = XXH3_64bits(&h, offsetof(state_header, header_checksum));
  return bnc_file_writer_patch(w->file, 0, &h, sizeof h, w->err);
}

bnc_status bnc_session_save(bnc_session *session, const char *path) {
  if (!session) return BNC_ERROR_ARGUMENT;
  state_writer w = {.err = &session->error};
  if (!path) return bnc_fail(w.err, BNC_ERROR_ARGUMENT, "a session is saved to a path");
  if (session->system && strlen(session->system) > MOST_SYSTEM)
    return bnc_fail(w.err, BNC_ERROR_LIMIT, "the system text has %zu bytes, expected at most %u", strlen(session->system), MOST_SYSTEM);
  bnc_status s = bnc_file_writer_open(&w.file, path, w.err);
  if (s != BNC_OK) return s;
  s = write_state(session, &w);
  if (s == BNC_OK) return bnc_file_writer_commit(w.file, w.err);
  bnc_file_writer_abort(w.file);
  return s;
}

static bool count_part(void *context, void *data, size_t bytes) {
  (void)data;
  *(uint64_t *)context += bytes;
  return true;
}

static bool is_id(const bnc_file_meta *m, int32_t id) { return id >= 0 && (uint32_t)id < m->vocabulary; }

/* Every count that anything is computed from later. */
static bnc_status check_header(const bnc_session *s, const state_header *h, uint64_t size, bnc_error *err) {
  const bnc_file_meta *m = &s->file.meta;
  const state_header own = describe(s);
  if (memcmp(h->magic, own.magic, sizeof h->magic) != 0) return bnc_fail(err, BNC_ERROR_FORMAT, "not a saved session");
  if (h->version != STATE_VERSION)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "a session of version %u, expected %u", h->version, STATE_VERSION);
  if (h->header_checksum != XXH3_64bits(h, offsetof(state_header, header_checksum)))
    return bnc_fail(err, BNC_ERROR_FORMAT, "the saved session's header is damaged");
  if (h->fingerprint != own.fingerprint)
    return bnc_fail(err, BNC_ERROR_FORMAT,
                    "a session of the model %016llx, expected %016llx: sessions belong to the model that they were had with",
                    (unsigned long long)h->fingerprint, (unsigned long long)own.fingerprint);
  if (h->file_size != size)
    return bnc_fail(err, BNC_ERROR_FORMAT, "%llu bytes, expected %llu", (unsigned long long)size, (unsigned long long)h->file_size);
  static const char *const kinds[] = {[BNC_KV_F32] = "f32", [BNC_KV_F16] = "f16", [BNC_KV_INT8] = "int8"};
  if (h->kv_dtype <= BNC_KV_INT8 && h->kv_dtype != own.kv_dtype)
    return bnc_fail(err, BNC_ERROR_FORMAT, "a session with a KV cache of %s, but this one has %s", kinds[h->kv_dtype], kinds[own.kv_dtype]);
  if (h->rows > m->context)
    return bnc_fail(err, BNC_ERROR_LIMIT, "a session of %llu rows, but the context has %u here", (unsigned long long)h->rows, m->context);
  const bool alike = h->layers == own.layers && h->kv_heads == own.kv_heads && h->head_dim == own.head_dim && h->hidden == own.hidden &&
                     h->image_rows == own.image_rows && h->vocabulary == own.vocabulary;
  const uint64_t most_images = 1u << 16;
  const bool counts = h->opening_rows <= h->rows && h->opening_count <= m->context && h->images <= most_images &&
                      h->opening_images <= most_images && h->system_bytes <= MOST_SYSTEM &&
                      (h->started || (h->rows == 0 && !h->has_logits));
  const bool flags = h->cut <= 1 && h->has_system <= 1 && h->has_logits <= 1 && h->started <= 1 && (h->has_system || h->system_bytes == 0);
  const bool ids = (h->last_id == -1 || is_id(m, h->last_id)) && (h->pending == -1 || is_id(m, h->pending));
  if (alike && counts && flags && ids && bnc_prompt_template_is_known((bnc_prompt_template)h->template_)) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_FORMAT, "the saved session contradicts its model");
}

/* Where the parts of the body lie in the map. */
typedef struct state_parts {
  const uint8_t *system, *opening, *images, *logits, *kv;
} state_parts;

static bnc_status find_parts(bnc_session *s, const state_header *h, const bnc_file_map *map, state_parts *p, bnc_error *err) {
  uint64_t kv = 0;
  bnc_executor_visit_kv(s->executor, (size_t)h->rows, count_part, &kv);
  const uint64_t images = (h->images + h->opening_images) * h->image_rows * h->hidden * sizeof(float);
  const uint64_t logits = h->has_logits ? h->vocabulary * sizeof(float) : 0, opening = h->opening_count * sizeof(int32_t);
  if (sizeof *h + h->system_bytes + opening + images + logits + kv != map->size)
    return bnc_fail(err, BNC_ERROR_FORMAT, "%zu bytes do not fit what the saved session's header says", map->size);
  if (XXH3_64bits(map->data + sizeof *h, map->size - sizeof *h) != h->body_checksum)
    return bnc_fail(err, BNC_ERROR_FORMAT, "the saved session is damaged");
  p->system = map->data + sizeof *h;
  p->opening = p->system + h->system_bytes;
  p->images = p->opening + opening;
  p->logits = p->images + images;
  p->kv = p->logits + logits;
  return BNC_OK;
}

/* What a session owns, made before the session changes. */
typedef struct restored {
  char *system;
  bnc_ids opening;
  float *images, *logits;
} restored;

static void free_restored(restored *r) {
  bnc_mem_free(r->system);
  bnc_ids_free(&r->opening);
  bnc_mem_free(r->images);
  bnc_mem_free(r->logits);
}

static bnc_status copy_parts(const bnc_session *s, const state_header *h, const state_parts *p, restored *r, bnc_error *err) {
  const size_t images = (size_t)(h->images + h->opening_images) * h->image_rows * h->hidden;
  r->system = h->has_system ? bnc_mem_strndup((const char *)p->system, h->system_bytes) : NULL;
  r->images = bnc_mem_array(images + 1, sizeof *r->images);
  r->logits = h->has_logits ? bnc_mem_array(h->vocabulary, sizeof *r->logits) : NULL;
  if ((h->has_system && !r->system) || !r->images || (h->has_logits && !r->logits)) return bnc_fail_memory(err, images * sizeof *r->images);
  if (h->has_system && strlen(r->system) != h->system_bytes)
    return bnc_fail(err, BNC_ERROR_FORMAT, "the saved session's system text is damaged");
  memcpy(r->images, p->images, images * sizeof *r->images);
  if (r->logits) memcpy(r->logits, p->logits, h->vocabulary * sizeof *r->logits);
  for (uint64_t i = 0; i < h->opening_count; i++) {
    int32_t id;
    memcpy(&id, p->opening + i * sizeof id, sizeof id);
    if (id != BNC_IMAGE_TOKEN && !is_id(&s->file.meta, id))
      return bnc_fail(err, BNC_ERROR_FORMAT, "the saved session's prompt has the id %d", id);
    bnc_status status = bnc_ids_append(&r->opening, &id, 1, err);
    if (status != BNC_OK) return status;
  }
  return BNC_OK;
}

static bool read_part(void *context, void *data, size_t bytes) {
  const uint8_t **from = context;
  memcpy(data, *from, bytes);
  *from += bytes;
  return true;
}

static void adopt(bnc_session *s, const state_header *h, const state_parts *p, restored *r) {
  const uint8_t *kv = p->kv;
  bnc_executor_visit_kv(s->executor, (size_t)h->rows, read_part, &kv);
  bnc_mem_free(s->system);
  bnc_ids_free(&s->opening);
  bnc_mem_free(s->image);
  bnc_mem_free(s->restored_logits);
  s->system = r->system;
  s->opening = r->opening;
  s->image = r->images;
  s->image_capacity = (size_t)(h->images + h->opening_images) * h->image_rows * h->hidden;
  s->restored_logits = r->logits;
  s->logits = r->logits;
  s->style.template_ = (bnc_prompt_template)h->template_;
  bnc_session_settle_system(s);
  s->images = (size_t)h->images;
  s->opening_images = (size_t)h->opening_images;
  s->opening_rows = (size_t)h->opening_rows;
  s->rows = (size_t)h->rows;
  s->history.count = 0; /* not saved: guesses begin anew */
  s->last_id = h->last_id;
  s->pending = h->pending;
  s->token.id = -1;
  s->cut = h->cut;
  s->started = h->started;
}

bnc_status bnc_session_restore(bnc_session *session, const char *path) {
  if (!session) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &session->error;
  bnc_file_map map;
  state_header h;
  state_parts parts = {NULL, NULL, NULL, NULL, NULL};
  restored made = {0};
  if (!path) return bnc_fail(err, BNC_ERROR_ARGUMENT, "a session is restored from a path");
  bnc_status s = bnc_file_map_open(&map, path, err);
  if (s != BNC_OK) return s;
  if (map.size < sizeof h) {
    s = bnc_fail(err, BNC_ERROR_FORMAT, "%zu bytes, expected a saved session", map.size);
  } else {
    memcpy(&h, map.data, sizeof h);
    s = check_header(session, &h, map.size, err);
    if (s == BNC_OK) s = find_parts(session, &h, &map, &parts, err);
    if (s == BNC_OK) s = copy_parts(session, &h, &parts, &made, err);
    if (s == BNC_OK) adopt(session, &h, &parts, &made);
  }
  bnc_file_map_close(&map);
  if (s == BNC_OK) return s;
  free_restored(&made);
  return bnc_error_prefix(err, "%s", path);
}
