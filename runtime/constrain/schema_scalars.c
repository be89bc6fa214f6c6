/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and numbers. */
#include <math.h>
#include <string.h>

#include "runtime/constrain/expression.h"
#include "runtime/constrain/json_text.h"
#include "runtime/constrain/schema_private.h"

#define DATE "\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])"
#define TIME "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,9})?(Z|[+-]([01]\\d|2[0-3]):[0-5]\\d)"
/* RFC 3339 and RFC 9562; whether a month has a day is not told. */
static const struct {
  const char *name, *pattern;
} formats[] = {{"date", "^" DATE "$"},
               {"time", "^" TIME "$"},
               {"date-time", "^" DATE "T" TIME "$"},
               {"uuid", "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}};

static const char *pattern_of_format(bnc_schema_walk *w, yyjson_val *format) {
  const char *name = yyjson_get_str(format);
  for (size_t i = 0; name && i < sizeof formats / sizeof *formats; i++)
    if (strcmp(name, formats[i].name) == 0) return formats[i].pattern;
  bnc_schema_fail(w, BNC_ERROR_UNSUPPORTED, "'format' is '%.60s', expected date, time, date-time or uuid", name ? name : "no text");
  return "";
}

static uint32_t write_pattern(bnc_schema_walk *w, uint32_t from, const char *pattern, size_t size) {
  bnc_expression expression;
  const bnc_status s = bnc_expression_parse(&expression, pattern, size, w->nfa->err);
  if (s != BNC_OK) {
    bnc_schema_fail_here(w, s);
    return from;
  }
  const uint32_t begin = bnc_nfa_text(w->nfa, from, "\"", 1);
  const uint32_t end = bnc_expression_write_search(&expression, w->nfa, begin, bnc_json_write_characters);
  bnc_expression_free(&expression);
  return bnc_nfa_text(w->nfa, end, "\"", 1);
}

uint32_t bnc_schema_write_text(bnc_schema_walk *w, uint32_t from, yyjson_val *schema) {
  yyjson_val *pattern = yyjson_obj_get(schema, "pattern"), *format = yyjson_obj_get(schema, "format");
  const bool endless = !bnc_json_given(schema, "maxLength");
  size_t least = 0, most = BNC_SCHEMA_TIMES;
  if (w->nfa->status != BNC_OK) return from;
  bnc_status s = bnc_json_get_size(schema, "minLength", 0, BNC_SCHEMA_TIMES, &least, w->nfa->err);
  if (s == BNC_OK) s = bnc_json_get_size(schema, "maxLength", 0, BNC_SCHEMA_TIMES, &most, w->nfa->err);
  if (s != BNC_OK) bnc_schema_fail_here(w, s);
  if (most < least) bnc_schema_fail(w, BNC_ERROR_FORMAT, "'maxLength' is less than 'minLength'");
  if ((pattern || format) && (least || !endless || (pattern && format)))
    bnc_schema_fail(w, BNC_ERROR_UNSUPPORTED,
                    "'pattern' or 'format' beside each other or a length is not supported: write it into the pattern");
  if (pattern && !yyjson_is_str(pattern)) bnc_schema_fail(w, BNC_ERROR_FORMAT, "'pattern' is no text");
  const char *of_format = format ? pattern_of_format(w, format) : NULL;
  if (w->nfa->status != BNC_OK) return from;
  if (pattern) return write_pattern(w, from, yyjson_get_str(pattern), yyjson_get_len(pattern));
  if (format) return write_pattern(w, from, of_format, strlen(of_format));
  return bnc_json_write_string(w->nfa, from, (uint32_t)least, endless ? BNC_JSON_ENDLESS : (uint32_t)most);
}

/* One side: the inclusive keyword and the exclusive one; of two the narrower. sign 1: a lower bound. */
static bnc_json_bound read_bound(bnc_schema_walk *w, yyjson_val *schema, const char *closed, const char *open, int sign) {
  const char *const names[] = {closed, open};
  bnc_json_bound bound = {0};
  for (int i = 0; i < 2 && w->nfa->status == BNC_OK; i++) {
    double value = 0;
    if (!bnc_json_given(schema, names[i])) continue;
    const bnc_status s = bnc_json_get_double(schema, names[i], -(double)BNC_JSON_LARGEST, (double)BNC_JSON_LARGEST, &value, w->nfa->err);
    if (s != BNC_OK) bnc_schema_fail_here(w, s);
    const double whole = sign > 0 ? floor(value) : ceil(value); /* a bound between whole numbers: open at the one outside */
    const int64_t number = (int64_t)whole;
    const bool is_open = i == 1 || whole != value;
    const bool narrower = !bound.given || (sign > 0 ? number > bound.value : number < bound.value);
    if (narrower)
      bound = (bnc_json_bound){number, true, is_open};
    else if (number == bound.value)
      bound.open = bound.open || is_open;
  }
  return bound;
}

uint32_t bnc_schema_write_integer(bnc_schema_walk *w, uint32_t from, yyjson_val *schema) {
  const bnc_json_bound low = read_bound(w, schema, "minimum", "exclusiveMinimum", 1);
  const bnc_json_bound high = read_bound(w, schema, "maximum", "exclusiveMaximum", -1);
  const int64_t least = low.given ? low.value + low.open : -BNC_JSON_LARGEST, most = high.given ? high.value - high.open : BNC_JSON_LARGEST;
  if (least > most) bnc_schema_fail(w, BNC_ERROR_FORMAT, "there is no whole number between its bounds");
  return w->nfa->status == BNC_OK ? bnc_json_write_integer(w->nfa, from, least, most) : from;
}

static void check_whole(bnc_schema_walk *w, yyjson_val *schema) {
  const char *const names[] = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"};
  for (int i = 0; i < 4; i++) {
    const double value = yyjson_get_num(yyjson_obj_get(schema, names[i]));
    if (floor(value) != value) bnc_schema_fail(w, BNC_ERROR_UNSUPPORTED, "'%s' of a number is supported as a whole number alone", names[i]);
  }
}

uint32_t bnc_schema_write_number(bnc_schema_walk *w, uint32_t from, yyjson_val *schema) {
  const bnc_json_bound low = read_bound(w, schema, "minimum", "exclusiveMinimum", 1);
  const bnc_json_bound high = read_bound(w, schema, "maximum", "exclusiveMaximum", -1);
  check_whole(w, schema);
  if (low.given && high.given && (low.value > high.value || (low.value == high.value && (low.open || high.open))))
    bnc_schema_fail(w, BNC_ERROR_FORMAT, "there is no number between its bounds");
  return w->nfa->status == BNC_OK ? bnc_json_write_number(w->nfa, from, low, high) : from;
}
