/* SPDX-License-Identifier: Apache-2.0 */
/** @file constrain_exercise.h  What the fuzz targets of constraints share: whatever is accepted must give complete answers. */
#ifndef BINOCLE_TESTS_CONSTRAIN_EXERCISE_H
#define BINOCLE_TESTS_CONSTRAIN_EXERCISE_H

#include <stdlib.h>
#include <string.h>

#include "tests/constrain/walk.h"

static inline void exercise_constraint(bnc_constraint_kind kind, const uint8_t *data, size_t size) {
  static walk w;
  bnc_error err;
  if (size > 1024) return; /* longer ones only take longer */
  char *text = malloc(size + 1);
  if (!w.bpe) w = walk_open(BINOCLE_TEST_DATA "/text/small_llama2.json");
  if (!text) abort();
  if (size) memcpy(text, data, size);
  text[size] = '\0';
  const char *const texts[] = {text};
  if (walk_constrain(&w, kind, texts, 1, &err)) {
    const size_t rooms[] = {3, 16};
    for (size_t i = 0; i < 2; i++) {
      w.random = size + i;
      const char *how = walk_answer(&w, rooms[i], &err);
      if (how ? !bnc_constraint_accepts(w.constraint) : err.status != BNC_ERROR_LIMIT) abort();
    }
  }
  free(text);
}

#endif
