/* SPDX-License-Identifier: Apache-2.0 */
/* Look-ups in the saved form: content -> id, pair -> merge, id -> properties. */
#include <string.h>

#include "runtime/text/bpe.h"

/* The final steps of MurmurHash3 (Appleby, public domain): each bit of the input moves each bit of the result. */
static uint32_t mix(uint64_t h) {
  h ^= h >> 33;
  h *= 0xFF51AFD7ED558CCDu;
  h ^= h >> 33;
  h *= 0xC4CEB9FE1A85EC53u;
  return (uint32_t)(h ^ h >> 33);
}

uint32_t bnc_bpe_hash_text(const char *text, size_t size) {
  uint64_t h = 0x9E3779B97F4A7C15u ^ size;
  for (; size >= 8; size -= 8, text += 8) {
    uint64_t word;
    memcpy(&word, text, 8);
    h = (h ^ word) * 0x9FB21C651E98DF25u;
    h ^= h >> 32;
  }
  uint64_t rest = 0;
  for (size_t i = 0; i < size; i++) rest |= (uint64_t)(uint8_t)text[i] << 8 * i;
  return mix((h ^ rest) * 0x9FB21C651E98DF25u);
}

uint32_t bnc_bpe_hash_pair(uint32_t left, uint32_t right) { return mix((uint64_t)left << 32 | right); }

int32_t bnc_bpe_find(const bnc_bpe *bpe, const char *content, size_t length) {
  uint32_t mask = bpe->header->token_slots - 1;
  uint32_t slot = bnc_bpe_hash_text(content, length) & mask;
  for (uint32_t probe = 0; probe < BNC_BPE_PROBES && bpe->token_slots[slot]; probe++, slot = (slot + 1) & mask) {
    uint32_t id = bpe->token_slots[slot] - 1;
    uint32_t from = bpe->text_offsets[id];
    if (bpe->text_offsets[id + 1] - from == length && bpe->flags[id] && (!length || memcmp(bpe->text + from, content, length) == 0))
      return (int32_t)id;
  }
  return -1;
}

int32_t bnc_bpe_model_id(const bnc_bpe *bpe, const char *text, size_t size) {
  int32_t id = bnc_bpe_find(bpe, text, size);
  return id >= 0 && (bpe->flags[id] & BNC_TOKEN_VOCAB) ? id : -1;
}

uint32_t bnc_bpe_merge_rank(const bnc_bpe *bpe, uint32_t left, uint32_t right) {
  uint32_t mask = bpe->header->merge_slots - 1;
  uint32_t slot = bnc_bpe_hash_pair(left, right) & mask;
  for (uint32_t probe = 0; probe < BNC_BPE_PROBES && bpe->merge_slots[slot]; probe++, slot = (slot + 1) & mask) {
    uint32_t rank = bpe->merge_slots[slot] - 1;
    if (bpe->merges[3 * (size_t)rank] == left && bpe->merges[3 * (size_t)rank + 1] == right) return rank;
  }
  return BNC_BPE_NONE;
}

size_t bnc_bpe_vocabulary_size(const bnc_bpe *bpe) { return bpe->header->id_count; }

const char *bnc_bpe_content(const bnc_bpe *bpe, int32_t id, size_t *length) {
  *length = 0;
  if (id < 0 || (uint32_t)id >= bpe->header->id_count || !bpe->flags[id]) return NULL;
  *length = bpe->text_offsets[id + 1] - bpe->text_offsets[id];
  return bpe->text + bpe->text_offsets[id];
}

bool bnc_bpe_is_special(const bnc_bpe *bpe, int32_t id) {
  return id >= 0 && (uint32_t)id < bpe->header->id_count && (bpe->flags[id] & BNC_TOKEN_SPECIAL) != 0;
}

int32_t bnc_bpe_bos(const bnc_bpe *bpe) { return bpe->header->prefix_count ? (int32_t)bpe->header->prefix[0] : -1; }
