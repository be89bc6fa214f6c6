/* SPDX-License-Identifier: Apache-2.0 */
/** @file stop_texts.h  Looks for texts that end an answer, while the answer comes in pieces. */
#ifndef BINOCLE_RUNTIME_TEXT_STOP_TEXTS_H
#define BINOCLE_RUNTIME_TEXT_STOP_TEXTS_H

#include <stdbool.h>

#include "runtime/text/growable.h"

typedef struct bnc_stop_texts {
  const char *const *texts; /* [count], not owned */
  size_t count;
  bnc_text held;   /* the end of what was pushed: what was released last, then what may be the beginning of a stop text */
  size_t released; /* bytes of held */
  bool met;
} bnc_stop_texts;

/** Takes a piece. What it releases (*out, *size) can be no part of a stop text any more; valid until the next call. Once a text is met,
 * what stood in front of it is released, and nothing after that. */
bnc_status bnc_stop_texts_push(bnc_stop_texts *stops, const char *piece, size_t length, const char **out, size_t *size, bnc_error *err);
/** The answer is over: releases what is held, unless a text was met. */
void bnc_stop_texts_finish(bnc_stop_texts *stops, const char **out, size_t *size);
void bnc_stop_texts_free(bnc_stop_texts *stops);

#endif
