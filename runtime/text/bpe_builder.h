/* SPDX-License-Identifier: Apache-2.0 */
/** @file bpe_builder.h  From what a file says about a tokenizer to the saved form of bpe.h, which is then loaded as any other: one place
 *  checks, one form is used. Texts belong to the caller until bnc_bpe_builder_finish. */
#ifndef BINOCLE_RUNTIME_TEXT_BPE_BUILDER_H
#define BINOCLE_RUNTIME_TEXT_BPE_BUILDER_H

#include "runtime/text/bpe.h"

typedef struct bnc_bpe_builder {
  bnc_bpe_header header;                             /* the caller fills in model, unk, prefix and prefix_count */
  const char **content;                              /* [id_count] */
  uint32_t *size;                                    /* [id_count] */
  uint8_t *flags;                                    /* [id_count] */
  uint32_t *token_slots, *merge_slots, *merge_items; /* as in the saved form */
  bnc_bpe_part parts[BNC_BPE_PARTS];
  bnc_text joined; /* scratch */
} bnc_bpe_builder;

/** Room for ids below id_count, of which `tokens` are used; builder is zero-initialised. */
bnc_status bnc_bpe_builder_create(bnc_bpe_builder *builder, uint32_t id_count, size_t tokens, bnc_error *err);
void bnc_bpe_builder_free(bnc_bpe_builder *builder);

/** Adds a token with BNC_TOKEN_* flags. One of the vocabulary may be added again with BNC_TOKEN_ADDED. */
bnc_status bnc_bpe_builder_add(bnc_bpe_builder *builder, const char *content, size_t size, uint32_t id, uint8_t flags, bnc_error *err);
/** *id: that of a token of the vocabulary, or BNC_BPE_NONE. */
bnc_status bnc_bpe_builder_find(const bnc_bpe_builder *builder, const char *content, size_t size, uint32_t *id, bnc_error *err);
/** The same, and an error that begins with `what` where there is none. */
bnc_status bnc_bpe_builder_need(const bnc_bpe_builder *builder, const char *content, size_t size, uint32_t *id, const char *what,
                                bnc_error *err);

/** Room for the merges, which come after all tokens. */
bnc_status bnc_bpe_builder_reserve(bnc_bpe_builder *builder, size_t merges, bnc_error *err);
/** Merge `index`: of equal ones the last counts, as in the `tokenizers` library. */
bnc_status bnc_bpe_builder_merge(bnc_bpe_builder *builder, size_t index, const char *left, size_t left_size, const char *right,
                                 size_t right_size, bnc_error *err);

/** Adds a normalizer, pre-tokenizer or decoder, in this order. */
bnc_status bnc_bpe_builder_part(bnc_bpe_builder *builder, bnc_bpe_part part, bnc_error *err);

bnc_status bnc_bpe_builder_finish(bnc_bpe_builder *builder, bnc_bpe **bpe, bnc_error *err);

#endif
