/* SPDX-License-Identifier: Apache-2.0 */
/* Members that nobody here knows: a slip of the fingers, or a demand of another server's. Either would change the answer. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/program/nearest.h"
#include "runtime/program/serve/byte_buffer.h"
#include "runtime/program/serve/chat_private.h"

static bool is_among(yyjson_val *key, const char *const *names) {
  for (; names && *names; names++)
    if (yyjson_equals_str(key, *names)) return true;
  return false;
}

static bool refuse(const char *name, const bnc_chat_known *known, bnc_api_error *error) {
  bnc_nearest nearest = {.typed = name};
  bnc_byte_buffer list = {0};
  char like[96], param[sizeof error->param];
  for (const char *const *one = known->read; *one; one++) {
    bnc_nearest_offer(&nearest, *one);
    bnc_byte_buffer_print(&list, "%s%s", one == known->read ? "" : ", ", *one);
  }
  snprintf(param, sizeof param, "%s%s%.40s", known->name, known->name[0] ? "." : "", name);
  bnc_api_fail(error, 400, "unknown_parameter", param, "there is no '%s' here%s%s%s", param, bnc_nearest_say(&nearest, "", like),
               nearest.name ? " Known: " : ", expected ", list.data && !list.failed ? list.data : "another");
  bnc_byte_buffer_free(&list);
  return false;
}

bool bnc_chat_members(yyjson_val *object, const bnc_chat_known *known, bnc_api_error *error) {
  yyjson_obj_iter members;
  if (!object || yyjson_is_null(object)) return true;
  if (!yyjson_obj_iter_init(object, &members))
    return yyjson_is_obj(object) ||
           bnc_api_fail(error, 400, "invalid_type", known->name, "'%s' is %s, expected an object", known->name, bnc_json_kind(object));
  for (yyjson_val *key; (key = yyjson_obj_iter_next(&members)) != NULL;) {
    yyjson_val *value = yyjson_obj_iter_get_val(key);
    const bool empty = yyjson_is_null(value) || (yyjson_is_ctn(value) && yyjson_get_len(value) == 0);
    if (!empty && !is_among(key, known->read) && !is_among(key, known->other)) return refuse(yyjson_get_str(key), known, error);
  }
  return true;
}

const char *bnc_chat_found(yyjson_val *value, char out[32]) {
  if (!value) return "missing";
  if (yyjson_is_ctn(value) && yyjson_get_len(value) == 0) return yyjson_is_arr(value) ? "an empty list" : "an empty object";
  if (!yyjson_is_num(value)) return bnc_json_kind(value);
  if (yyjson_is_uint(value))
    snprintf(out, 32, "%" PRIu64, yyjson_get_uint(value));
  else if (yyjson_is_sint(value))
    snprintf(out, 32, "%" PRId64, yyjson_get_sint(value));
  else
    snprintf(out, 32, "%.9g", yyjson_get_real(value));
  return out;
}
