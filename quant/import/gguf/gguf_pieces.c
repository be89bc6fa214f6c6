/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/gguf/gguf_pieces.h"

#include <stdlib.h>

#include "platforms/base/mem.h"

enum { LONGEST = 512 }; /* bytes of a piece; each is tried at each of its characters */

typedef struct cut {
  float score;
  uint32_t id, left; /* of the piece; bytes of its left part */
} cut;

/* The cuts of all pieces into two; out NULL: counts them. */
static bnc_status find_cuts(const bnc_bpe_builder *b, const bnc_gguf_key *scores, cut *out, size_t room, size_t *count, bnc_error *err) {
  *count = 0;
  for (uint32_t id = 0; id < b->header.id_count; id++) {
    const char *text = b->content[id];
    if (!(b->flags[id] & BNC_TOKEN_VOCAB) || b->size[id] > LONGEST) continue;
    for (uint32_t left = 1; left < b->size[id]; left++) {
      uint32_t a, c;
      if (((uint8_t)text[left] & 0xC0) == 0x80) continue; /* inside a character */
      bnc_status s = bnc_bpe_builder_find(b, text, left, &a, err);
      if (s == BNC_OK && a != BNC_BPE_NONE) s = bnc_bpe_builder_find(b, text + left, b->size[id] - left, &c, err);
      if (s != BNC_OK) return s;
      if (a == BNC_BPE_NONE || c == BNC_BPE_NONE) continue;
      if (out && *count < room) out[*count] = (cut){(float)bnc_gguf_number(scores, id), id, left};
      ++*count;
    }
  }
  return BNC_OK;
}

static int by_score(const void *a, const void *b) {
  const cut *x = a, *y = b;
  if (x->score != y->score) return x->score > y->score ? -1 : 1;
  if (x->left != y->left) return x->left > y->left ? -1 : 1;
  return x->id < y->id ? -1 : x->id > y->id;
}

bnc_status bnc_gguf_piece_merges(bnc_bpe_builder *b, const bnc_gguf_key *scores, bnc_error *err) {
  size_t count, again = 0;
  bnc_status s = find_cuts(b, scores, NULL, 0, &count, err);
  if (s == BNC_OK) s = bnc_bpe_builder_reserve(b, count, err); /* refuses too many */
  if (s != BNC_OK) return s;
  cut *cuts = bnc_mem_array(count, sizeof *cuts);
  if (!cuts) return bnc_fail_memory(err, count * sizeof *cuts);
  s = find_cuts(b, scores, cuts, count, &again, err);
  if (s == BNC_OK && again != count) s = bnc_fail(err, BNC_ERROR_FORMAT, "the file changed while its tokens were read");
  for (size_t i = 0; s == BNC_OK && i < count; i++)
    if (cuts[i].score != cuts[i].score) s = bnc_fail(err, BNC_ERROR_FORMAT, "the score of token %u is no number", cuts[i].id);
  if (s == BNC_OK && count) qsort(cuts, count, sizeof *cuts, by_score);
  for (size_t i = 0; s == BNC_OK && i < count; i++) {
    const char *text = b->content[cuts[i].id];
    s = bnc_bpe_builder_merge(b, i, text, cuts[i].left, text + cuts[i].left, b->size[cuts[i].id] - cuts[i].left, err);
  }
  bnc_mem_free(cuts);
  return s;
}
