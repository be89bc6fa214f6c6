/* SPDX-License-Identifier: Apache-2.0 */
/** @file text.h  Tokenizers by themselves, and the files of ids and results that checks and scripts exchange with the library. */
#ifndef BINOCLE_TEXT_H
#define BINOCLE_TEXT_H

#include <binocle/context.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Stands for the next picture among token ids (IMAGE_TOKEN_INDEX of the reference). */
#define BNC_IMAGE_TOKEN (-200)

/** A tokenizer by itself. */
typedef struct bnc_tokenizer bnc_tokenizer;

/** From a .bnc file, or from a folder with tokenizer.json. BNC_ERROR_IO, BNC_ERROR_FORMAT: it cannot be read, is damaged or has none;
 * BNC_ERROR_UNSUPPORTED: of a kind that is not known. */
BNC_API bnc_status bnc_tokenizer_open(bnc_context *context, const char *path, bnc_tokenizer **tokenizer);
/** NULL is allowed. */
BNC_API void bnc_tokenizer_close(bnc_tokenizer *tokenizer);

/** Ids of UTF-8 text, without bos; special tokens in the text are recognised. *ids is freed with bnc_tokens_free. */
BNC_API bnc_status bnc_tokenizer_encode(bnc_tokenizer *tokenizer, const char *text, size_t length, int32_t **ids, size_t *count);
/** Text of ids, special tokens included; *text (NUL-terminated, *length bytes) is freed with bnc_string_free. */
BNC_API bnc_status bnc_tokenizer_decode(bnc_tokenizer *tokenizer, const int32_t *ids, size_t count, char **text, size_t *length);
/** A line of `binocle tokenize`: a JSON string becomes a JSON array of ids, or (decode) back. */
BNC_API bnc_status bnc_tokenizer_json_line(bnc_tokenizer *tokenizer, const char *line, size_t length, int decode, char **result);
/** Frees ids. NULL is allowed. */
BNC_API void bnc_tokens_free(int32_t *ids);

/** Reads a one-dimensional .npy array of int32 or int64 ids; free them with bnc_tokens_free. BNC_ERROR_IO, BNC_ERROR_FORMAT, or
 * BNC_ERROR_LIMIT. */
BNC_API bnc_status bnc_ids_load(bnc_context *context, const char *path, int32_t **ids, size_t *count);
/** Writes a float32 .npy array, complete or not at all. BNC_ERROR_IO. */
BNC_API bnc_status bnc_array_save(bnc_context *context, const char *path, const float *values, const size_t *shape, size_t rank);
/** Writes a file of text (JSON, SVG ...), complete or not at all. BNC_ERROR_IO. */
BNC_API bnc_status bnc_text_save(bnc_context *context, const char *path, const char *text);
/** Appends text as an ASCII JSON string with its quotes; *json is freed with bnc_string_free. */
BNC_API bnc_status bnc_json_string(bnc_context *context, const char *text, size_t length, char **json);

#ifdef __cplusplus
}
#endif
#endif
