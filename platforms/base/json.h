/* SPDX-License-Identifier: Apache-2.0 */
/** @file json.h  JSON by yyjson, allocated through platforms/mem, with typed getters whose errors name the key, what was found and what was
 * expected.
 *
 * The rules that all getters share: `object` must be a JSON object (check with bnc_json_expect_object); a key that is absent or
 * null leaves *out as it was, so the caller puts the default there first; a value of the wrong type or outside its range is
 * BNC_ERROR_FORMAT. Use bnc_json_given to know whether a key has a value, bnc_json_require where it must have one.
 */
#ifndef BINOCLE_PLATFORMS_BASE_JSON_H
#define BINOCLE_PLATFORMS_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yyjson.h>

#include "platforms/base/error.h"

#define BNC_JSON_FOUND_SIZE 64

/** yyjson's hooks onto bnc_mem_*; no state, usable from any thread. */
extern const yyjson_alc bnc_json_allocator;

/** Parses strict JSON (RFC 8259) of size bytes into *doc (free with yyjson_doc_free). The text is copied. Errors name line and column;
 * a key that an object has twice, at any depth, is an error too. */
bnc_status bnc_json_parse(yyjson_doc **doc, const char *data, size_t size, bnc_error *err);
/** Reads and parses a file of at most limit bytes; errors name the file. */
bnc_status bnc_json_read_file(yyjson_doc **doc, const char *path, size_t limit, bnc_error *err);

/** Describes a value for an error text: `"silu"`, `-3`, `a list`, `nothing` ... ; returns out. */
const char *bnc_json_found(yyjson_val *value, char out[BNC_JSON_FOUND_SIZE]);

/** The value of key, or NULL where object lacks it or it is null. */
yyjson_val *bnc_json_given(yyjson_val *object, const char *key);
/** BNC_ERROR_FORMAT where key is absent or null. */
bnc_status bnc_json_require(yyjson_val *object, const char *key, bnc_error *err);
/** BNC_ERROR_FORMAT where one of the keys (a NULL ends them) is null: for values that may be absent, but that null does not stand for. */
bnc_status bnc_json_refuse_nulls(yyjson_val *object, const char *const *keys, bnc_error *err);
/** BNC_ERROR_FORMAT unless value is an object; what names it in the error ("config.json", "weight_map"). */
bnc_status bnc_json_expect_object(yyjson_val *value, const char *what, bnc_error *err);

/** An integer in [lowest, highest]. */
bnc_status bnc_json_get_size(yyjson_val *object, const char *key, size_t lowest, size_t highest, size_t *out, bnc_error *err);
bnc_status bnc_json_get_int(yyjson_val *object, const char *key, int64_t lowest, int64_t highest, int64_t *out, bnc_error *err);
/** A number in [lowest, highest]; integers are numbers too. */
bnc_status bnc_json_get_double(yyjson_val *object, const char *key, double lowest, double highest, double *out, bnc_error *err);
bnc_status bnc_json_get_bool(yyjson_val *object, const char *key, bool *out, bnc_error *err);
/** A string without NUL inside; it belongs to the document. */
bnc_status bnc_json_get_string(yyjson_val *object, const char *key, const char **out, bnc_error *err);
/** A nested object. */
bnc_status bnc_json_get_object(yyjson_val *object, const char *key, yyjson_val **out, bnc_error *err);

#endif
