/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/json_object.h"

#include <binocle/text.h>
#include <inttypes.h>
#include <math.h>

#include "runtime/program/console.h"

static void name_member(bnc_json_object *object, const char *name) { bnc_console_print("%s\"%s\": ", object->members++ ? ", " : "", name); }

void bnc_json_begin(bnc_json_object *object, bnc_context *context) {
  *object = (bnc_json_object){.context = context};
  bnc_console_print("{");
}

void bnc_json_text(bnc_json_object *object, const char *name, const char *text, size_t length) {
  char *json = NULL;
  const bnc_status status = bnc_json_string(object->context, text, length, &json);
  if (object->status == BNC_OK) object->status = status;
  name_member(object, name);
  bnc_console_print("%s", json ? json : "null");
  bnc_string_free(json);
}

void bnc_json_count(bnc_json_object *object, const char *name, uint64_t value) {
  name_member(object, name);
  bnc_console_print("%" PRIu64, value);
}

void bnc_json_real(bnc_json_object *object, const char *name, double value) {
  name_member(object, name);
  if (isfinite(value)) bnc_console_print("%.9g", value);
  else bnc_console_print("null");
}

void bnc_json_bool(bnc_json_object *object, const char *name, bool value) {
  name_member(object, name);
  bnc_console_print("%s", value ? "true" : "false");
}

bnc_status bnc_json_end(bnc_json_object *object) {
  bnc_console_print("}\n");
  return object->status;
}
