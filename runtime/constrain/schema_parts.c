/* SPDX-License-Identifier: Apache-2.0 */
/* Objects and arrays. */
#include <string.h>

#include "runtime/constrain/json_text.h"
#include "runtime/constrain/schema_private.h"

uint32_t bnc_schema_write_literal(bnc_schema_walk *w, uint32_t from, yyjson_val *value) {
  size_t size = 0;
  char *text = yyjson_val_write_opts(value, YYJSON_WRITE_NOFLAG, &bnc_json_allocator, &size, NULL);
  if (!text) {
    bnc_fail_memory(w->nfa->err, size);
    bnc_schema_fail_here(w, BNC_ERROR_MEMORY);
    return from;
  }
  from = bnc_nfa_text(w->nfa, from, text, size);
  bnc_json_allocator.free(bnc_json_allocator.ctx, text);
  return from;
}

static void check_required(bnc_schema_walk *w, yyjson_val *required, yyjson_val *properties) {
  if (required && !yyjson_is_arr(required)) bnc_schema_fail(w, BNC_ERROR_FORMAT, "'required' is no list");
  yyjson_arr_iter each = yyjson_arr_iter_with(required);
  for (yyjson_val *name; (name = yyjson_arr_iter_next(&each)) != NULL;)
    if (!yyjson_is_str(name) || !yyjson_obj_getn(properties, yyjson_get_str(name), yyjson_get_len(name)))
      bnc_schema_fail(w, BNC_ERROR_FORMAT, "'required' has '%.60s', which is none of its properties",
                      yyjson_is_str(name) ? yyjson_get_str(name) : "what is no text");
}

static bool is_required(yyjson_val *required, yyjson_val *key) {
  yyjson_arr_iter each = yyjson_arr_iter_with(required);
  for (yyjson_val *name; (name = yyjson_arr_iter_next(&each)) != NULL;)
    if (yyjson_get_len(name) == yyjson_get_len(key) && memcmp(yyjson_get_str(name), yyjson_get_str(key), yyjson_get_len(key)) == 0)
      return true;
  return false;
}

/* Members of any names: what writes a value is called once, for the first and the others alike. */
static uint32_t write_map(bnc_schema_walk *w, uint32_t from, yyjson_val *values, unsigned depth) {
  const uint32_t open = bnc_nfa_text(w->nfa, from, "{", 1), member = bnc_nfa_state(w->nfa);
  bnc_nfa_jump(w->nfa, open, member);
  const uint32_t name = bnc_json_write_string(w->nfa, member, 0, BNC_JSON_ENDLESS), value = bnc_schema_write_sign(w, name, ":");
  const uint32_t after = yyjson_is_obj(values) ? bnc_schema_write_below(w, value, values, "additionalProperties", NULL)
                                               : bnc_schema_write_anything(w, value, depth);
  bnc_nfa_jump(w->nfa, bnc_schema_write_sign(w, after, ","), member);
  const uint32_t end = bnc_nfa_text(w->nfa, after, "}", 1);
  bnc_nfa_bytes(w->nfa, open, '}', '}', end);
  return end;
}

uint32_t bnc_schema_write_anything(bnc_schema_walk *w, uint32_t from, unsigned depth) {
  static const char *const words[] = {"true", "false", "null"};
  const bnc_json_bound none = {0};
  const uint32_t end = bnc_nfa_state(w->nfa);
  if (!bnc_nfa_goes_on(w->nfa)) return from;
  for (size_t i = 0; i < 3; i++) bnc_nfa_jump(w->nfa, bnc_nfa_text(w->nfa, from, words[i], strlen(words[i])), end);
  bnc_nfa_jump(w->nfa, bnc_json_write_string(w->nfa, from, 0, BNC_JSON_ENDLESS), end);
  bnc_nfa_jump(w->nfa, bnc_json_write_number(w->nfa, from, none, none), end);
  if (depth == 0) return end;
  bnc_nfa_jump(w->nfa, write_map(w, from, NULL, depth - 1), end);
  const uint32_t open = bnc_nfa_text(w->nfa, from, "[", 1), item = bnc_nfa_state(w->nfa);
  bnc_nfa_jump(w->nfa, open, item);
  const uint32_t after = bnc_schema_write_anything(w, item, depth - 1);
  bnc_nfa_jump(w->nfa, bnc_schema_write_sign(w, after, ","), item);
  bnc_nfa_jump(w->nfa, bnc_nfa_text(w->nfa, after, "]", 1), end);
  bnc_nfa_bytes(w->nfa, open, ']', ']', end);
  return end;
}

/* Properties in the schema's order. Two ways lead past each: of objects that have no member yet, and of those that have one. */
uint32_t bnc_schema_write_object(bnc_schema_walk *w, uint32_t from, yyjson_val *schema) {
  yyjson_val *properties = yyjson_obj_get(schema, "properties"), *required = yyjson_obj_get(schema, "required"),
             *additional = yyjson_obj_get(schema, "additionalProperties");
  if (properties && !yyjson_is_obj(properties)) bnc_schema_fail(w, BNC_ERROR_FORMAT, "'properties' is no object");
  if (additional && !yyjson_is_false(additional)) {
    if (properties || required)
      bnc_schema_fail(w, BNC_ERROR_UNSUPPORTED,
                      "'additionalProperties' beside properties is supported as false, as it is where it is not given");
    return write_map(w, from, additional, BNC_SCHEMA_ANYTHING - 1);
  }
  check_required(w, required, properties);
  uint32_t none = bnc_nfa_text(w->nfa, from, "{", 1), some = bnc_nfa_state(w->nfa);
  yyjson_obj_iter members = yyjson_obj_iter_with(properties);
  for (yyjson_val *key; (key = yyjson_obj_iter_next(&members)) != NULL;) {
    if (!bnc_nfa_goes_on(w->nfa)) break;
    const uint32_t begin = bnc_nfa_state(w->nfa), after = bnc_nfa_state(w->nfa), without = bnc_nfa_state(w->nfa);
    bnc_nfa_jump(w->nfa, none, begin);
    bnc_nfa_jump(w->nfa, bnc_schema_write_sign(w, some, ","), begin);
    const uint32_t value = bnc_schema_write_sign(w, bnc_schema_write_literal(w, begin, key), ":");
    bnc_nfa_jump(w->nfa, bnc_schema_write_below(w, value, yyjson_obj_iter_get_val(key), "properties", yyjson_get_str(key)), after);
    if (!is_required(required, key)) {
      bnc_nfa_jump(w->nfa, none, without);
      bnc_nfa_jump(w->nfa, some, after);
    }
    none = without;
    some = after;
  }
  const uint32_t end = bnc_nfa_text(w->nfa, some, "}", 1);
  bnc_nfa_bytes(w->nfa, none, '}', '}', end);
  return end;
}

uint32_t bnc_schema_write_array(bnc_schema_walk *w, uint32_t from, yyjson_val *schema) {
  yyjson_val *items = yyjson_obj_get(schema, "items");
  const bool endless = !bnc_json_given(schema, "maxItems");
  size_t least = 0, most = BNC_SCHEMA_TIMES;
  bnc_status s = bnc_json_get_size(schema, "minItems", 0, BNC_SCHEMA_TIMES, &least, w->nfa->err);
  if (s == BNC_OK) s = bnc_json_get_size(schema, "maxItems", 0, BNC_SCHEMA_TIMES, &most, w->nfa->err);
  if (s != BNC_OK) bnc_schema_fail_here(w, s);
  if (most < least) bnc_schema_fail(w, BNC_ERROR_FORMAT, "'maxItems' is less than 'minItems'");
  if (!items && most > 0) bnc_schema_fail(w, BNC_ERROR_UNSUPPORTED, "an array without 'items' is not supported");
  if (endless) most = least ? least : 1; /* then as many more as there are */
  uint32_t at = bnc_nfa_text(w->nfa, from, "[", 1);
  const uint32_t last = bnc_nfa_state(w->nfa);
  for (size_t i = 0; i < most && bnc_nfa_goes_on(w->nfa); i++) {
    if (i >= least) bnc_nfa_jump(w->nfa, at, last);
    if (i) at = bnc_schema_write_sign(w, at, ",");
    at = bnc_schema_write_below(w, at, items, "items", NULL);
  }
  if (endless) {
    const uint32_t more = bnc_nfa_state(w->nfa);
    bnc_nfa_jump(w->nfa, at, more);
    at = more;
    bnc_nfa_jump(w->nfa, bnc_schema_write_below(w, bnc_schema_write_sign(w, more, ","), items, "items", NULL), more);
  }
  bnc_nfa_jump(w->nfa, at, last);
  return bnc_nfa_text(w->nfa, last, "]", 1);
}
