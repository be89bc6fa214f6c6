/* SPDX-License-Identifier: Apache-2.0 */
/** @file tokenizer.h  BPE tokenizers as Hugging Face's tokenizer.json describes them: the byte-level LLaMA-3 kind and the LLaMA-2/Vicuna
 *  kind with byte fallback. Everything here equals the `tokenizers` library: ids, special tokens, decoded text.
 *
 *  A bnc_bpe is const once it is loaded; any number of threads may use it at a time. */
#ifndef BINOCLE_RUNTIME_TEXT_TOKENIZER_H
#define BINOCLE_RUNTIME_TEXT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"
#include "runtime/text/growable.h"

typedef struct bnc_bpe bnc_bpe;

#define BNC_TEXT_LIMIT ((size_t)64 << 20)      /* bytes that one encode call takes, also after normalisation */
#define BNC_VOCABULARY_LIMIT ((size_t)1 << 22) /* ids */

/** Reads a tokenizer.json of size bytes. Components that are not supported are refused by name (BNC_ERROR_UNSUPPORTED). */
bnc_status bnc_bpe_from_json(bnc_bpe **bpe, const char *json, size_t size, bnc_error *err);

/** Reads dir/tokenizer.json. Where that has no post-processor, `add_bos_token` and `bos_token` of dir/tokenizer_config.json decide about a
 * bos. */
bnc_status bnc_bpe_from_dir(bnc_bpe **bpe, const char *dir, bnc_error *err);

/** The compact form that a model file embeds (layout: bpe.h). *blob is the caller's (bnc_mem_free). Equal tokenizers give equal bytes. */
bnc_status bnc_bpe_save(const bnc_bpe *bpe, uint8_t **blob, size_t *size, bnc_error *err);

/** Uses a saved form in place: blob (4-byte aligned) must outlive *bpe. Every count, offset and id is checked first. */
bnc_status bnc_bpe_load(bnc_bpe **bpe, const uint8_t *blob, size_t size, bnc_error *err);
void bnc_bpe_free(bnc_bpe *bpe);

/** Appends the ids of text. add_bos puts what the post-processor puts in front (usually one bos). Special tokens in the text are
 * recognised. Text that is not UTF-8 is refused (BNC_ERROR_FORMAT). On failure ids keeps what it had. */
bnc_status bnc_bpe_encode(const bnc_bpe *bpe, const char *text, size_t length, bool add_bos, bnc_ids *ids, bnc_error *err);

/** As bnc_bpe_encode, but special tokens in the text are text (`encode_special_tokens` of the library, control symbols of sentencepiece).
 */
bnc_status bnc_bpe_encode_plain(const bnc_bpe *bpe, const char *text, size_t length, bool add_bos, bnc_ids *ids, bnc_error *err);

/** Text of ids: *text is the caller's (bnc_mem_free), UTF-8, with a NUL behind its *length bytes. Ids without a token give nothing,
 * negative ones an error. skip_special leaves special tokens out. */
bnc_status bnc_bpe_decode(const bnc_bpe *bpe, const int32_t *ids, size_t count, bool skip_special, char **text, size_t *length,
                          bnc_error *err);

/** Highest id + 1, added tokens included. A model may have more rows. */
size_t bnc_bpe_vocabulary_size(const bnc_bpe *bpe);
/** Id of the token with exactly this content (as tokenizer.json spells it), or -1. */
int32_t bnc_bpe_find(const bnc_bpe *bpe, const char *content, size_t length);
/** Content of a token as tokenizer.json spells it (not NUL-terminated), or NULL. */
const char *bnc_bpe_content(const bnc_bpe *bpe, int32_t id, size_t *length);
bool bnc_bpe_is_special(const bnc_bpe *bpe, int32_t id);
/** The id that add_bos puts first, or -1. */
int32_t bnc_bpe_bos(const bnc_bpe *bpe);

/** Turns ids into text one by one; the pieces joined equal bnc_bpe_decode. Never gives part of a character. push does not allocate. */
typedef struct bnc_detokenizer bnc_detokenizer;
/** bpe must outlive it. */
bnc_status bnc_detokenizer_create(bnc_detokenizer **detokenizer, const bnc_bpe *bpe, bool skip_special, bnc_error *err);
/** *text (*length bytes, no NUL) is what is settled now, perhaps nothing; valid until the next call. */
bnc_status bnc_detokenizer_push(bnc_detokenizer *detokenizer, int32_t id, const char **text, size_t *length, bnc_error *err);
/** What is still held back; unfinished characters come as U+FFFD. Afterwards the detokenizer begins anew. */
void bnc_detokenizer_finish(bnc_detokenizer *detokenizer, const char **text, size_t *length);
/** What an id adds to a text that has begun, as bytes, perhaps of part of a character; nothing for an id without a token or a special one
 * that is skipped. Valid until the next call. BNC_ERROR_UNSUPPORTED: the tokenizer has no decoder. */
bnc_status bnc_detokenizer_bytes(bnc_detokenizer *detokenizer, int32_t id, const char **bytes, size_t *size, bnc_error *err);
void bnc_detokenizer_free(bnc_detokenizer *detokenizer);

#endif
