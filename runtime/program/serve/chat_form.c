/* SPDX-License-Identifier: Apache-2.0 */
/* What an answer must be: JSON of a schema, what a regular expression matches, or one of some texts. */
#include <stdlib.h>
#include <string.h>

#include "runtime/program/serve/chat_private.h"

#define CHOICES 1024

static bool take_texts(bnc_chat_request *r, bnc_constraint_kind kind, size_t count, bnc_api_error *error) {
  if (r->form != BNC_CONSTRAINT_NONE)
    return bnc_api_fail(error, 400, "invalid_value", "binocle", "more than one form of answer is asked for");
  r->form_text = calloc(count, sizeof *r->form_text);
  if (!r->form_text) return bnc_api_fail(error, 503, NULL, NULL, "out of memory");
  r->form = kind;
  r->form_texts = count;
  return true;
}

/* That of {"type": "json_object"}: binocle/constrain.h says how deep. */
static const char any_object[] = "{\"type\": \"object\", \"additionalProperties\": true}";

static bool take_schema(bnc_chat_request *r, yyjson_val *format, bnc_api_error *error) {
  static const char param[] = "response_format", inner[] = "response_format.json_schema";
  static const char *const with_schema[] = {"type", "json_schema", NULL}, *const alone[] = {"type", NULL};
  static const char *const schemas[] = {"schema", NULL}, *const notes[] = {"name", "description", "strict", NULL};
  yyjson_val *type = yyjson_obj_get(format, "type"), *json = yyjson_obj_get(format, "json_schema"),
             *schema = yyjson_obj_get(json, "schema");
  const bool by_schema = yyjson_equals_str(type, "json_schema"), any = yyjson_equals_str(type, "json_object");
  if (!bnc_chat_members(format, &(bnc_chat_known){param, by_schema ? with_schema : alone, NULL}, error)) return false;
  if (!format || yyjson_equals_str(type, "text")) return true;
  if (!by_schema && !any)
    return bnc_api_fail(error, 400, "unsupported_parameter", param,
                        "'response_format' has a type that is not supported, expected text, json_object or json_schema");
  if (by_schema && !bnc_chat_members(json, &(bnc_chat_known){inner, schemas, notes}, error)) return false;
  if (by_schema && !yyjson_is_obj(schema))
    return bnc_api_fail(error, 400, "invalid_type", param, "'%s.schema' is %s, expected an object", inner,
                        schema ? bnc_json_kind(schema) : "missing");
  if (!take_texts(r, BNC_CONSTRAINT_JSON_SCHEMA, 1, error)) return false;
  r->schema = any ? strdup(any_object) : yyjson_val_write(schema, YYJSON_WRITE_NOFLAG, NULL);
  r->form_text[0] = r->schema;
  return r->schema || bnc_api_fail(error, 503, NULL, NULL, "out of memory");
}

static bool take_choice(bnc_chat_request *r, yyjson_val *choice, bnc_api_error *error) {
  static const char param[] = "binocle.choice";
  const size_t count = yyjson_arr_size(choice);
  char found[32];
  if (!choice) return true;
  if (count > CHOICES)
    return bnc_api_fail(error, 400, "invalid_value", param, "'%s' has %zu texts, expected at most %d", param, count, CHOICES);
  if (count == 0)
    return bnc_api_fail(error, 400, "invalid_value", param, "'%s' is %s, expected a list of 1 to %d texts", param,
                        bnc_chat_found(choice, found), CHOICES);
  if (!take_texts(r, BNC_CONSTRAINT_CHOICE, count, error)) return false;
  for (size_t i = 0; i < count; i++)
    if (!bnc_chat_text(yyjson_arr_get(choice, i), param, &r->form_text[i], error)) return false;
  return true;
}

bool bnc_chat_form(bnc_chat_request *r, yyjson_val *root, bnc_api_error *error) {
  yyjson_val *ours = bnc_json_member(root, "binocle"), *regex = bnc_json_member(ours, "regex");
  if (!take_schema(r, bnc_json_member(root, "response_format"), error) || !take_choice(r, bnc_json_member(ours, "choice"), error))
    return false;
  if (!regex) return true;
  return take_texts(r, BNC_CONSTRAINT_REGEX, 1, error) && bnc_chat_text(regex, "binocle.regex", &r->form_text[0], error);
}
