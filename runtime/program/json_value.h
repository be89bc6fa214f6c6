/* SPDX-License-Identifier: Apache-2.0 */
/** @file json_value.h  Reading JSON that somebody else wrote: what a value is, in words for messages, and members that are there. */
#ifndef BINOCLE_RUNTIME_PROGRAM_JSON_VALUE_H
#define BINOCLE_RUNTIME_PROGRAM_JSON_VALUE_H

#include <yyjson.h>

/** "a number" and the like; value NULL: "nothing". */
static inline const char *bnc_json_kind(yyjson_val *value) {
  switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_NULL: return "null";
    case YYJSON_TYPE_BOOL: return "true or false";
    case YYJSON_TYPE_NUM: return "a number";
    case YYJSON_TYPE_STR: return "a text";
    case YYJSON_TYPE_ARR: return "a list";
    case YYJSON_TYPE_OBJ: return "an object";
    default: return "nothing";
  }
}

/** The member, or NULL where it is absent or null. */
static inline yyjson_val *bnc_json_member(yyjson_val *object, const char *name) {
  yyjson_val *value = yyjson_obj_get(object, name);
  return yyjson_is_null(value) ? NULL : value;
}

#endif
