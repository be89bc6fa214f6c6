/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and saves the form of bpe.h. What is read here may be hostile: nothing is used before its bounds are known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/text/added_tokens.h"
#include "runtime/text/bpe.h"
#include "runtime/text/utf8.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the saved form is used in place");

/* What GPT-2 and ByteLevel's use_regex split by. */
static const char gpt2_pattern[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static bnc_status damaged(bnc_error *err, const char *what) { return bnc_fail(err, BNC_ERROR_FORMAT, "saved tokenizer: %s", what); }

static bool power_of_two(uint32_t n) { return n && !(n & (n - 1)); }

static const uint8_t *take(const uint8_t **at, size_t *left, uint64_t size) {
  if (size > *left) return NULL;
  const uint8_t *here = *at;
  *at += size;
  *left -= (size_t)size;
  return here;
}

static bnc_status check_slots(const uint32_t *slots, uint32_t count, uint32_t entries, const char *what, bnc_error *err) {
  uint32_t used = 0, highest = 0;
  for (uint32_t i = 0; i < count; i++) { /* without branches: this is most of what loading does */
    highest = slots[i] > highest ? slots[i] : highest;
    used += slots[i] != 0;
  }
  return used < count && highest <= entries ? BNC_OK : damaged(err, what);
}

static bnc_status check_tokens(bnc_bpe *bpe, bnc_error *err) {
  const bnc_bpe_header *h = bpe->header;
  if (bpe->text_offsets[0] != 0 || bpe->text_offsets[h->id_count] != h->text_bytes) return damaged(err, "token offsets are wrong");
  for (uint32_t id = 0; id < h->id_count; id++) {
    uint32_t from = bpe->text_offsets[id], to = bpe->text_offsets[id + 1];
    if (from > to || to > h->text_bytes) return damaged(err, "token offsets are wrong");
    size_t size = to - from;
    if (size > bpe->longest_token) bpe->longest_token = size;
    /* The text as a whole is well-formed: so is each token, unless it begins inside a character. */
    if (size && ((uint8_t)bpe->text[from] & 0xC0) == 0x80) return damaged(err, "a token is not UTF-8");
  }
  if (bnc_utf8_check(bpe->text, h->text_bytes) != h->text_bytes) return damaged(err, "a token is not UTF-8");
  bnc_status status = check_slots(bpe->token_slots, h->token_slots, h->id_count, "the token table is wrong", err);
  if (status == BNC_OK) status = check_slots(bpe->merge_slots, h->merge_slots, h->merge_count, "the merge table is wrong", err);
  uint32_t highest = 0;
  for (size_t i = 0; i < (size_t)h->merge_count * 3; i++) highest = bpe->merges[i] > highest ? bpe->merges[i] : highest;
  if (status == BNC_OK && h->merge_count && highest >= h->id_count) status = damaged(err, "a merge names an id that does not exist");
  return status;
}

static bool part_text_ok(const bnc_bpe_part *part) {
  bool a = part->a_size > 0, b = part->b_size > 0;
  switch (part->kind) {
    case BNC_NORM_PREPEND: return !b;
    case BNC_NORM_REPLACE:
    case BNC_DEC_REPLACE: return a;
    case BNC_PRE_SPLIT: return a && !b && (part->arg & ~BNC_SPLIT_INVERT) <= BNC_SPLIT_CONTIGUOUS;
    case BNC_PRE_BYTE_LEVEL: return !a && !b && part->arg <= 3;
    case BNC_PRE_METASPACE: return a && !b && part->arg <= 7;
    case BNC_DEC_STRIP:
    case BNC_DEC_METASPACE: return a && !b && bnc_utf8_next(part->a, part->a_size) == (int)part->a_size;
    case BNC_DEC_BYTE_LEVEL:
    case BNC_DEC_BYTE_FALLBACK:
    case BNC_DEC_FUSE:
    case BNC_NORM_NFC: return !a && !b;
    default: return false;
  }
}

static bnc_status load_parts(bnc_bpe *bpe, const uint8_t *at, size_t left, bnc_error *err) {
  bnc_bpe_kind last = 0;
  for (uint32_t i = 0; i < bpe->header->part_count; i++) {
    bnc_bpe_part *part = &bpe->parts[i];
    uint32_t head[4];
    const uint8_t *from = take(&at, &left, sizeof head);
    if (!from) return damaged(err, "a component is cut off");
    memcpy(head, from, sizeof head);
    if (head[0] == 0 || head[0] >= BNC_PART_END) return damaged(err, "a component is unknown");
    part->kind = (bnc_bpe_kind)head[0];
    part->arg = head[1];
    part->a_size = head[2];
    part->b_size = head[3];
    uint64_t size = (uint64_t)part->a_size + part->b_size;
    part->a = (const char *)take(&at, &left, (size + 3) / 4 * 4);
    if (!part->a) return damaged(err, "a component is cut off");
    part->b = part->a + part->a_size;
    if (part->kind != BNC_PRE_SPLIT && (part->a_size > BNC_PART_TEXT || part->b_size > BNC_PART_TEXT))
      return damaged(err, "a component's text is too long");
    if (bnc_utf8_check(part->a, part->a_size) != part->a_size || bnc_utf8_check(part->b, part->b_size) != part->b_size ||
        !part_text_ok(part))
      return damaged(err, "a component is wrong");
    /* Normalizers, then pre-tokenizers, then decoders: encoding and decoding walk the list once. */
    if (i > 0 && (bnc_bpe_stage_of(part->kind) < bnc_bpe_stage_of(last) ||
                  ((last == BNC_PRE_BYTE_LEVEL || last == BNC_PRE_METASPACE) && bnc_bpe_stage_of(part->kind) == BNC_STAGE_SPLIT)))
      return damaged(err, "the components' order is wrong");
    last = part->kind;
    bpe->part_count = i + 1;
    bnc_status status = BNC_OK;
    if (part->kind == BNC_PRE_SPLIT) status = bnc_regex_compile(&part->regex, part->a, part->a_size, err);
    if (part->kind == BNC_PRE_BYTE_LEVEL && (part->arg & BNC_USE_REGEX))
      status = bnc_regex_compile(&part->regex, gpt2_pattern, sizeof gpt2_pattern - 1, err);
    if (status != BNC_OK) return status;
  }
  return left == 0 ? BNC_OK : damaged(err, "there are bytes behind its end");
}

static void fill_short_ids(bnc_bpe *bpe) {
  char text[8];
  for (uint32_t code = 0; code < BNC_BPE_SHORT; code++) bpe->short_ids[code] = bnc_bpe_model_id(bpe, text, bnc_utf8_write(code, text));
  for (unsigned byte = 0; byte < 256; byte++) {
    snprintf(text, sizeof text, "<0x%02X>", byte);
    bpe->byte_ids[byte] = bnc_bpe_model_id(bpe, text, 6);
  }
}

static bnc_status load(bnc_bpe *bpe, const uint8_t *blob, size_t size, bnc_error *err) {
  size_t left = size;
  const uint8_t *at = blob;
  const bnc_bpe_header *h = (const void *)take(&at, &left, sizeof *h);
  if (!h) return damaged(err, "the header is cut off");
  if (h->magic != BNC_BPE_MAGIC) return damaged(err, "it does not begin with its mark");
  if (h->version != BNC_BPE_VERSION)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "saved tokenizer: found version %u, expected %u", h->version, BNC_BPE_VERSION);
  if (h->total_size != size) return bnc_fail(err, BNC_ERROR_FORMAT, "saved tokenizer: found %zu bytes, expected %u", size, h->total_size);
  if (h->id_count > BNC_VOCABULARY_LIMIT || h->merge_count > BNC_VOCABULARY_LIMIT || !power_of_two(h->token_slots) ||
      !power_of_two(h->merge_slots) || h->part_count > BNC_BPE_PARTS || h->model > 7 || h->prefix_count > BNC_BPE_PREFIX ||
      (h->unk != BNC_BPE_NONE && h->unk >= h->id_count))
    return damaged(err, "the header is wrong");
  for (uint32_t i = 0; i < h->prefix_count; i++)
    if (h->prefix[i] >= h->id_count) return damaged(err, "the header is wrong");
  bpe->header = h;
  const void *sections[6];
  const uint64_t sizes[6] = {((uint64_t)h->id_count + 1) * 4, (uint64_t)h->token_slots * 4,        (uint64_t)h->merge_count * 12,
                             (uint64_t)h->merge_slots * 4,    ((uint64_t)h->id_count + 3) / 4 * 4, ((uint64_t)h->text_bytes + 3) / 4 * 4};
  for (int i = 0; i < 6; i++)
    if (!(sections[i] = take(&at, &left, sizes[i]))) return damaged(err, "a section is cut off");
  bpe->text_offsets = sections[0];
  bpe->token_slots = sections[1];
  bpe->merges = sections[2];
  bpe->merge_slots = sections[3];
  bpe->flags = sections[4];
  bpe->text = sections[5];
  bnc_status status = check_tokens(bpe, err);
  if (status == BNC_OK) status = load_parts(bpe, at, left, err);
  if (status != BNC_OK) return status;
  fill_short_ids(bpe);
  return bnc_added_build(bpe, err);
}

bnc_status bnc_bpe_load(bnc_bpe **bpe, const uint8_t *blob, size_t size, bnc_error *err) {
  *bpe = NULL;
  if ((uintptr_t)blob % 4) return bnc_fail(err, BNC_ERROR_ARGUMENT, "saved tokenizer: its address must be a multiple of 4");
  bnc_bpe *made = bnc_mem_zalloc(sizeof *made);
  if (!made) return bnc_fail_memory(err, sizeof *made);
  bnc_status status = load(made, blob, size, err);
  if (status == BNC_OK)
    *bpe = made;
  else
    bnc_bpe_free(made);
  return status;
}

bnc_status bnc_bpe_save(const bnc_bpe *bpe, uint8_t **blob, size_t *size, bnc_error *err) {
  *size = bpe->header->total_size;
  *blob = bnc_mem_alloc(*size);
  if (!*blob) return bnc_fail_memory(err, *size);
  memcpy(*blob, bpe->header, *size);
  return BNC_OK;
}

void bnc_bpe_free(bnc_bpe *bpe) {
  if (!bpe) return;
  for (size_t i = 0; i < bpe->part_count; i++) bnc_regex_free(bpe->parts[i].regex);
  for (int i = 0; i < 2; i++) bnc_mem_free(bpe->added[i].tokens);
  bnc_text_free(&bpe->added_text);
  bnc_mem_free(bpe->owned);
  bnc_mem_free(bpe);
}
