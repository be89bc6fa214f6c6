/* SPDX-License-Identifier: Apache-2.0 */
/** @file vocabulary.h  The bytes of a tokenizer's tokens, as a tree of their beginnings: one walk finds all tokens that a language allows.
    Made once per model, constant afterwards. */
#ifndef BINOCLE_RUNTIME_CONSTRAIN_VOCABULARY_H
#define BINOCLE_RUNTIME_CONSTRAIN_VOCABULARY_H

#include "runtime/text/tokenizer.h"

#define BNC_VOCABULARY_TOKEN 1024u /* longer tokens are left out: they are never drawn under a constraint */
#define BNC_VOCABULARY_NONE (-1)

/** Nodes in the order of a walk: a node, then what is below it; its depth is the number of bytes up to it. */
typedef struct bnc_vocabulary {
  size_t ids, nodes;
  uint32_t *offsets; /* [ids + 1]: token id's bytes are bytes[offsets[id] .. offsets[id + 1]) */
  uint8_t *bytes;
  uint8_t *byte;   /* [nodes], the last one */
  uint16_t *depth; /* [nodes], from 1 */
  uint32_t *after; /* [nodes]: the first node that is not below it */
  int32_t *token;  /* [nodes]: the token of these bytes, or NONE */
  int32_t *twin;   /* [ids]: another token of the same bytes, or NONE */
  bool single[256];
  bool strips;    /* the first token's text loses a space in front */
  bool loses_all; /* and every other space it has: BNC_DEC_METASPACE */
  size_t stops;
  int32_t stop[8]; /* ids that end an answer; they are no text */
} bnc_vocabulary;

/** rows: ids from there on cannot be drawn. stop: [stops]. BNC_ERROR_UNSUPPORTED: a decoder from which texts cannot be told token by token.
 */
bnc_status bnc_vocabulary_create(bnc_vocabulary **vocabulary, const bnc_bpe *bpe, size_t rows, const int32_t *stop, size_t stops,
                                 bnc_error *err);
void bnc_vocabulary_free(bnc_vocabulary *vocabulary);

/** The longest token that text [size] begins with; its length in *length. NONE: not even its first byte is one. */
int32_t bnc_vocabulary_longest(const bnc_vocabulary *vocabulary, const uint8_t *text, size_t size, size_t *length);
/** True where a token may not come first: it has a space that its text would lose. */
bool bnc_vocabulary_not_first(const bnc_vocabulary *vocabulary, int32_t id);

#endif
