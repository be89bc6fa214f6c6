/* SPDX-License-Identifier: Apache-2.0 */
/* Text -> ids: added tokens, normalizers, added tokens again, pre-tokenizers, BPE. */
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/text/added_tokens.h"
#include "runtime/text/bpe_merge.h"
#include "runtime/text/byte_characters.h"
#include "runtime/text/utf8.h"

typedef struct encoder {
  const bnc_bpe *bpe;
  bnc_ids *ids;
  bnc_regex_matcher *matcher;
  bnc_bpe_merger merger;
  bnc_text normalized, prefixed, mapped;
  bool plain;
} encoder;

static bnc_status map_and_merge(encoder *e, const char *text, size_t size, bnc_error *err) {
  e->mapped.size = 0;
  bnc_status status = bnc_text_reserve(&e->mapped, 2 * size, err);
  if (status != BNC_OK) return status;
  for (size_t i = 0; i < size; i++) e->mapped.size += bnc_utf8_write(bnc_byte_character((uint8_t)text[i]), e->mapped.data + e->mapped.size);
  return bnc_bpe_merge(e->bpe, &e->merger, e->mapped.data, e->mapped.size, e->ids, err);
}

static bnc_status metaspace(encoder *e, const bnc_bpe_part *part, const char *text, size_t size, bool first, bnc_error *err) {
  bnc_text *out = &e->prefixed;
  bool starts = (size && text[0] == ' ') || (size >= part->a_size && memcmp(text, part->a, part->a_size) == 0);
  bool prepend = (part->arg & BNC_PREPEND_ALWAYS) || ((part->arg & BNC_PREPEND_FIRST) && first);
  size_t spaces = 0, total;
  for (size_t i = 0; i < size; i++) spaces += text[i] == ' ';
  if (!bnc_mul_size(spaces + 1, part->a_size, &total) || total > BNC_TEXT_LIMIT * 4)
    return bnc_fail(err, BNC_ERROR_LIMIT, "text grows beyond the limit in the tokenizer's Metaspace");
  out->size = 0;
  bnc_status status = bnc_text_reserve(out, size + total, err);
  if (status == BNC_OK && prepend && !starts) status = bnc_text_append(out, part->a, part->a_size, err);
  for (size_t i = 0; i < size && status == BNC_OK; i++)
    status = text[i] == ' ' ? bnc_text_append(out, part->a, part->a_size, err) : bnc_text_append(out, text + i, 1, err);
  if (status != BNC_OK) return status;
  if (!(part->arg & BNC_META_SPLIT)) return bnc_bpe_merge(e->bpe, &e->merger, out->data, out->size, e->ids, err);
  for (size_t from = 0; from < out->size && status == BNC_OK;) { /* each piece begins with the replacement */
    size_t skip = out->size - from >= part->a_size && memcmp(out->data + from, part->a, part->a_size) == 0 ? part->a_size : 0;
    const char *hit = memmem(out->data + from + skip, out->size - from - skip, part->a, part->a_size);
    size_t to = hit ? (size_t)(hit - out->data) : out->size;
    status = bnc_bpe_merge(e->bpe, &e->merger, out->data + from, to - from, e->ids, err);
    from = to;
  }
  return status;
}

static bnc_status pre_tokenize(encoder *e, size_t stage, const char *text, size_t size, bool first, bnc_error *err);

/* A text that is being split: what is held back until it is known whether the next stretch belongs to it. */
typedef struct splitting {
  encoder *e;
  size_t stage;
  const char *text;
  bool first;
  size_t from, to; /* held where to > from */
  bool held_match;
} splitting;

static bnc_status put_piece(const splitting *s, size_t from, size_t to, bnc_error *err) {
  if (from == to) return BNC_OK;
  if (s->e->bpe->parts[s->stage].kind == BNC_PRE_BYTE_LEVEL) return map_and_merge(s->e, s->text + from, to - from, err);
  return pre_tokenize(s->e, s->stage + 1, s->text + from, to - from, s->first && from == 0, err);
}

/* Whether a stretch goes into one piece with the one before it, which is held. */
static bool joins(const splitting *s, bnc_split_kind kind, bool match) {
  switch (kind) {
    case BNC_SPLIT_PREVIOUS: return match && !s->held_match;
    case BNC_SPLIT_NEXT: return !match && s->held_match;
    case BNC_SPLIT_CONTIGUOUS: return match == s->held_match;
    default: return false;
  }
}

/* The next stretch of the text: a match, or what lies between two. */
static bnc_status take_stretch(splitting *s, bnc_split_kind kind, size_t from, size_t to, bool match, bnc_error *err) {
  bnc_status status = BNC_OK;
  if (from == to) return status;
  if (s->from < s->to && joins(s, kind, match)) {
    s->to = to;
  } else {
    status = put_piece(s, s->from, s->to, err);
    s->from = match && kind == BNC_SPLIT_REMOVED ? to : from;
    s->to = to;
  }
  s->held_match = match;
  return status;
}

static bnc_status split(encoder *e, size_t stage, const char *text, size_t size, bool first, bnc_error *err) {
  const bnc_bpe_part *part = &e->bpe->parts[stage];
  const bnc_split_kind kind = part->kind == BNC_PRE_SPLIT ? (bnc_split_kind)(part->arg & ~BNC_SPLIT_INVERT) : BNC_SPLIT_ISOLATED;
  const bool match = part->kind != BNC_PRE_SPLIT || !(part->arg & BNC_SPLIT_INVERT);
  bnc_regex_scan scan = {.regex = part->regex, .matcher = e->matcher, .text = text, .size = size, .last_end = SIZE_MAX};
  splitting s = {.e = e, .stage = stage, .text = text, .first = first};
  bnc_status status = BNC_OK;
  size_t done = 0;
  for (bool found = true; found && status == BNC_OK;) {
    size_t from = size, to = size;
    status = bnc_regex_next(&scan, &found, &from, &to, err);
    if (!found) from = to = size;
    if (status == BNC_OK) status = take_stretch(&s, kind, done, from, !match, err);
    if (status == BNC_OK) status = take_stretch(&s, kind, from, to, match, err);
    done = to;
  }
  return status == BNC_OK ? put_piece(&s, s.from, s.to, err) : status;
}

static bnc_status pre_tokenize(encoder *e, size_t stage, const char *text, size_t size, bool first, bnc_error *err) {
  const bnc_bpe *bpe = e->bpe;
  if (stage >= bpe->part_count || bnc_bpe_stage_of(bpe->parts[stage].kind) == BNC_STAGE_DECODE)
    return bnc_bpe_merge(bpe, &e->merger, text, size, e->ids, err);
  const bnc_bpe_part *part = &bpe->parts[stage];
  if (part->kind == BNC_PRE_SPLIT) return split(e, stage, text, size, first, err);
  if (part->kind == BNC_PRE_METASPACE) return metaspace(e, part, text, size, first, err);
  if ((part->arg & BNC_PREFIX_SPACE) && size && text[0] != ' ') {
    e->prefixed.size = 0;
    bnc_status status = bnc_text_append(&e->prefixed, " ", 1, err);
    if (status == BNC_OK) status = bnc_text_append(&e->prefixed, text, size, err);
    if (status != BNC_OK) return status;
    text = e->prefixed.data;
    size = e->prefixed.size;
  }
  return (part->arg & BNC_USE_REGEX) ? split(e, stage, text, size, first, err) : map_and_merge(e, text, size, err);
}

static bnc_status encode_piece(encoder *e, const char *text, size_t size, bool first, bnc_error *err) {
  size_t stage = 0;
  if (bnc_bpe_normalizes(e->bpe)) {
    bnc_status status = bnc_bpe_normalize(e->bpe, text, size, &e->normalized, err);
    if (status != BNC_OK) return status;
    text = e->normalized.data;
    size = e->normalized.size;
    while (stage < e->bpe->part_count && bnc_bpe_stage_of(e->bpe->parts[stage].kind) == BNC_STAGE_NORMALIZE) stage++;
  }
  bnc_added_scan scan = bnc_added_begin(e->bpe, 1, text, size, e->plain);
  bnc_status status = BNC_OK;
  int32_t id;
  for (size_t from, to; status == BNC_OK && bnc_added_next(&scan, &id, &from, &to);)
    status = id >= 0 ? bnc_ids_append(e->ids, &id, 1, err) : pre_tokenize(e, stage, text + from, to - from, first && from == 0, err);
  return status;
}

static bnc_status encode(const bnc_bpe *bpe, const char *text, size_t size, bool add_bos, bool plain, bnc_ids *ids, bnc_error *err) {
  if (size > BNC_TEXT_LIMIT)
    return bnc_fail(err, BNC_ERROR_LIMIT, "text has %zu bytes, at most %zu are tokenized at a time", size, BNC_TEXT_LIMIT);
  size_t bad = bnc_utf8_check(text, size);
  if (bad < size) return bnc_fail(err, BNC_ERROR_FORMAT, "text is not UTF-8: byte 0x%02x at offset %zu", (unsigned)(uint8_t)text[bad], bad);
  encoder e = {.bpe = bpe, .ids = ids, .plain = plain};
  size_t before = ids->count;
  bnc_status status = bnc_regex_matcher_create(&e.matcher, size, err);
  for (uint32_t i = 0; i < bpe->header->prefix_count && add_bos && status == BNC_OK; i++) {
    int32_t id = (int32_t)bpe->header->prefix[i];
    status = bnc_ids_append(ids, &id, 1, err);
  }
  bnc_added_scan scan = bnc_added_begin(bpe, 0, text, size, plain);
  int32_t id;
  for (size_t from, to; status == BNC_OK && bnc_added_next(&scan, &id, &from, &to);)
    status = id >= 0 ? bnc_ids_append(ids, &id, 1, err) : encode_piece(&e, text + from, to - from, from == 0, err);
  if (status != BNC_OK) ids->count = before;
  bnc_regex_matcher_free(e.matcher);
  bnc_bpe_merger_free(&e.merger);
  bnc_text_free(&e.normalized);
  bnc_text_free(&e.prefixed);
  bnc_text_free(&e.mapped);
  return status;
}

bnc_status bnc_bpe_encode(const bnc_bpe *bpe, const char *text, size_t length, bool add_bos, bnc_ids *ids, bnc_error *err) {
  return encode(bpe, text, length, add_bos, false, ids, err);
}

bnc_status bnc_bpe_encode_plain(const bnc_bpe *bpe, const char *text, size_t length, bool add_bos, bnc_ids *ids, bnc_error *err) {
  return encode(bpe, text, length, add_bos, true, ids, err);
}
