/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/added_tokens.h"

#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/text/utf8.h"

static int by_content(const void *x, const void *y) {
  const bnc_added *a = x, *b = y;
  size_t common = a->size < b->size ? a->size : b->size;
  int order = memcmp(a->content, b->content, common);
  if (order) return order;
  if (a->size != b->size) return a->size < b->size ? -1 : 1;
  return a->id < b->id ? -1 : a->id > b->id;
}

static size_t count_added(const bnc_bpe *bpe, bool normalized) {
  size_t count = 0;
  for (uint32_t id = 0; id < bpe->header->id_count; id++)
    count += (bpe->flags[id] & BNC_TOKEN_ADDED) && ((bpe->flags[id] & BNC_TOKEN_NORMALIZED) != 0) == normalized;
  return count;
}

static bnc_status build_set(bnc_bpe *bpe, bool normalized, bnc_error *err) {
  bnc_added_set *set = &bpe->added[normalized];
  size_t count = count_added(bpe, normalized);
  if (!count) return BNC_OK;
  set->tokens = bnc_mem_array(count, sizeof *set->tokens);
  if (!set->tokens) return bnc_fail_memory(err, count * sizeof *set->tokens);
  bnc_text content = {0};
  bnc_status status = BNC_OK;
  for (uint32_t id = 0; id < bpe->header->id_count && status == BNC_OK; id++) {
    if (!(bpe->flags[id] & BNC_TOKEN_ADDED) || ((bpe->flags[id] & BNC_TOKEN_NORMALIZED) != 0) != normalized) continue;
    size_t size;
    const char *text = bnc_bpe_content(bpe, (int32_t)id, &size);
    if (size > BNC_ADDED_LENGTH)
      status = bnc_fail(err, BNC_ERROR_LIMIT, "added token %u has %zu bytes, at most %u are read", id, size, BNC_ADDED_LENGTH);
    if (status == BNC_OK && normalized) {
      status = bnc_bpe_normalize(bpe, text, size, &content, err);
      if (status == BNC_OK && content.size > BNC_ADDED_LENGTH)
        status = bnc_fail(err, BNC_ERROR_LIMIT, "added token %u has %zu bytes when normalised, at most %u are read", id, content.size,
                          BNC_ADDED_LENGTH);
      /* Offsets for now: the block may still move. */
      text = NULL;
      size = content.size;
      if (status == BNC_OK) status = bnc_text_append(&bpe->added_text, content.data, content.size, err);
    }
    if (status == BNC_OK && size) set->tokens[set->count++] = (bnc_added){text, (uint32_t)size, id};
  }
  bnc_text_free(&content);
  if (status != BNC_OK) return status;
  size_t offset = 0;
  for (size_t i = 0; i < set->count; i++) {
    bnc_added *token = &set->tokens[i];
    if (normalized) token->content = bpe->added_text.data + offset;
    offset += token->size;
    set->begins[(uint8_t)token->content[0]] = true;
  }
  if (set->count) qsort(set->tokens, set->count, sizeof *set->tokens, by_content);
  return BNC_OK;
}

bnc_status bnc_added_build(bnc_bpe *bpe, bnc_error *err) {
  bnc_status status = build_set(bpe, false, err);
  return status == BNC_OK ? build_set(bpe, true, err) : status;
}

/* The first token of the sorted range whose byte at `depth` is not below `byte`. */
static size_t lower_bound(const bnc_added_set *set, size_t low, size_t high, size_t depth, unsigned byte) {
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if ((uint8_t)set->tokens[middle].content[depth] < byte)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Longest token of the set that text begins with, or NULL. Narrows the range of tokens that share the bytes read so far. */
static const bnc_added *longest(const bnc_added_set *set, const char *text, size_t size) {
  size_t low = 0, high = set->count;
  const bnc_added *best = NULL;
  for (size_t depth = 0; low < high; depth++) {
    if (set->tokens[low].size == depth) { /* sorted: the one that ends here is the first of the range, equal ones follow */
      best = &set->tokens[low];
      while (low < high && set->tokens[low].size == depth) low++;
    }
    if (depth >= size) break;
    uint8_t byte = (uint8_t)text[depth];
    low = lower_bound(set, low, high, depth, byte);
    high = lower_bound(set, low, high, depth, byte + 1u);
  }
  return best;
}

bnc_added_scan bnc_added_begin(const bnc_bpe *bpe, int set, const char *text, size_t size, bool plain) {
  return (bnc_added_scan){.bpe = bpe, .set = &bpe->added[set], .text = text, .size = size, .plain = plain, .pending = -1};
}

/* Unicode's White_Space: small and stable. */
static bool is_white_space(uint32_t c) {
  return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/* Start of the white space that text[0 .. end) ends with. */
static size_t spaces_before(const char *text, size_t end) {
  while (end > 0) {
    size_t at = end - 1;
    while (at > 0 && ((uint8_t)text[at] & 0xC0) == 0x80) at--;
    if (!is_white_space(bnc_utf8_code(text + at, (int)(end - at)))) break;
    end = at;
  }
  return end;
}

static size_t spaces_behind(const char *text, size_t at, size_t size) {
  while (at < size) {
    int length = bnc_utf8_next(text + at, size - at);
    if (length <= 0 || !is_white_space(bnc_utf8_code(text + at, length))) break;
    at += (size_t)length;
  }
  return at;
}

bool bnc_added_next(bnc_added_scan *scan, int32_t *id, size_t *from, size_t *to) {
  if (scan->pending >= 0) {
    *id = scan->pending;
    *from = scan->done;
    *to = scan->done = scan->pending_end;
    scan->pending = -1;
    return true;
  }
  while (scan->set->count && scan->at < scan->size) {
    const bnc_added *token =
        scan->set->begins[(uint8_t)scan->text[scan->at]] ? longest(scan->set, scan->text + scan->at, scan->size - scan->at) : NULL;
    if (!token) {
      scan->at++;
      continue;
    }
    size_t start = scan->at, end = start + token->size;
    uint8_t flags = scan->bpe->flags[token->id];
    scan->at = end;
    if (scan->plain && (flags & BNC_TOKEN_SPECIAL)) continue;
    if (flags & BNC_TOKEN_LSTRIP) start = spaces_before(scan->text, start);
    if (flags & BNC_TOKEN_RSTRIP) end = spaces_behind(scan->text, end, scan->size);
    if (start < scan->done) start = scan->done; /* the last token took the spaces between them */
    if (end < start) end = start;
    if (start > scan->done) {
      *id = -1;
      *from = scan->done;
      *to = scan->done = start;
      scan->pending = (int32_t)token->id;
      scan->pending_end = end;
      return true;
    }
    *id = (int32_t)token->id;
    *from = start;
    *to = scan->done = end;
    return true;
  }
  if (scan->done >= scan->size) return false;
  *id = -1;
  *from = scan->done;
  *to = scan->done = scan->size;
  return true;
}
