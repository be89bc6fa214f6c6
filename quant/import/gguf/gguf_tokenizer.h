/* SPDX-License-Identifier: Apache-2.0 */
/** @file gguf_tokenizer.h  The tokenizer that lies in a GGUF file. */
#ifndef BINOCLE_QUANT_IMPORT_GGUF_TOKENIZER_H
#define BINOCLE_QUANT_IMPORT_GGUF_TOKENIZER_H

#include "quant/import/gguf/gguf.h"
#include "runtime/text/tokenizer.h"

/**
 * Reads tokenizer.ggml.*: the model "gpt2" (byte-level BPE) with one of the pre-tokenizers that are known by name, or "llama"
 * (sentencepiece's BPE, whose scores say which pair goes first). *bpe is NULL where the file has no tokenizer.
 */
bnc_status bnc_gguf_tokenizer(bnc_bpe **bpe, const bnc_gguf *gguf, bnc_error *err);

#endif
