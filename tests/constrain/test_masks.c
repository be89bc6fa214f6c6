/* SPDX-License-Identifier: Apache-2.0 */
/* Every token of every mask, on random walks, against PCRE2: may the text with this token still become a match? */
#include <stdio.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "platforms/base/mem.h"
#include "runtime/text/utf8.h"
#include "tests/constrain/walk.h"
#include "tests/unit.h"

#define DOT "[^\\n\\r\\x{2028}\\x{2029}]"
/* A character of a JSON string: any but what must be escaped, or an escape that is no half of a pair. */
#define HEX "[0-9a-fA-F]"
#define UNPAIRED "\\\\u(?:[0-9a-cA-CeEfF]" HEX "{3}|[dD][0-7]" HEX "{2}|[dD][89abAB]" HEX "{2}\\\\u[dD][c-fC-F]" HEX "{2})"
#define IN_STRING "(?:[^\"\\\\\\x00-\\x1f]|\\\\[\"\\\\/bfnrt]|" UNPAIRED ")"

typedef struct language {
  bnc_constraint_kind kind;
  const char *text, *pcre; /* pcre NULL: text itself */
} language;

#define R BNC_CONSTRAINT_REGEX
#define S BNC_CONSTRAINT_JSON_SCHEMA
static const language languages[] = {
    {R, "[a-z]+", NULL},
    {R, " ?the( [a-z]{1,4}){0,3}", NULL},
    {R, " the|a  b| ", NULL},
    {R, "(yes|no|maybe)( (sir|madam))?[.!]", NULL},
    {R, "\\d{1,3}(,\\d{3})*(\\.\\d\\d)?", "[0-9]{1,3}(,[0-9]{3})*(\\.[0-9][0-9])?"},
    {R, ".*", DOT "*"},
    {R, "[^a-y\\s]{2,5}é?", "[^a-y\\t\\n\\x0b\\f\\r ]{2,5}é?"},
    {R, "[α-ω]+|日本|\\u20ac{2}|(é|è|ê)*", "[α-ω]+|日本|\\x{20ac}{2}|(é|è|ê)*"},
    {R, "([a-c]{2}){2,}?x|^\\x41\\W$", "([a-c]{2}){2,}?x|A[^0-9A-Za-z_]"},
    {R, "(a|b)*a(a|b){6}", NULL},
    {R, "(|a|(b|))+c*", NULL},
    {S, "{\"type\":\"string\"}", "\"" IN_STRING "*\""},
    {S, "{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}", "\"" IN_STRING "{2,3}\""},
    {S, "{\"type\":\"string\",\"pattern\":\"^a[b\\\"\\\\\\\\\\n]+$\"}", "\"a(?:b|\\\\\"|\\\\\\\\|\\\\n)+\""},
    {S, "{\"type\":\"integer\",\"minimum\":-12,\"maximum\":105}", "-(?:[1-9]|1[0-2])|[0-9]|[1-9][0-9]|10[0-5]"},
    {S, "{\"type\":\"number\",\"exclusiveMinimum\":0,\"maximum\":2}",
     "0\\.(?=[0-9]{1,15}(?![0-9]))0*[1-9][0-9]*|1(?:\\.[0-9]{1,15})?|2(?:\\.0{1,15})?"},
    {S,
     "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"null\"},\"b\":{\"const\":1},\"c\":{\"enum\":[\"x\",2]}},\"required\":[\"b\"]}",
     "\\{(?:\"a\": ?null, ?)?\"b\": ?1(?:, ?\"c\": ?(?:\"x\"|2))?\\}"},
    {S, "{\"type\":\"array\",\"items\":{\"type\":[\"boolean\",\"null\"]},\"minItems\":1,\"maxItems\":3}",
     "\\[(?:true|false|null)(?:, ?(?:true|false|null)){0,2}\\]"},
    {S, "{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/n\"},\"$defs\":{\"n\":{\"anyOf\":[{\"const\":1},{\"type\":\"null\"}]}}}",
     "\\[(?:(?:1|null)(?:, ?(?:1|null))*)?\\]"},
};

typedef struct oracle {
  pcre2_code *code;
  pcre2_match_data *data;
} oracle;

static oracle oracle_of(const language *l) {
  int problem;
  PCRE2_SIZE at;
  char pattern[1024];
  oracle o;
  snprintf(pattern, sizeof pattern, "(?:%s)\\z", l->pcre ? l->pcre : l->text); /* PCRE2_ENDANCHORED does not go with partial matches */
  o.code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                         PCRE2_UTF | PCRE2_ANCHORED | PCRE2_NO_START_OPTIMIZE | PCRE2_NO_AUTO_POSSESS, &problem, &at, NULL);
  if (!o.code) fail_msg("%s: error %d at %zu", pattern, problem, (size_t)at);
  o.data = pcre2_match_data_create_from_pattern(o.code, NULL);
  return o;
}

static bool is_whole(const oracle *o, const char *text, size_t size) {
  return pcre2_match(o->code, (PCRE2_SPTR)text, size, 0, 0, o->data, NULL) >= 0;
}

/* Of whole characters. */
static bool may_become(const oracle *o, const char *text, size_t size) {
  const int how = pcre2_match(o->code, (PCRE2_SPTR)text, size, 0, PCRE2_PARTIAL_HARD, o->data, NULL);
  return size == 0 || how >= 0 || how == PCRE2_ERROR_PARTIAL;
}

/* The text ends in a part of a character: is there one that goes on well? Those are tried that the languages tell apart, and bytes from
 * the whole range at each place that is missing. */
static bool may_become_with(const oracle *o, char *text, size_t size, size_t whole) {
  static const uint32_t known[] = {0xE8, 0xE9, 0xEA, 0x3B1, 0x3C9, 0x65E5, 0x672C, 0x20AC, 0x2027, 0x202A};
  static const uint8_t tried[] = {0x80, 0x81, 0x8F, 0x90, 0x9F, 0xA0, 0xA9, 0xBF};
  const uint8_t first = (uint8_t)text[whole];
  const size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2, missing = whole + length - size;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    char character[4];
    const size_t has = bnc_utf8_write(known[i], character);
    if (has != length || memcmp(character, text + whole, size - whole) != 0) continue;
    memcpy(text + whole, character, has);
    if (may_become(o, text, whole + has)) return true;
  }
  for (size_t i = 0; i < (size_t)1 << 3 * missing; i++) {
    for (size_t k = 0; k < missing; k++) text[size + k] = (char)tried[i >> 3 * k & 7];
    if (bnc_utf8_check(text, whole + length) == whole + length && may_become(o, text, whole + length)) return true;
  }
  return false;
}

static bool expects(const oracle *o, const char *text, size_t size) {
  char copy[WALK_TOKENS * 8];
  assert_true(size + 4 < sizeof copy);
  memcpy(copy, text, size);
  const size_t whole = bnc_utf8_check(copy, size);
  if (whole == size) return may_become(o, copy, size);
  if (bnc_utf8_next(copy + whole, size - whole) < 0) return false;
  return may_become_with(o, copy, size, whole);
}

static void check_mask(walk *w, const oracle *o, const uint32_t *mask, char *text, size_t size) {
  const bnc_vocabulary *v = w->vocabulary;
  for (int32_t id = 0; id < (int32_t)v->ids; id++) {
    const uint8_t *bytes = v->bytes + v->offsets[id];
    size_t more = v->offsets[id + 1] - v->offsets[id];
    bool expected = walk_is_stop(w, id) && is_whole(o, text, size);
    if (more) {
      const bool strip = v->strips && w->count == 0 && bytes[0] == ' ';
      memcpy(text + size, bytes + strip, more - strip);
      expected = expects(o, text, size + more - strip) && !(w->count == 0 && bnc_vocabulary_not_first(v, id));
    }
    if (expected != (mask[id / 32] >> id % 32 & 1))
      fail_msg("behind '%.*s' token %d '%.*s' is %s", (int)size, text, (int)id, (int)more, (const char *)bytes,
               expected ? "not allowed" : "allowed");
  }
}

/* Returns how many masks were checked. */
static size_t check_walk(walk *w, const oracle *o, size_t most) {
  const bnc_vocabulary *v = w->vocabulary;
  char text[WALK_TOKENS * 8];
  size_t size = 0, masks = 0;
  bnc_error err;
  w->count = 0;
  assert_int_equal(bnc_constraint_begin(w->constraint, SIZE_MAX, true, &err), BNC_OK);
  while (w->count < most) {
    const uint32_t *mask;
    if (bnc_constraint_mask(w->constraint, SIZE_MAX, &mask, &err) != BNC_OK) fail_msg("%s", err.text);
    assert_non_null(mask);
    check_mask(w, o, mask, text, size);
    masks++;
    const int32_t id = walk_pick(w, mask);
    if (walk_is_stop(w, id)) break;
    const bool strip = v->strips && w->count == 0 && v->bytes[v->offsets[id]] == ' ';
    const size_t more = v->offsets[id + 1] - v->offsets[id] - strip;
    memcpy(text + size, v->bytes + v->offsets[id] + strip, more);
    size += more;
    w->ids[w->count++] = id;
    if (bnc_constraint_take(w->constraint, id, &err) != BNC_OK) fail_msg("%s", err.text);
    assert_int_equal(bnc_constraint_accepts(w->constraint), bnc_utf8_check(text, size) == size && is_whole(o, text, size));
    if (bnc_constraint_is_over(w->constraint)) break;
  }
  return masks;
}

/* spells_little: there are bytes that no token is, so that some languages are empty to it. */
static void check_tokenizer(const char *name, bool spells_little) {
  char path[1024];
  size_t masks = 0;
  bnc_error err;
  snprintf(path, sizeof path, "%s/text/%s.json", BINOCLE_TEST_DATA, name);
  walk w = walk_open(path);
  for (size_t i = 0; i < sizeof languages / sizeof *languages; i++) {
    const oracle o = oracle_of(&languages[i]);
    const bool made = walk_constrain(&w, languages[i].kind, &languages[i].text, 1, &err);
    if (!made && !(spells_little && strstr(err.text, "no text"))) fail_msg("%s: %s", languages[i].text, err.text);
    for (size_t n = 0; made && n < 12; n++) masks += check_walk(&w, &o, 12);
    pcre2_match_data_free(o.data);
    pcre2_code_free(o.code);
  }
  print_message("%s: %zu masks of %zu tokens equal\n", name, masks, w.vocabulary->ids);
  assert_true(masks > 800);
  walk_close(&w);
}

static void llama3(void **state) { (void)state, check_tokenizer("small_llama3", false); }
static void llama2(void **state) { (void)state, check_tokenizer("small_llama2", false); }
static void metaspace(void **state) { (void)state, check_tokenizer("small_metaspace", true); }

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(llama3), cmocka_unit_test(llama2), cmocka_unit_test(metaspace)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
