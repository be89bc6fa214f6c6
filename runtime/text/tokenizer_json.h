/* SPDX-License-Identifier: Apache-2.0 */
/** @file tokenizer_json.h  Inside of the tokenizer.json reader: components and the vocabulary become the saved form of bpe.h. */
#ifndef BINOCLE_TEXT_TOKENIZER_JSON_H
#define BINOCLE_TEXT_TOKENIZER_JSON_H

#include <yyjson.h>

#include "runtime/text/bpe.h"

/** A component while it is being read; strings belong to the document. */
typedef struct bnc_json_parts {
  bnc_bpe_part parts[BNC_BPE_PARTS];
  uint32_t count;
} bnc_json_parts;

/** Reads normalizer, pre_tokenizer and decoder of the root object. */
bnc_status bnc_json_read_parts(yyjson_val *root, bnc_json_parts *parts, bnc_error *err);

/** A string member, or NULL. */
const char *bnc_json_string(yyjson_val *object, const char *key, size_t *size);
/** A member that is absent, null or false gives false, true gives true, else an error that names it. */
bnc_status bnc_json_flag(yyjson_val *object, const char *key, bool *flag, bnc_error *err);
/** The "type" of a component for messages; "(none)" where it has no such string. */
const char *bnc_json_type(yyjson_val *object);

/** Reads a document with memory of platforms/mem; name is put into the message. Free with yyjson_doc_free. */
bnc_status bnc_json_read(yyjson_doc **document, const char *json, size_t size, const char *name, bnc_error *err);

#endif
