/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/json_object.h"

#include <binocle/text.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "runtime/program/console.h"

__attribute__((format(printf, 2, 3))) static void print(bnc_json_object *object, const char *format, ...) {
  va_list args;
  va_start(args, format);
  if (object->file)
    vfprintf(object->file, format, args);
  else
    bnc_console_print_list(format, args);
  va_end(args);
}

static void name_member(bnc_json_object *object, const char *name) {
  if (object->members++) print(object, ", ");
  if (name) print(object, "\"%s\": ", name);
}

void bnc_json_begin_in(bnc_json_object *object, bnc_context *context, FILE *file) {
  *object = (bnc_json_object){.context = context, .file = file};
  print(object, "{");
}

void bnc_json_begin(bnc_json_object *object, bnc_context *context) { bnc_json_begin_in(object, context, NULL); }

void bnc_json_text(bnc_json_object *object, const char *name, const char *text, size_t length) {
  char *json = NULL;
  const bnc_status status = text ? bnc_json_string(object->context, text, length, &json) : BNC_OK;
  if (object->status == BNC_OK) object->status = status;
  name_member(object, name);
  print(object, "%s", json ? json : "null");
  bnc_string_free(json);
}

void bnc_json_words(bnc_json_object *object, const char *name, const char *text) {
  bnc_json_text(object, name, text, text ? strlen(text) : 0);
}

void bnc_json_count(bnc_json_object *object, const char *name, uint64_t value) {
  name_member(object, name);
  print(object, "%" PRIu64, value);
}

void bnc_json_whole(bnc_json_object *object, const char *name, int64_t value) {
  name_member(object, name);
  print(object, "%" PRId64, value);
}

void bnc_json_real(bnc_json_object *object, const char *name, double value) {
  name_member(object, name);
  if (isfinite(value))
    print(object, "%.9g", value);
  else
    print(object, "null");
}

void bnc_json_bool(bnc_json_object *object, const char *name, bool value) {
  name_member(object, name);
  print(object, "%s", value ? "true" : "false");
}

void bnc_json_raw(bnc_json_object *object, const char *name, const char *json) {
  name_member(object, name);
  print(object, "%s", json);
}

void bnc_json_open(bnc_json_object *object, const char *name, const char *opening) {
  name_member(object, name);
  print(object, "%s", opening);
  object->members = 0;
}

void bnc_json_close(bnc_json_object *object, const char *closing) {
  print(object, "%s", closing);
  object->members = 1;
}

bnc_status bnc_json_end(bnc_json_object *object) {
  print(object, "}\n");
  return object->status;
}
