/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/constrain/schema.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/constrain/schema_private.h"

void bnc_schema_fail_here(bnc_schema_walk *w, bnc_status status) {
  if (w->nfa->status != BNC_OK) return;
  bnc_error_prefix(w->nfa->err, "the schema at %s", w->path);
  w->nfa->status = status;
}

void bnc_schema_fail(bnc_schema_walk *w, bnc_status status, const char *format, ...) {
  char text[256];
  va_list arguments;
  if (w->nfa->status != BNC_OK) return;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  bnc_fail(w->nfa->err, status, "%s", text);
  bnc_schema_fail_here(w, status);
}

uint32_t bnc_schema_write_sign(bnc_schema_walk *w, uint32_t from, const char *sign) {
  const uint32_t at = bnc_nfa_text(w->nfa, from, sign, 1), end = bnc_nfa_state(w->nfa);
  bnc_nfa_jump(w->nfa, at, end);
  bnc_nfa_bytes(w->nfa, at, ' ', ' ', end);
  return end;
}

/* The types, what writes each, and the keywords that may stand with it; a NULL ends those. */
typedef struct type_rule {
  const char *name;
  uint32_t (*write)(bnc_schema_walk *walk, uint32_t from, yyjson_val *schema);
  const char *keywords[5];
} type_rule;

static uint32_t write_boolean(bnc_schema_walk *w, uint32_t from, yyjson_val *schema) {
  (void)schema;
  const uint32_t end = bnc_nfa_text(w->nfa, from, "true", 4);
  bnc_nfa_jump(w->nfa, bnc_nfa_text(w->nfa, from, "false", 5), end);
  return end;
}

static uint32_t write_null(bnc_schema_walk *w, uint32_t from, yyjson_val *schema) {
  (void)schema;
  return bnc_nfa_text(w->nfa, from, "null", 4);
}

#define BOUNDS "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", NULL
static const type_rule types[] = {
    {"object", bnc_schema_write_object, {"properties", "required", "additionalProperties", NULL}},
    {"array", bnc_schema_write_array, {"items", "minItems", "maxItems", NULL}},
    {"string", bnc_schema_write_text, {"minLength", "maxLength", "pattern", "format", NULL}},
    {"integer", bnc_schema_write_integer, {BOUNDS}},
    {"number", bnc_schema_write_number, {BOUNDS}},
    {"boolean", write_boolean, {NULL}},
    {"null", write_null, {NULL}},
};
#define TYPES (sizeof types / sizeof *types)
/* What says nothing about values. */
static const char *const notes[] = {"title",   "description", "default",  "examples", "deprecated",  "readOnly", "writeOnly",
                                    "$schema", "$id",         "$comment", "$defs",    "definitions", NULL};

static bool is_among(const char *name, const char *const *names) {
  for (; *names; names++)
    if (strcmp(name, *names) == 0) return true;
  return false;
}

/* The bits of "type"; 0: there is none, or a failure. */
static unsigned read_types(bnc_schema_walk *w, yyjson_val *schema) {
  yyjson_val *type = yyjson_obj_get(schema, "type");
  const size_t count = yyjson_is_arr(type) ? yyjson_arr_size(type) : type ? 1 : 0;
  unsigned bits = 0;
  for (size_t i = 0; i < count; i++) {
    const char *name = yyjson_get_str(yyjson_is_arr(type) ? yyjson_arr_get(type, i) : type);
    size_t k = 0;
    while (k < TYPES && (!name || strcmp(name, types[k].name) != 0)) k++;
    if (k == TYPES) {
      bnc_schema_fail(w, BNC_ERROR_FORMAT, "there is no type '%.40s'", name ? name : "(no text)");
      return 0;
    }
    bits |= 1u << k;
  }
  if (type && !bits) bnc_schema_fail(w, BNC_ERROR_FORMAT, "an empty list of types");
  return bits;
}

/* Refuses keywords that are neither notes, nor `own`, nor of one of the types. */
static void check_keywords(bnc_schema_walk *w, yyjson_val *schema, const char *const *own, unsigned of_types) {
  yyjson_obj_iter members = yyjson_obj_iter_with(schema);
  for (yyjson_val *key; (key = yyjson_obj_iter_next(&members)) != NULL;) {
    const char *name = yyjson_get_str(key);
    bool known = is_among(name, notes) || is_among(name, own);
    for (size_t i = 0; i < TYPES; i++) known = known || ((of_types >> i & 1) && is_among(name, types[i].keywords));
    if (strlen(name) != yyjson_get_len(key)) known = false;
    if (!known) bnc_schema_fail(w, BNC_ERROR_UNSUPPORTED, "'%.60s' is not supported here", name);
  }
}

static bool has_type(yyjson_val *value, unsigned bits) {
  const double number = yyjson_get_num(value);
  const bool is[TYPES] = {
      yyjson_is_obj(value), yyjson_is_arr(value),  yyjson_is_str(value), yyjson_is_num(value) && floor(number) == number,
      yyjson_is_num(value), yyjson_is_bool(value), yyjson_is_null(value)};
  for (size_t i = 0; i < TYPES; i++)
    if ((bits >> i & 1) && is[i]) return true;
  return bits == 0;
}

static uint32_t write_enum(bnc_schema_walk *w, uint32_t from, yyjson_val *values, unsigned bits) {
  const uint32_t end = bnc_nfa_state(w->nfa);
  bool any = false;
  if (!yyjson_is_arr(values)) bnc_schema_fail(w, BNC_ERROR_FORMAT, "'enum' is no list");
  yyjson_arr_iter each = yyjson_arr_iter_with(values);
  for (yyjson_val *value; (value = yyjson_arr_iter_next(&each)) != NULL;) {
    if (!bnc_nfa_goes_on(w->nfa)) break;
    if (!has_type(value, bits)) continue;
    bnc_nfa_jump(w->nfa, bnc_schema_write_literal(w, from, value), end);
    any = true;
  }
  if (!any) bnc_schema_fail(w, BNC_ERROR_FORMAT, "'enum' has no value of its type");
  return end;
}

static uint32_t write_any_of(bnc_schema_walk *w, uint32_t from, yyjson_val *schemas) {
  const uint32_t end = bnc_nfa_state(w->nfa);
  size_t i = 0;
  if (!yyjson_is_arr(schemas) || yyjson_arr_size(schemas) == 0) bnc_schema_fail(w, BNC_ERROR_FORMAT, "'anyOf' is no list of schemas");
  yyjson_arr_iter each = yyjson_arr_iter_with(schemas);
  for (yyjson_val *schema; (schema = yyjson_arr_iter_next(&each)) != NULL; i++) {
    if (!bnc_nfa_goes_on(w->nfa)) break;
    char index[24];
    snprintf(index, sizeof index, "%zu", i);
    bnc_nfa_jump(w->nfa, bnc_schema_write_below(w, from, schema, "anyOf", index), end);
  }
  return end;
}

/* A name as it stands in a JSON pointer, into one as it stands in an object; false where it is longer than fits. */
static bool read_pointer(const char *text, char name[256]) {
  size_t size = 0;
  for (; *text; text++) {
    if (size + 1 >= 256) return false;
    name[size++] = *text;
    if (*text == '~' && (text[1] == '0' || text[1] == '1')) name[size - 1] = *++text == '0' ? '~' : '/';
  }
  name[size] = '\0';
  return true;
}

static uint32_t write_reference(bnc_schema_walk *w, uint32_t from, yyjson_val *reference) {
  const char *text = yyjson_get_str(reference);
  const char *const folders[] = {"$defs", "definitions"};
  for (size_t i = 0; text && i < 2; i++) {
    const size_t length = strlen(folders[i]);
    char name[256];
    if (strncmp(text, "#/", 2) != 0 || strncmp(text + 2, folders[i], length) != 0 || text[2 + length] != '/') continue;
    if (strchr(text + 3 + length, '/') || !read_pointer(text + 3 + length, name)) break;
    yyjson_val *target = yyjson_obj_get(yyjson_obj_get(w->root, folders[i]), name);
    if (!target) {
      bnc_schema_fail(w, BNC_ERROR_FORMAT, "'$ref' names %.100s, which is not there", text);
      return from;
    }
    char before[sizeof w->path];
    memcpy(before, w->path, sizeof before);
    memcpy(w->path, "#", 2);
    from = bnc_schema_write_below(w, from, target, folders[i], name);
    memcpy(w->path, before, sizeof before);
    return from;
  }
  bnc_schema_fail(w, BNC_ERROR_UNSUPPORTED, "'$ref' is %.100s, expected #/$defs/NAME", text ? text : "no text");
  return from;
}

static uint32_t write_types(bnc_schema_walk *w, uint32_t from, yyjson_val *schema, unsigned bits) {
  if (!bits && (yyjson_obj_get(schema, "properties") || yyjson_obj_get(schema, "additionalProperties"))) bits = 1u << 0;
  if (!bits && yyjson_obj_get(schema, "items")) bits = 1u << 1;
  check_keywords(w, schema, (const char *const[]){"type", NULL}, bits);
  if (!bits) return bnc_schema_write_anything(w, from, BNC_SCHEMA_ANYTHING);
  const uint32_t end = bnc_nfa_state(w->nfa);
  for (size_t i = 0; i < TYPES && bnc_nfa_goes_on(w->nfa); i++)
    if (bits >> i & 1) bnc_nfa_jump(w->nfa, types[i].write(w, from, schema), end);
  return end;
}

static uint32_t write_value(bnc_schema_walk *w, uint32_t from, yyjson_val *schema) {
  if (yyjson_is_true(schema)) return bnc_schema_write_anything(w, from, BNC_SCHEMA_ANYTHING);
  if (!yyjson_is_obj(schema)) {
    bnc_schema_fail(w, BNC_ERROR_FORMAT, "expected an object, or true");
    return from;
  }
  yyjson_val *reference = yyjson_obj_get(schema, "$ref"), *constant = yyjson_obj_get(schema, "const"),
             *values = yyjson_obj_get(schema, "enum"), *any_of = yyjson_obj_get(schema, "anyOf");
  const unsigned bits = read_types(w, schema);
  if (reference) {
    check_keywords(w, schema, (const char *const[]){"$ref", NULL}, 0);
    return write_reference(w, from, reference);
  }
  if (any_of) {
    check_keywords(w, schema, (const char *const[]){"anyOf", NULL}, 0);
    return write_any_of(w, from, any_of);
  }
  if (constant) {
    check_keywords(w, schema, (const char *const[]){"const", "type", NULL}, 0);
    if (!has_type(constant, bits)) bnc_schema_fail(w, BNC_ERROR_FORMAT, "'const' is not of its type");
    return bnc_schema_write_literal(w, from, constant);
  }
  if (values) {
    check_keywords(w, schema, (const char *const[]){"enum", "type", NULL}, 0);
    return write_enum(w, from, values, bits);
  }
  return write_types(w, from, schema, bits);
}

/* Appends /name to the path, as far as it fits. */
static void go_below(bnc_schema_walk *w, const char *name) {
  size_t size = strlen(w->path);
  if (size + 2 < sizeof w->path) w->path[size++] = '/';
  for (; *name && size + 3 < sizeof w->path; name++) {
    if (*name == '~' || *name == '/') w->path[size++] = '~';
    w->path[size++] = *name == '~' ? '0' : *name == '/' ? '1' : *name;
  }
  w->path[size] = '\0';
}

uint32_t bnc_schema_write_below(bnc_schema_walk *w, uint32_t from, yyjson_val *schema, const char *keyword, const char *name) {
  const size_t before = strlen(w->path);
  if (!bnc_nfa_goes_on(w->nfa)) return from;
  go_below(w, keyword);
  if (name) go_below(w, name);
  if (++w->depth > BNC_SCHEMA_DEPTH)
    bnc_schema_fail(w, BNC_ERROR_UNSUPPORTED, "more than %d schemas in each other, or one that is within itself", BNC_SCHEMA_DEPTH);
  else
    from = write_value(w, from, schema);
  w->depth--;
  w->path[before] = '\0';
  return from;
}

uint32_t bnc_schema_write(bnc_nfa *nfa, uint32_t from, const char *schema, size_t size) {
  yyjson_doc *doc = NULL;
  if (nfa->status != BNC_OK) return from;
  if (size > BNC_SCHEMA_BYTES)
    nfa->status = bnc_fail(nfa->err, BNC_ERROR_LIMIT, "the schema has %zu bytes, expected at most %zu", size, BNC_SCHEMA_BYTES);
  else
    nfa->status = bnc_json_parse(&doc, schema, size, nfa->err);
  if (nfa->status != BNC_OK) {
    bnc_error_prefix(nfa->err, "the schema");
    return from;
  }
  bnc_schema_walk walk = {.nfa = nfa, .root = yyjson_doc_get_root(doc), .path = "#"};
  from = write_value(&walk, from, walk.root);
  yyjson_doc_free(doc);
  return from;
}
