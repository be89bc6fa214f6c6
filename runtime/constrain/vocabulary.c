/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/constrain/vocabulary.h"

#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/text/bpe.h"

typedef struct entry {
  const uint8_t *bytes; /* [size] */
  uint32_t size;
  int32_t id;
} entry;

static int by_bytes(const void *a, const void *b) {
  const entry *x = a, *y = b;
  const int order = memcmp(x->bytes, y->bytes, x->size < y->size ? x->size : y->size);
  if (order) return order;
  return x->size != y->size ? (x->size > y->size) - (x->size < y->size) : (x->id > y->id) - (x->id < y->id);
}

void bnc_vocabulary_free(bnc_vocabulary *v) {
  if (!v) return;
  void *const blocks[] = {v->offsets, v->bytes, v->byte, v->depth, v->after, v->token, v->twin, v};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) bnc_mem_free(blocks[i]);
}

static bool is_stop(const bnc_vocabulary *v, int32_t id) {
  for (size_t i = 0; i < v->stops; i++)
    if (v->stop[i] == id) return true;
  return false;
}

/* What the decoders do to the beginning of a text. */
static bnc_status read_decoders(bnc_vocabulary *v, const bnc_bpe *bpe, bnc_error *err) {
  for (size_t i = 0; i < bpe->part_count; i++) {
    const bnc_bpe_part *part = &bpe->parts[i];
    if (part->kind == BNC_DEC_METASPACE) v->strips = v->loses_all = part->arg != 0;
    if (part->kind != BNC_DEC_STRIP || part->arg == 0) continue;
    if (part->arg != 1 || part->a_size != 1 || part->a[0] != ' ')
      return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "the tokenizer strips more than one space from the beginning of a text");
    v->strips = true;
  }
  return BNC_OK;
}

static bnc_status read_bytes(bnc_vocabulary *v, const bnc_bpe *bpe, bnc_error *err) {
  bnc_detokenizer *d = NULL;
  bnc_text all = {0};
  bnc_status s = bnc_detokenizer_create(&d, bpe, true, err);
  for (size_t id = 0; id < v->ids && s == BNC_OK; id++) {
    const char *bytes;
    size_t size = 0;
    s = bnc_detokenizer_bytes(d, (int32_t)id, &bytes, &size, err);
    if (is_stop(v, (int32_t)id) || size > BNC_VOCABULARY_TOKEN) size = 0;
    if (s == BNC_OK) s = bnc_text_append(&all, bytes, size, err);
    if (all.size > UINT32_MAX / 2) s = bnc_fail(err, BNC_ERROR_LIMIT, "the tokens have more than 2 GiB of text");
    v->offsets[id + 1] = (uint32_t)all.size;
  }
  bnc_detokenizer_free(d);
  v->bytes = (uint8_t *)all.data;
  return s;
}

/* Adds the nodes of a token that are not of the one before it in order. path: [depth], the nodes above the next. */
static void add_token(bnc_vocabulary *v, const entry *before, const entry *e, uint32_t *path) {
  uint32_t same = 0;
  while (before && same < before->size && same < e->size && before->bytes[same] == e->bytes[same]) same++;
  if (before && same == before->size && same == e->size) {
    v->twin[e->id] = v->token[v->nodes - 1];
    v->token[v->nodes - 1] = e->id;
    return;
  }
  for (uint32_t depth = before ? before->size : 0; depth > same; depth--) v->after[path[depth]] = (uint32_t)v->nodes;
  for (uint32_t depth = same + 1; depth <= e->size; depth++) {
    const size_t node = v->nodes++;
    path[depth] = (uint32_t)node;
    v->byte[node] = e->bytes[depth - 1];
    v->depth[node] = (uint16_t)depth;
    v->token[node] = depth == e->size ? e->id : BNC_VOCABULARY_NONE;
  }
}

static bnc_status build_tree(bnc_vocabulary *v, entry *entries, bnc_error *err) {
  uint32_t path[BNC_VOCABULARY_TOKEN + 1];
  const size_t most = v->offsets[v->ids];
  size_t count = 0;
  for (size_t id = 0; id < v->ids; id++) {
    v->twin[id] = BNC_VOCABULARY_NONE;
    const entry e = {v->bytes + v->offsets[id], v->offsets[id + 1] - v->offsets[id], (int32_t)id};
    if (e.size) entries[count++] = e;
    if (e.size == 1) v->single[e.bytes[0]] = true;
  }
  qsort(entries, count, sizeof *entries, by_bytes);
  v->byte = bnc_mem_alloc(most);
  v->depth = bnc_mem_alloc(most * sizeof *v->depth);
  v->after = bnc_mem_alloc(most * sizeof *v->after);
  v->token = bnc_mem_alloc(most * sizeof *v->token);
  if (!v->byte || !v->depth || !v->after || !v->token) return bnc_fail_memory(err, 11 * (unsigned long long)most);
  for (size_t i = 0; i < count; i++) add_token(v, i ? &entries[i - 1] : NULL, &entries[i], path);
  for (uint32_t depth = count ? entries[count - 1].size : 0; depth > 0; depth--) v->after[path[depth]] = (uint32_t)v->nodes;
  return BNC_OK;
}

bnc_status bnc_vocabulary_create(bnc_vocabulary **vocabulary, const bnc_bpe *bpe, size_t rows, const int32_t *stop, size_t stops,
                                 bnc_error *err) {
  bnc_vocabulary *v = *vocabulary = bnc_mem_zalloc(sizeof *v);
  if (!v) return bnc_fail_memory(err, sizeof *v);
  v->ids = bnc_bpe_vocabulary_size(bpe) < rows ? bnc_bpe_vocabulary_size(bpe) : rows;
  for (size_t i = 0; i < stops && v->stops < sizeof v->stop / sizeof *v->stop; i++)
    if (stop[i] >= 0 && (size_t)stop[i] < rows) v->stop[v->stops++] = stop[i];
  v->offsets = bnc_mem_array(v->ids + 1, sizeof *v->offsets);
  v->twin = bnc_mem_array(v->ids, sizeof *v->twin);
  entry *entries = bnc_mem_array(v->ids, sizeof *entries);
  bnc_status s = v->offsets && v->twin && entries ? read_decoders(v, bpe, err) : bnc_fail_memory(err, v->ids * sizeof *entries);
  if (s == BNC_OK) s = read_bytes(v, bpe, err);
  if (s == BNC_OK) s = build_tree(v, entries, err);
  bnc_mem_free(entries);
  if (s == BNC_OK) return BNC_OK;
  bnc_vocabulary_free(v);
  *vocabulary = NULL;
  return s;
}

int32_t bnc_vocabulary_longest(const bnc_vocabulary *v, const uint8_t *text, size_t size, size_t *length) {
  int32_t best = BNC_VOCABULARY_NONE;
  uint16_t depth = 1;
  for (size_t node = 0; node < v->nodes && depth <= size && v->depth[node] == depth;) {
    if (v->byte[node] != text[depth - 1]) {
      node = v->after[node];
      continue;
    }
    if (v->token[node] >= 0) {
      best = v->token[node];
      *length = depth;
    }
    node++;
    depth++;
  }
  return best;
}

bool bnc_vocabulary_not_first(const bnc_vocabulary *v, int32_t id) {
  const uint32_t size = v->offsets[id + 1] - v->offsets[id];
  return v->loses_all && size > 1 && memchr(v->bytes + v->offsets[id] + 1, ' ', size - 1);
}
