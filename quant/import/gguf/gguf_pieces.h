/* SPDX-License-Identifier: Apache-2.0 */
/** @file gguf_pieces.h  Merges from the scores of sentencepiece's pieces. */
#ifndef BINOCLE_QUANT_IMPORT_GGUF_PIECES_H
#define BINOCLE_QUANT_IMPORT_GGUF_PIECES_H

#include "quant/import/gguf/gguf.h"
#include "runtime/text/bpe_builder.h"

/**
 * Sentencepiece's BPE joins the two neighbours whose joined piece has the highest score. That is a list of merges: each piece of the
 * vocabulary cut in two wherever both parts are pieces, the highest score first, of equal ones the longest left part (as transformers'
 * converter orders them). scores: f32, one per token.
 */
bnc_status bnc_gguf_piece_merges(bnc_bpe_builder *builder, const bnc_gguf_key *scores, bnc_error *err);

#endif
