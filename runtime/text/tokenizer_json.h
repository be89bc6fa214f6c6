/* SPDX-License-Identifier: Apache-2.0 */
/** @file tokenizer_json.h  Inside of the tokenizer.json reader: components and the vocabulary become the saved form of bpe.h. */
#ifndef BINOCLE_RUNTIME_TEXT_TOKENIZER_JSON_H
#define BINOCLE_RUNTIME_TEXT_TOKENIZER_JSON_H

#include "platforms/base/json.h"
#include "runtime/text/bpe_builder.h"

/** Reads normalizer, pre_tokenizer and decoder of the root object. */
bnc_status bnc_json_read_parts(yyjson_val *root, bnc_bpe_builder *builder, bnc_error *err);

/** A string member, or NULL; unlike bnc_json_get_string it may hold NUL characters, as tokens do. */
static inline const char *bnc_json_string(yyjson_val *object, const char *key, size_t *size) {
  yyjson_val *value = yyjson_obj_get(object, key);
  *size = yyjson_get_len(value);
  return yyjson_get_str(value);
}

/** The "type" of a component for messages; "(none)" where it has no such string. */
static inline const char *bnc_json_type(yyjson_val *object) {
  const char *type = yyjson_get_str(yyjson_obj_get(object, "type"));
  return type ? type : "(none)";
}

#endif
