/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/bpe_merge.h"

#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/text/utf8.h"

/* A linked list over the array of symbols; a merged right half stays as a hole. */
struct bnc_bpe_symbol {
  uint32_t id;
  int32_t previous, next; /* -1: none */
  bool gone;
};

struct bnc_bpe_candidate {
  uint32_t rank, position, merged;
};

#define SYMBOL_LIMIT ((size_t)INT32_MAX / 4)

static bnc_status reserve(void **data, size_t *capacity, size_t count, size_t item, bnc_error *err) {
  if (count <= *capacity) return BNC_OK;
  size_t target = *capacity * 2 > count ? *capacity * 2 : count + 64, bytes;
  if (!bnc_mul_size(target, item, &bytes)) return bnc_fail_memory(err, SIZE_MAX);
  void *grown = bnc_mem_realloc(*data, bytes);
  if (!grown) return bnc_fail_memory(err, bytes);
  *data = grown;
  *capacity = target;
  return BNC_OK;
}

static bnc_status add_symbol(bnc_bpe_merger *m, uint32_t id, bnc_error *err) {
  void *data = m->symbols;
  bnc_status status = reserve(&data, &m->symbol_capacity, m->symbol_count + 1, sizeof *m->symbols, err);
  m->symbols = data;
  if (status != BNC_OK) return status;
  if (m->symbol_count >= SYMBOL_LIMIT) return bnc_fail(err, BNC_ERROR_LIMIT, "text is too long to tokenize");
  m->symbols[m->symbol_count] = (struct bnc_bpe_symbol){.id = id, .previous = (int32_t)m->symbol_count - 1, .next = -1};
  if (m->symbol_count) m->symbols[m->symbol_count - 1].next = (int32_t)m->symbol_count;
  m->symbol_count++;
  return BNC_OK;
}

/* Bytes of a character that the vocabulary lacks; false where it lacks one of them too. */
static bool byte_symbols(const bnc_bpe *bpe, bnc_bpe_merger *m, const char *text, int length, bnc_status *status, bnc_error *err) {
  for (int i = 0; i < length; i++)
    if (bpe->byte_ids[(uint8_t)text[i]] < 0) return false;
  for (int i = 0; i < length && *status == BNC_OK; i++) *status = add_symbol(m, (uint32_t)bpe->byte_ids[(uint8_t)text[i]], err);
  return true;
}

/* One symbol per character. An unknown one becomes its bytes or the unknown token, or is dropped, in the library's order: the
 * unknown token is written when the next known character or the end comes. */
static bnc_status make_symbols(const bnc_bpe *bpe, bnc_bpe_merger *m, const char *piece, size_t size, bnc_error *err) {
  const bnc_bpe_header *h = bpe->header;
  bool unknown = false;
  bnc_status status = BNC_OK;
  m->symbol_count = 0;
  for (size_t at = 0; at < size && status == BNC_OK;) {
    int length = bnc_utf8_next(piece + at, size - at);
    if (length <= 0) return bnc_fail(err, BNC_ERROR_INTERNAL, "tokenizer: a piece of text is not UTF-8");
    const char *text = piece + at;
    uint32_t code = bnc_utf8_code(text, length);
    int32_t id = code < BNC_BPE_SHORT ? bpe->short_ids[code] : bnc_bpe_model_id(bpe, text, (size_t)length);
    at += (size_t)length;
    if (id >= 0) {
      if (unknown) status = add_symbol(m, h->unk, err);
      unknown = false;
      if (status == BNC_OK) status = add_symbol(m, (uint32_t)id, err);
      continue;
    }
    if ((h->model & BNC_BPE_BYTE_FALLBACK) && byte_symbols(bpe, m, text, length, &status, err)) continue;
    if (h->unk == BNC_BPE_NONE) continue;
    if (unknown && !(h->model & BNC_BPE_FUSE_UNK)) status = add_symbol(m, h->unk, err);
    unknown = true;
  }
  return status == BNC_OK && unknown ? add_symbol(m, h->unk, err) : status;
}

static bool before(const struct bnc_bpe_candidate *a, const struct bnc_bpe_candidate *b) {
  return a->rank != b->rank ? a->rank < b->rank : a->position < b->position;
}

static void sift_down(struct bnc_bpe_candidate *heap, size_t count, size_t i) {
  struct bnc_bpe_candidate moved = heap[i];
  for (size_t child; (child = 2 * i + 1) < count; i = child) {
    if (child + 1 < count && before(&heap[child + 1], &heap[child])) child++;
    if (!before(&heap[child], &moved)) break;
    heap[i] = heap[child];
  }
  heap[i] = moved;
}

/* Room is there: a piece of n symbols has at most n - 1 candidates, and each of its merges adds at most two. */
static void offer(const bnc_bpe *bpe, bnc_bpe_merger *m, int32_t position, bool sorted) {
  const struct bnc_bpe_symbol *left = &m->symbols[position];
  uint32_t rank = bnc_bpe_merge_rank(bpe, left->id, m->symbols[left->next].id);
  if (rank == BNC_BPE_NONE) return;
  struct bnc_bpe_candidate made = {rank, (uint32_t)position, bpe->merges[3 * (size_t)rank + 2]};
  size_t i = m->heap_count++;
  m->heap[i] = made;
  for (; sorted && i > 0 && before(&made, &m->heap[(i - 1) / 2]); i = (i - 1) / 2) m->heap[i] = m->heap[(i - 1) / 2];
  m->heap[i] = made;
}

static void merge_all(const bnc_bpe *bpe, bnc_bpe_merger *m) {
  m->heap_count = 0;
  for (size_t i = 0; i + 1 < m->symbol_count; i++) offer(bpe, m, (int32_t)i, false);
  for (size_t i = m->heap_count / 2; i-- > 0;) sift_down(m->heap, m->heap_count, i);
  while (m->heap_count > 0) {
    struct bnc_bpe_candidate top = m->heap[0];
    m->heap[0] = m->heap[--m->heap_count];
    if (m->heap_count) sift_down(m->heap, m->heap_count, 0);
    struct bnc_bpe_symbol *left = &m->symbols[top.position];
    if (left->gone || left->next < 0) continue;
    struct bnc_bpe_symbol *right = &m->symbols[left->next];
    /* An entry is stale unless the pair still makes this token (by another rank also counts: so does the library). */
    uint32_t rank = bnc_bpe_merge_rank(bpe, left->id, right->id);
    if (rank == BNC_BPE_NONE || bpe->merges[3 * (size_t)rank + 2] != top.merged) continue;
    left->id = top.merged;
    left->next = right->next;
    right->gone = true;
    if (left->next >= 0) m->symbols[left->next].previous = (int32_t)top.position;
    if (left->previous >= 0) offer(bpe, m, left->previous, true);
    if (left->next >= 0) offer(bpe, m, (int32_t)top.position, true);
  }
}

bnc_status bnc_bpe_merge(const bnc_bpe *bpe, bnc_bpe_merger *m, const char *piece, size_t size, bnc_ids *ids, bnc_error *err) {
  if (size == 0) return BNC_OK;
  if (bpe->header->model & BNC_BPE_IGNORE_MERGES) {
    int32_t whole = bnc_bpe_model_id(bpe, piece, size);
    if (whole >= 0) return bnc_ids_append(ids, &whole, 1, err);
  }
  bnc_status status = make_symbols(bpe, m, piece, size, err);
  if (status != BNC_OK) return status;
  void *heap = m->heap;
  status = reserve(&heap, &m->heap_capacity, 2 * m->symbol_count, sizeof *m->heap, err);
  m->heap = heap;
  if (status != BNC_OK) return status;
  merge_all(bpe, m);
  for (int32_t i = m->symbol_count ? 0 : -1; i >= 0 && status == BNC_OK; i = m->symbols[i].next) {
    int32_t id = (int32_t)m->symbols[i].id;
    status = bnc_ids_append(ids, &id, 1, err);
  }
  return status;
}

void bnc_bpe_merger_free(bnc_bpe_merger *merger) {
  bnc_mem_free(merger->symbols);
  bnc_mem_free(merger->heap);
  *merger = (bnc_bpe_merger){0};
}
