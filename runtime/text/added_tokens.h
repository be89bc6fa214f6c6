/* SPDX-License-Identifier: Apache-2.0 */
/** @file added_tokens.h  Finds added tokens in text, as the `tokenizers` library does: leftmost, then longest. */
#ifndef BINOCLE_RUNTIME_TEXT_ADDED_TOKENS_H
#define BINOCLE_RUNTIME_TEXT_ADDED_TOKENS_H

#include "runtime/text/bpe.h"

#define BNC_ADDED_LENGTH 1024u /* bytes of an added token, normalised or not */

/** Fills bpe->added from the tokens' flags; the normalizers must be loaded. */
bnc_status bnc_added_build(bnc_bpe *bpe, bnc_error *err);

/** One piece of a text: an added token, or (id -1) what lies between them. */
typedef struct bnc_added_scan {
  const bnc_bpe *bpe;
  const bnc_added_set *set;
  const char *text;      /* [size] */
  size_t size, at, done; /* at: where to look next; done: end of the last piece */
  bool plain;            /* special tokens are text */
  int32_t pending;       /* a match whose left neighbour came first, or -1 */
  size_t pending_end;
} bnc_added_scan;

bnc_added_scan bnc_added_begin(const bnc_bpe *bpe, int set, const char *text, size_t size, bool plain);
/** Next piece [*from, *to) of the text; false behind the last one. */
bool bnc_added_next(bnc_added_scan *scan, int32_t *id, size_t *from, size_t *to);

#endif
