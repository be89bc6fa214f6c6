/* SPDX-License-Identifier: Apache-2.0 */
/** @file jsonl.h  One line of `binocle tokenize`: a JSON string in, a JSON array of ids out, or back. */
#ifndef BINOCLE_RUNTIME_TEXT_JSONL_H
#define BINOCLE_RUNTIME_TEXT_JSONL_H

#include "runtime/text/tokenizer.h"

/** line: a JSON string of size bytes (white space around it is allowed). Appends its ids, without bos, as "[1, 2, 3]" to out; no line
 * break. */
bnc_status bnc_jsonl_encode(const bnc_bpe *bpe, const char *line, size_t size, bnc_text *out, bnc_error *err);

/** line: a JSON array of ids. Appends their text as a JSON string (bnc_jsonl_string). */
bnc_status bnc_jsonl_decode(const bnc_bpe *bpe, const char *line, size_t size, bool skip_special, bnc_text *out, bnc_error *err);

/** Appends text (UTF-8) as a JSON string of ASCII characters alone: others are escaped, so that no reader sees a line break (U+2028 ...) in
 * it. */
bnc_status bnc_jsonl_string(const char *text, size_t size, bnc_text *out, bnc_error *err);

#endif
