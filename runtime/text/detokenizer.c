/* SPDX-License-Identifier: Apache-2.0 */
/* Ids -> text. The whole decode is the stream's pieces joined, so that the two cannot differ. */
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/text/bpe.h"
#include "runtime/text/byte_characters.h"
#include "runtime/text/utf8.h"

/* The library turns a run of byte tokens into U+FFFD as a whole when any part of it is not UTF-8, so a run is held until it
 * ends or goes wrong. Only of a run longer than this are complete characters given before. */
#define RUN_LIMIT 1024u
#define BUFFER_LIMIT ((size_t)64 << 20)

struct bnc_detokenizer {
  const bnc_bpe *bpe;
  const bnc_bpe_part *parts; /* the decoders; [part_count] */
  size_t part_count, tokens, held_size, strip_left;
  bool skip_special, byte_fallback, run_is_bad;
  const bnc_bpe_part *strip;
  char *out, *scratch[2]; /* [out_capacity], [scratch_capacity] each */
  size_t out_size, out_capacity, scratch_capacity;
  char held[RUN_LIMIT];
};

static void reset(bnc_detokenizer *d) {
  d->tokens = d->held_size = 0;
  d->run_is_bad = false;
  d->strip_left = d->strip ? d->strip->arg : 0;
}

static bnc_status allocate(bnc_detokenizer *d, bnc_error *err) {
  size_t token = d->bpe->longest_token;
  for (size_t i = 0; i < d->part_count && token <= BUFFER_LIMIT; i++)
    if (d->parts[i].kind == BNC_DEC_REPLACE && d->parts[i].b_size > d->parts[i].a_size)
      token = (token / d->parts[i].a_size + 1) * d->parts[i].b_size + token;
  if (token > BUFFER_LIMIT)
    return bnc_fail(err, BNC_ERROR_LIMIT, "tokenizer: the text of one token may have more than %zu bytes", BUFFER_LIMIT);
  /* Each byte may become a U+FFFD of three. */
  d->scratch_capacity = token + 4;
  d->out_capacity = 3 * (token + 8) + 3 * (RUN_LIMIT + 8);
  d->out = bnc_mem_alloc(d->out_capacity);
  for (int i = 0; i < 2; i++) d->scratch[i] = bnc_mem_alloc(d->scratch_capacity);
  return d->out && d->scratch[0] && d->scratch[1] ? BNC_OK : bnc_fail_memory(err, d->out_capacity + 2 * d->scratch_capacity);
}

bnc_status bnc_detokenizer_create(bnc_detokenizer **detokenizer, const bnc_bpe *bpe, bool skip_special, bnc_error *err) {
  bnc_detokenizer *d = *detokenizer = bnc_mem_zalloc(sizeof *d);
  if (!d) return bnc_fail_memory(err, sizeof *d);
  d->bpe = bpe;
  d->skip_special = skip_special;
  size_t first = 0;
  while (first < bpe->part_count && bnc_bpe_stage_of(bpe->parts[first].kind) != BNC_STAGE_DECODE) first++;
  d->parts = bpe->parts + first;
  d->part_count = bpe->part_count - first;
  for (size_t i = 0; i < d->part_count; i++) {
    if (d->parts[i].kind == BNC_DEC_BYTE_FALLBACK) d->byte_fallback = true;
    if (d->parts[i].kind == BNC_DEC_STRIP) d->strip = &d->parts[i];
  }
  reset(d);
  bnc_status status = allocate(d, err);
  if (status != BNC_OK) {
    bnc_detokenizer_free(d);
    *detokenizer = NULL;
  }
  return status;
}

void bnc_detokenizer_free(bnc_detokenizer *d) {
  if (!d) return;
  bnc_mem_free(d->out);
  bnc_mem_free(d->scratch[0]);
  bnc_mem_free(d->scratch[1]);
  bnc_mem_free(d);
}

/* Appends to the output, past the Strip decoder. */
static void emit(bnc_detokenizer *d, const char *text, size_t size) {
  while (d->strip_left > 0 && size > 0) {
    if (size < d->strip->a_size || memcmp(text, d->strip->a, d->strip->a_size) != 0) {
      d->strip_left = 0;
      break;
    }
    d->strip_left--;
    text += d->strip->a_size;
    size -= d->strip->a_size;
  }
  if (size > d->out_capacity - d->out_size) return; /* cannot be: the capacity is that of the worst case */
  if (size) memcpy(d->out + d->out_size, text, size);
  d->out_size += size;
}

static void emit_replacements(bnc_detokenizer *d, size_t count) {
  while (count--) emit(d, BNC_UTF8_REPLACEMENT, 3);
}

/* Complete characters of the held bytes go out, U+FFFD for each ill-formed part, the unfinished tail stays. */
static void give_characters(bnc_detokenizer *d) {
  size_t at = 0;
  while (at < d->held_size) {
    int length = bnc_utf8_next(d->held + at, d->held_size - at);
    if (length == 0) break;
    if (length > 0)
      emit(d, d->held + at, (size_t)length);
    else
      emit_replacements(d, 1);
    at += (size_t)(length > 0 ? length : -length);
  }
  memmove(d->held, d->held + at, d->held_size - at);
  d->held_size -= at;
}

/* ByteLevel: every character stands for a byte; a token with any other character is taken as it is. */
static bool stands_for_bytes(const char *text, size_t size) {
  for (size_t at = 0; at < size;) {
    const int length = bnc_utf8_next(text + at, size - at);
    if (length <= 0 || bnc_character_byte(bnc_utf8_code(text + at, length)) < 0) return false;
    at += (size_t)length;
  }
  return true;
}

/* The byte at *at of a token's content, which *at is moved past. */
static char next_byte(const char *text, size_t size, bool mapped, size_t *at) {
  const int length = mapped ? bnc_utf8_next(text + *at, size - *at) : 1;
  const char byte = mapped ? (char)bnc_character_byte(bnc_utf8_code(text + *at, length)) : text[*at];
  *at += (size_t)length;
  return byte;
}

static void push_byte_level(bnc_detokenizer *d, const char *text, size_t size) {
  const bool mapped = stands_for_bytes(text, size);
  for (size_t at = 0; at < size;) {
    d->held[d->held_size++] = next_byte(text, size, mapped, &at);
    if (d->held_size == RUN_LIMIT) give_characters(d);
  }
  give_characters(d);
}

static void push_byte(bnc_detokenizer *d, uint8_t byte) {
  if (d->run_is_bad) {
    emit_replacements(d, 1);
    return;
  }
  d->held[d->held_size++] = (char)byte;
  /* The run was well-formed so far: look at its last, perhaps unfinished, character only. */
  size_t start = d->held_size - 1;
  while (start > 0 && d->held_size - start < 4 && ((uint8_t)d->held[start] & 0xC0) == 0x80) start--;
  if (bnc_utf8_next(d->held + start, d->held_size - start) < 0 ||
      (start + 1 < d->held_size && bnc_utf8_next(d->held + start, d->held_size - start) > 0 &&
       (size_t)bnc_utf8_next(d->held + start, d->held_size - start) != d->held_size - start)) {
    d->run_is_bad = true;
    emit_replacements(d, d->held_size);
    d->held_size = 0;
  } else if (d->held_size == RUN_LIMIT) {
    give_characters(d);
  }
}

static void end_run(bnc_detokenizer *d) {
  if (d->held_size && bnc_utf8_check(d->held, d->held_size) == d->held_size)
    emit(d, d->held, d->held_size);
  else
    emit_replacements(d, d->held_size);
  d->held_size = 0;
  d->run_is_bad = false;
}

static int hex(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte of a token <0x..>, or -1. "+A" is a number to the library's parser, too. */
static int byte_of(const char *text, size_t size) {
  if (size != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') return -1;
  int high = text[3] == '+' ? 0 : hex(text[3]), low = hex(text[4]);
  return high < 0 || low < 0 ? -1 : 16 * high + low;
}

static size_t replace(const bnc_bpe_part *part, const char *text, size_t size, char *out) {
  size_t made = 0;
  for (const char *at = text, *end = text + size; at < end;) {
    const char *hit = memmem(at, (size_t)(end - at), part->a, part->a_size);
    size_t plain = (size_t)((hit ? hit : end) - at);
    memcpy(out + made, at, plain);
    made += plain;
    if (!hit) break;
    if (part->b_size) memcpy(out + made, part->b, part->b_size);
    made += part->b_size;
    at = hit + part->a_size;
  }
  return made;
}

/* A token's text where the decoder is Metaspace. spaces: the replacement stands for them, not for nothing. */
static size_t metaspace_text(const bnc_detokenizer *d, const char *text, size_t size, bool spaces, char *out) {
  const bnc_bpe_part *part = d->parts;
  size_t made = 0;
  for (size_t at = 0; at < size;) {
    if (size - at >= part->a_size && memcmp(text + at, part->a, part->a_size) == 0) {
      if (spaces) out[made++] = ' ';
      at += part->a_size;
    } else {
      out[made++] = text[at++];
    }
  }
  return made;
}

static void push_metaspace(bnc_detokenizer *d, const char *text, size_t size) {
  const size_t made = metaspace_text(d, text, size, !(d->parts->arg && d->tokens == 0), d->scratch[0]);
  emit(d, d->scratch[0], made);
}

/* The token's text behind the Replace decoders. */
static const char *replaced(bnc_detokenizer *d, const char *text, size_t *size) {
  for (size_t i = 0; i < d->part_count && d->parts[i].kind == BNC_DEC_REPLACE; i++) {
    *size = replace(&d->parts[i], text, *size, d->scratch[i & 1]);
    text = d->scratch[i & 1];
  }
  return text;
}

static void push_sequence(bnc_detokenizer *d, const char *text, size_t size) {
  text = replaced(d, text, &size);
  int byte = d->byte_fallback ? byte_of(text, size) : -1;
  if (byte >= 0) {
    push_byte(d, (uint8_t)byte);
    return;
  }
  end_run(d);
  emit(d, text, size);
}

bnc_status bnc_detokenizer_push(bnc_detokenizer *d, int32_t id, const char **text, size_t *length, bnc_error *err) {
  d->out_size = *length = 0;
  *text = d->out;
  if (id < 0) return bnc_fail(err, BNC_ERROR_ARGUMENT, "id %d cannot be decoded, expected 0 or more", (int)id);
  size_t size;
  const char *content = bnc_bpe_content(d->bpe, id, &size);
  if (!content || (d->skip_special && bnc_bpe_is_special(d->bpe, id))) return BNC_OK;
  bnc_bpe_kind kind = d->part_count ? d->parts[0].kind : BNC_PART_END;
  if (kind == BNC_PART_END) { /* without a decoder the library joins the tokens with spaces */
    if (d->tokens) emit(d, " ", 1);
    emit(d, content, size);
  } else if (kind == BNC_DEC_BYTE_LEVEL) {
    push_byte_level(d, content, size);
  } else if (kind == BNC_DEC_METASPACE) {
    push_metaspace(d, content, size);
  } else {
    push_sequence(d, content, size);
  }
  d->tokens = 1;
  *length = d->out_size;
  return BNC_OK;
}

bnc_status bnc_detokenizer_bytes(bnc_detokenizer *d, int32_t id, const char **bytes, size_t *size, bnc_error *err) {
  *bytes = d->out;
  *size = 0;
  size_t length = 0;
  const char *content = bnc_bpe_content(d->bpe, id, &length);
  if (!d->part_count) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "the tokenizer has no decoder, so that a token has no text of its own");
  if (!content || (d->skip_special && bnc_bpe_is_special(d->bpe, id))) return BNC_OK;
  if (d->parts->kind == BNC_DEC_BYTE_LEVEL) {
    const bool mapped = stands_for_bytes(content, length);
    for (size_t at = 0; at < length;) d->out[(*size)++] = next_byte(content, length, mapped, &at);
    return BNC_OK;
  }
  if (d->parts->kind == BNC_DEC_METASPACE) {
    *size = metaspace_text(d, content, length, true, d->out);
    return BNC_OK;
  }
  *bytes = replaced(d, content, &length);
  *size = length;
  const int byte = d->byte_fallback ? byte_of(*bytes, length) : -1;
  if (byte < 0) return BNC_OK;
  d->scratch[0][0] = (char)byte;
  *bytes = d->scratch[0];
  *size = 1;
  return BNC_OK;
}

void bnc_detokenizer_finish(bnc_detokenizer *d, const char **text, size_t *length) {
  d->out_size = 0;
  if (d->byte_fallback)
    end_run(d);
  else if (d->held_size)
    emit_replacements(d, 1); /* one unfinished character is all that ByteLevel holds */
  *text = d->out;
  *length = d->out_size;
  reset(d);
}

bnc_status bnc_bpe_decode(const bnc_bpe *bpe, const int32_t *ids, size_t count, bool skip_special, char **text, size_t *length,
                          bnc_error *err) {
  *text = NULL;
  *length = 0;
  bnc_detokenizer *d;
  bnc_status status = bnc_detokenizer_create(&d, bpe, skip_special, err);
  if (status != BNC_OK) return status;
  bnc_text whole = {0};
  const char *piece;
  size_t size;
  for (size_t i = 0; i < count && status == BNC_OK; i++) {
    status = bnc_detokenizer_push(d, ids[i], &piece, &size, err);
    if (status == BNC_OK) status = bnc_text_append(&whole, piece, size, err);
  }
  if (status == BNC_OK) {
    bnc_detokenizer_finish(d, &piece, &size);
    status = bnc_text_append(&whole, piece, size, err);
  }
  if (status == BNC_OK) status = bnc_text_append(&whole, "", 1, err);
  bnc_detokenizer_free(d);
  if (status != BNC_OK) {
    bnc_text_free(&whole);
    return status;
  }
  *text = whole.data;
  *length = whole.size - 1;
  return BNC_OK;
}
