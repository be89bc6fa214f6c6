/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/constrain/walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"

static void must(bnc_status status, const bnc_error *err) {
  if (status == BNC_OK) return;
  fprintf(stderr, "%s\n", err->text);
  exit(1);
}

walk walk_open(const char *tokenizer_json) {
  walk w = {.random = 1};
  bnc_error err;
  char *json;
  size_t size;
  must(bnc_file_read(tokenizer_json, (size_t)1 << 24, &json, &size, &err), &err);
  must(bnc_bpe_from_json(&w.bpe, json, size, &err), &err);
  bnc_mem_free(json);
  static const char *const ends[] = {"<|end_of_text|>", "<|eot_id|>", "</s>", "<|endoftext|>"};
  int32_t stop[4];
  size_t stops = 0;
  for (size_t i = 0; i < 4; i++) {
    const int32_t id = bnc_bpe_find(w.bpe, ends[i], strlen(ends[i]));
    if (id >= 0) stop[stops++] = id;
  }
  must(bnc_vocabulary_create(&w.vocabulary, w.bpe, bnc_bpe_vocabulary_size(w.bpe), stop, stops, &err), &err);
  return w;
}

void walk_close(walk *w) {
  bnc_constraint_free(w->constraint);
  bnc_vocabulary_free(w->vocabulary);
  bnc_bpe_free(w->bpe);
}

bool walk_constrain(walk *w, bnc_constraint_kind kind, const char *const *texts, size_t count, bnc_error *err) {
  bnc_constraint_free(w->constraint);
  w->constraint = NULL;
  return bnc_constraint_create(&w->constraint, w->vocabulary, w->vocabulary->ids, kind, texts, count, err) == BNC_OK;
}

uint32_t walk_random(walk *w, uint32_t below) {
  w->random = w->random * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)((w->random >> 33) % below);
}

int32_t walk_pick(walk *w, const uint32_t *mask) {
  const size_t words = (w->vocabulary->ids + 31) / 32;
  uint32_t set = 0;
  for (size_t i = 0; i < words; i++) set += (uint32_t)__builtin_popcount(mask[i]);
  if (set == 0) return -1;
  uint32_t wanted = walk_random(w, set);
  for (size_t id = 0; id < w->vocabulary->ids; id++)
    if ((mask[id / 32] >> id % 32 & 1) && wanted-- == 0) return (int32_t)id;
  return -1;
}

bool walk_is_stop(const walk *w, int32_t id) {
  for (size_t i = 0; i < w->vocabulary->stops; i++)
    if (w->vocabulary->stop[i] == id) return true;
  return false;
}

const char *walk_answer(walk *w, size_t room, bnc_error *err) {
  const uint32_t *mask;
  w->count = 0;
  if (bnc_constraint_begin(w->constraint, room, true, err) != BNC_OK) return NULL;
  if (bnc_constraint_is_over(w->constraint)) return "over";
  while (room-- > 0 && w->count < WALK_TOKENS) {
    if (bnc_constraint_mask(w->constraint, room, &mask, err) != BNC_OK) return NULL;
    if (!mask) return "length";
    const int32_t id = walk_pick(w, mask);
    if (walk_is_stop(w, id)) return "stop";
    if (bnc_constraint_take(w->constraint, id, err) != BNC_OK) return NULL;
    w->ids[w->count++] = id;
    if (bnc_constraint_is_over(w->constraint)) return "over";
  }
  return "length";
}
