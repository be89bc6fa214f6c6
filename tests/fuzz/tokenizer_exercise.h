/* SPDX-License-Identifier: Apache-2.0 */
/** @file tokenizer_exercise.h  What the fuzz targets of tokenizers share. */
#ifndef BINOCLE_TESTS_TOKENIZER_EXERCISE_H
#define BINOCLE_TESTS_TOKENIZER_EXERCISE_H

#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/text/tokenizer.h"
#include "runtime/text/utf8.h"

static inline void require(bool condition) {
  if (!condition) abort();
}

/* Whole decode is UTF-8, equals the stream's pieces joined, and equals expected (size bytes) unless that is NULL. */
static inline void decode_both_ways(const bnc_bpe *bpe, const int32_t *ids, size_t count, const char *expected, size_t size) {
  bnc_error err;
  char *whole;
  size_t length, done = 0, piece_size;
  bnc_detokenizer *d;
  const char *piece;
  if (bnc_bpe_decode(bpe, ids, count, true, &whole, &length, &err) != BNC_OK) return;
  require(bnc_utf8_check(whole, length) == length);
  require(!expected || (length == size && memcmp(whole, expected, size) == 0));
  require(bnc_detokenizer_create(&d, bpe, true, &err) == BNC_OK);
  for (size_t i = 0; i <= count; i++) {
    if (i < count)
      require(bnc_detokenizer_push(d, ids[i], &piece, &piece_size, &err) == BNC_OK);
    else
      bnc_detokenizer_finish(d, &piece, &piece_size);
    require(piece_size <= length - done && (!piece_size || memcmp(piece, whole + done, piece_size) == 0));
    require(bnc_utf8_check(piece, piece_size) == piece_size);
    done += piece_size;
  }
  require(done == length);
  bnc_detokenizer_free(d);
  bnc_mem_free(whole);
}

static inline void exercise_tokenizer(const bnc_bpe *bpe) {
  static const char *const texts[] = {"", "abab The quick brown fox <x>  don't 123456 \n\n\t caf\xC3\xA9 \xF0\x9F\x98\x80 </s><|eot_id|>",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"};
  bnc_error err;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    bnc_ids ids = {0};
    if (bnc_bpe_encode(bpe, texts[i], strlen(texts[i]), true, &ids, &err) == BNC_OK) decode_both_ways(bpe, ids.data, ids.count, NULL, 0);
    for (size_t k = 0; k < ids.count; k++) require(ids.data[k] >= 0 && (size_t)ids.data[k] < bnc_bpe_vocabulary_size(bpe));
    bnc_ids_free(&ids);
  }
  int32_t all[64];
  for (int32_t i = 0; i < 64; i++) all[i] = i;
  decode_both_ways(bpe, all, 64, NULL, 0);
}

#endif
