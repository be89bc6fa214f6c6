/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/bpe_builder.h"

#include <string.h>

#include "platforms/base/mem.h"

static uint32_t slots_for(size_t entries) {
  uint32_t slots = 2;
  while (slots < entries + entries / 2) slots *= 2;
  return slots;
}

/* Looks content up; BNC_BPE_NONE and the empty slot where it is not there. */
static bnc_status find_slot(const bnc_bpe_builder *b, const char *content, size_t size, uint32_t *id, uint32_t *slot, bnc_error *err) {
  uint32_t mask = b->header.token_slots - 1;
  *slot = bnc_bpe_hash_text(content, size) & mask;
  *id = BNC_BPE_NONE;
  for (uint32_t probe = 0; b->token_slots[*slot]; probe++, *slot = (*slot + 1) & mask) {
    uint32_t there = b->token_slots[*slot] - 1;
    if (probe + 1 >= BNC_BPE_PROBES) return bnc_fail(err, BNC_ERROR_LIMIT, "vocabulary: too many tokens fall together in the table");
    if (b->size[there] == size && memcmp(b->content[there], content, size) == 0) {
      *id = there;
      return BNC_OK;
    }
  }
  return BNC_OK;
}

bnc_status bnc_bpe_builder_create(bnc_bpe_builder *b, uint32_t id_count, size_t tokens, bnc_error *err) {
  b->header.unk = BNC_BPE_NONE;
  b->header.id_count = id_count;
  b->header.token_slots = slots_for(tokens);
  b->content = bnc_mem_array(id_count, sizeof *b->content);
  b->size = bnc_mem_array(id_count, sizeof *b->size);
  b->flags = bnc_mem_array(id_count, 1);
  b->token_slots = bnc_mem_array(b->header.token_slots, 4);
  if (b->content && b->size && b->flags && b->token_slots) return BNC_OK;
  return bnc_fail_memory(err, (unsigned long long)id_count * 16);
}

void bnc_bpe_builder_free(bnc_bpe_builder *b) {
  bnc_mem_free(b->content);
  bnc_mem_free(b->size);
  bnc_mem_free(b->flags);
  bnc_mem_free(b->token_slots);
  bnc_mem_free(b->merge_slots);
  bnc_mem_free(b->merge_items);
  bnc_text_free(&b->joined);
}

bnc_status bnc_bpe_builder_add(bnc_bpe_builder *b, const char *content, size_t size, uint32_t id, uint8_t flags, bnc_error *err) {
  uint32_t known, slot;
  bnc_status status = find_slot(b, content, size, &known, &slot, err);
  if (status != BNC_OK) return status;
  if (known != BNC_BPE_NONE && (known != id || !(flags & BNC_TOKEN_ADDED) || (b->flags[id] & BNC_TOKEN_ADDED)))
    return bnc_fail(err, BNC_ERROR_FORMAT, "token '%.100s' is there twice, with ids %u and %u", content, known, id);
  if (known == BNC_BPE_NONE && b->flags[id])
    return bnc_fail(err, BNC_ERROR_FORMAT, "id %u belongs to two tokens: '%.100s' and '%.100s'", id, b->content[id], content);
  if (size > UINT32_MAX - b->header.text_bytes || b->header.text_bytes + size > ((size_t)1 << 28))
    return bnc_fail(err, BNC_ERROR_LIMIT, "vocabulary: the tokens' text is too long");
  b->flags[id] |= flags;
  if (known != BNC_BPE_NONE) return BNC_OK;
  b->content[id] = content;
  b->size[id] = (uint32_t)size;
  b->token_slots[slot] = id + 1;
  b->header.text_bytes += (uint32_t)size;
  return BNC_OK;
}

bnc_status bnc_bpe_builder_find(const bnc_bpe_builder *b, const char *content, size_t size, uint32_t *id, bnc_error *err) {
  uint32_t slot;
  bnc_status status = find_slot(b, content, size, id, &slot, err);
  if (status == BNC_OK && *id != BNC_BPE_NONE && !(b->flags[*id] & BNC_TOKEN_VOCAB)) *id = BNC_BPE_NONE;
  return status;
}

bnc_status bnc_bpe_builder_need(const bnc_bpe_builder *b, const char *content, size_t size, uint32_t *id, const char *what,
                                bnc_error *err) {
  bnc_status status = bnc_bpe_builder_find(b, content, size, id, err);
  if (status == BNC_OK && *id == BNC_BPE_NONE)
    status = bnc_fail(err, BNC_ERROR_FORMAT, "%s '%.*s' is not in the vocabulary", what, (int)(size < 100 ? size : 100), content);
  return status;
}

bnc_status bnc_bpe_builder_reserve(bnc_bpe_builder *b, size_t merges, bnc_error *err) {
  if (merges > BNC_VOCABULARY_LIMIT)
    return bnc_fail(err, BNC_ERROR_LIMIT, "model: found %zu merges, at most %zu are read", merges, BNC_VOCABULARY_LIMIT);
  b->header.merge_count = (uint32_t)merges;
  b->header.merge_slots = slots_for(merges);
  b->merge_slots = bnc_mem_array(b->header.merge_slots, 4);
  b->merge_items = bnc_mem_array(merges, 12);
  return b->merge_slots && b->merge_items ? BNC_OK : bnc_fail_memory(err, merges * 20);
}

bnc_status bnc_bpe_builder_merge(bnc_bpe_builder *b, size_t index, const char *left, size_t left_size, const char *right, size_t right_size,
                                 bnc_error *err) {
  uint32_t ids[3];
  b->joined.size = 0;
  bnc_status status = bnc_bpe_builder_need(b, left, left_size, &ids[0], "merge: token", err);
  if (status == BNC_OK) status = bnc_text_append(&b->joined, left, left_size, err);
  if (status == BNC_OK) status = bnc_bpe_builder_need(b, right, right_size, &ids[1], "merge: token", err);
  if (status == BNC_OK) status = bnc_text_append(&b->joined, right, right_size, err);
  if (status == BNC_OK) status = bnc_bpe_builder_need(b, b->joined.data, b->joined.size, &ids[2], "merge: joined token", err);
  if (status != BNC_OK) return status;
  memcpy(b->merge_items + 3 * index, ids, sizeof ids);
  uint32_t mask = b->header.merge_slots - 1, slot = bnc_bpe_hash_pair(ids[0], ids[1]) & mask;
  for (uint32_t probe = 0; b->merge_slots[slot]; probe++, slot = (slot + 1) & mask) {
    const uint32_t *there = b->merge_items + 3 * (size_t)(b->merge_slots[slot] - 1);
    if (there[0] == ids[0] && there[1] == ids[1]) break;
    if (probe + 1 >= BNC_BPE_PROBES) return bnc_fail(err, BNC_ERROR_LIMIT, "merges: too many fall together in the table");
  }
  b->merge_slots[slot] = (uint32_t)index + 1;
  return BNC_OK;
}

bnc_status bnc_bpe_builder_part(bnc_bpe_builder *b, bnc_bpe_part part, bnc_error *err) {
  if (b->header.part_count == BNC_BPE_PARTS) return bnc_fail(err, BNC_ERROR_LIMIT, "tokenizer has more than %u components", BNC_BPE_PARTS);
  if (part.kind != BNC_PRE_SPLIT && (part.a_size > BNC_PART_TEXT || part.b_size > BNC_PART_TEXT))
    return bnc_fail(err, BNC_ERROR_LIMIT, "a text of a tokenizer component has more than %u bytes", BNC_PART_TEXT);
  b->parts[b->header.part_count++] = part;
  return BNC_OK;
}

static size_t padded(size_t size) { return (size + 3) / 4 * 4; }

static uint8_t *put(uint8_t *at, const void *data, size_t size) {
  if (size) memcpy(at, data, size);
  return at + padded(size); /* the block is zeroed */
}

static bnc_status assemble(bnc_bpe_builder *b, uint8_t **blob, bnc_error *err) {
  bnc_bpe_header *h = &b->header;
  h->magic = BNC_BPE_MAGIC;
  h->version = BNC_BPE_VERSION;
  size_t total = sizeof *h + 4 * ((size_t)h->id_count + 1) + 4 * (size_t)h->token_slots + 12 * (size_t)h->merge_count +
                 4 * (size_t)h->merge_slots + padded(h->id_count) + padded(h->text_bytes);
  for (uint32_t i = 0; i < h->part_count; i++) total += 16 + padded((size_t)b->parts[i].a_size + b->parts[i].b_size);
  if (total > UINT32_MAX) return bnc_fail(err, BNC_ERROR_LIMIT, "tokenizer is too large");
  h->total_size = (uint32_t)total;
  uint8_t *at = *blob = bnc_mem_zalloc(total);
  if (!at) return bnc_fail_memory(err, total);
  at = put(at, h, sizeof *h);
  uint32_t *offsets = (void *)at;
  at += 4 * ((size_t)h->id_count + 1);
  at = put(at, b->token_slots, 4 * (size_t)h->token_slots);
  at = put(at, b->merge_items, 12 * (size_t)h->merge_count);
  at = put(at, b->merge_slots, 4 * (size_t)h->merge_slots);
  at = put(at, b->flags, h->id_count);
  for (uint32_t id = 0; id < h->id_count; id++) {
    offsets[id + 1] = offsets[id] + b->size[id];
    if (b->size[id]) memcpy(at + offsets[id], b->content[id], b->size[id]);
  }
  at += padded(h->text_bytes);
  for (uint32_t i = 0; i < h->part_count; i++) {
    const bnc_bpe_part *part = &b->parts[i];
    const uint32_t head[4] = {part->kind, part->arg, part->a_size, part->b_size};
    at = put(at, head, sizeof head);
    if (part->a_size) memcpy(at, part->a, part->a_size);
    if (part->b_size) memcpy(at + part->a_size, part->b, part->b_size);
    at += padded((size_t)part->a_size + part->b_size);
  }
  return BNC_OK;
}

bnc_status bnc_bpe_builder_finish(bnc_bpe_builder *b, bnc_bpe **bpe, bnc_error *err) {
  uint8_t *blob = NULL;
  *bpe = NULL;
  bnc_status status = assemble(b, &blob, err);
  if (status == BNC_OK) status = bnc_bpe_load(bpe, blob, b->header.total_size, err);
  if (status == BNC_OK)
    (*bpe)->owned = blob;
  else
    bnc_mem_free(blob);
  return status;
}
