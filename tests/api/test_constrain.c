/* SPDX-License-Identifier: Apache-2.0 */
/* Constrained answers through the public API. */
#include <string.h>

#include "platforms/base/mem.h"
#include "tests/api/session_case.h"
#include "tests/unit.h"

#define MODEL "constrain.bnc"
#define SHORT "constrain_short.bnc"

static const char schema[] = "{\"type\":\"object\",\"properties\":{\"sign\":{\"type\":\"string\",\"maxLength\":8},"
                             "\"count\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":9}},\"required\":[\"sign\",\"count\"]}";

static void constrain(bnc_session *s, bnc_constraint_kind kind, const char *text) { must(s, bnc_session_constrain(s, kind, &text, 1)); }

static answer ask(bnc_session *s, const bnc_sampling *sampling, bnc_finish *finish) {
  answer a = {.count = 0};
  bnc_session_reset(s);
  must(s, bnc_session_ask(s, "what is on the sign"));
  must(s, bnc_session_generate(s, sampling, collect, &a, finish));
  return a;
}

static bnc_sampling sampling_of(double temperature, uint64_t seed, uint32_t most) {
  bnc_sampling o;
  bnc_sampling_init(&o);
  o.temperature = temperature;
  o.seed = seed;
  o.max_tokens = most;
  return o;
}

/* {"sign": "...", "count": 7} by hand: the tiny model says anything. */
static void expect_object(const answer *a) {
  const char *at = a->text, *end = a->text + a->length;
  assert_true(a->length > 22 && memcmp(at, "{\"sign\":", 8) == 0);
  at += 8;
  at += *at == ' ';
  assert_int_equal(*at++, '"');
  while (at < end && *at != '"') at += *at == '\\' ? 2 : 1;
  at++;
  assert_int_equal(*at++, ',');
  at += *at == ' ';
  assert_memory_equal(at, "\"count\":", 8);
  at += 8;
  at += *at == ' ';
  assert_true(*at >= '0' && *at <= '9' && at[1] == '}' && at + 2 == end);
}

static void json_of_a_schema(void **state) {
  (void)state;
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_session *s = session_of(context, MODEL, &model);
  bnc_finish finish;
  constrain(s, BNC_CONSTRAINT_JSON_SCHEMA, schema);
  for (uint32_t i = 0; i < 24; i++) {
    bnc_sampling o = sampling_of(i % 3, i, 24 + 4 * (i % 6));
    o.top_k = i % 4 == 3 ? 5 : 0;
    o.top_p = i % 4 == 2 ? 0.5 : 1;
    const answer a = ask(s, &o, &finish);
    expect_object(&a);
    assert_int_equal(finish, BNC_FINISH_STOP); /* nothing can follow */
    o.draft = BNC_DRAFT_LOOKUP;
    const answer again = ask(s, &o, &finish);
    assert_int_equal(a.count, again.count);
    assert_memory_equal(a.id, again.id, a.count * sizeof *a.id);
  }
  bnc_session_destroy(s);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static void choices_and_expressions(void **state) {
  (void)state;
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_session *s = session_of(context, MODEL, &model);
  const char *const choices[] = {"red", "dark red", "grün"}, *const empty[] = {""};
  bool seen[3] = {false};
  bnc_finish finish;
  must(s, bnc_session_constrain(s, BNC_CONSTRAINT_CHOICE, choices, 3));
  for (uint64_t seed = 0; seed < 40; seed++) {
    const bnc_sampling o = sampling_of(3, seed, 16);
    const answer a = ask(s, &o, &finish);
    size_t which = 0;
    while (which < 3 && (strlen(choices[which]) != a.length || memcmp(choices[which], a.text, a.length) != 0)) which++;
    assert_true(which < 3);
    seen[which] = true;
    assert_int_equal(finish, BNC_FINISH_STOP);
  }
  assert_true(seen[0] && seen[1] && seen[2]);
  must(s, bnc_session_constrain(s, BNC_CONSTRAINT_CHOICE, empty, 1));
  answer a = ask(s, NULL, &finish);
  assert_true(a.length == 0 && a.count == 0 && finish == BNC_FINISH_STOP);
  constrain(s, BNC_CONSTRAINT_REGEX, "(ab){2,}");
  bnc_sampling o = sampling_of(1, 5, 9);
  o.ignore_stop = 1;
  a = ask(s, &o, &finish); /* no further pair fits */
  assert_true(a.length >= 4 && a.length % 2 == 0 && memcmp(a.text, "abab", 4) == 0 && finish == BNC_FINISH_LENGTH);
  must(s, bnc_session_constrain(s, BNC_CONSTRAINT_NONE, NULL, 0));
  const answer is_free = ask(s, &o, &finish);
  assert_int_equal(is_free.count, 9);
  bnc_session_destroy(s);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static void near_the_end(void **state) {
  (void)state;
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_session *s = session_of(context, SHORT, &model);
  bnc_finish finish;
  bnc_model_info info = {.size = sizeof info};
  assert_int_equal(bnc_model_get_info(model, &info), BNC_OK);
  constrain(s, BNC_CONSTRAINT_REGEX, "x[a-z ]*y");
  bnc_sampling o = sampling_of(2, 1, 0);
  answer a = ask(s, &o, &finish);
  assert_true(a.length >= 2 && a.text[0] == 'x' && a.text[a.length - 1] == 'y');
  assert_true(bnc_session_rows(s) <= info.context);
  o.max_tokens = 1;
  must(s, bnc_session_constrain(s, BNC_CONSTRAINT_NONE, NULL, 0));
  bnc_session_reset(s);
  must(s, bnc_session_ask(s, "what is on the sign"));
  constrain(s, BNC_CONSTRAINT_REGEX, "x[0-9]{8}y");
  refuses(s, bnc_session_generate(s, &o, collect, &a, &finish), BNC_ERROR_LIMIT, "there is room for 1 tokens");
  o.max_tokens = 10;
  a.length = a.count = 0;
  must(s, bnc_session_generate(s, &o, collect, &a, &finish));
  assert_true(a.length == 10 && a.text[9] == 'y');
  bnc_session_destroy(s);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static int count_allocations(void *user, int32_t id, const char *text, size_t length) {
  uint64_t *counts = user;
  (void)text;
  (void)length;
  if (id >= 0 && counts[0]++ == 8) counts[1] = bnc_mem_count(); /* by then the answer's texts have room */
  if (counts[0] > 8) assert_int_equal(counts[1], bnc_mem_count());
  return 0;
}

static void allocates_nothing(void **state) {
  (void)state;
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_session *s = session_of(context, MODEL, &model);
  uint64_t counts[2] = {0};
  constrain(s, BNC_CONSTRAINT_REGEX, "([a-z]{1,9} ){20,}");
  bnc_sampling o = sampling_of(1, 1, 60);
  ask(s, &o, NULL); /* the history has room then */
  o.seed = 2;
  bnc_session_reset(s);
  must(s, bnc_session_ask(s, "what is on the sign"));
  must(s, bnc_session_generate(s, &o, count_allocations, counts, NULL));
  assert_true(counts[0] >= 20);
  bnc_session_destroy(s);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

/* Each allocation fails in turn: a clear error, and the form that was stays. */
static void out_of_memory(void **state) {
  (void)state;
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_session *s = session_of(context, MODEL, &model);
  const char *const text = schema;
  long long after = 0;
  bnc_status status = BNC_ERROR_MEMORY;
  bnc_finish finish;
  constrain(s, BNC_CONSTRAINT_REGEX, "[xy]{3}");
  for (; status != BNC_OK && after < 1000; after++) {
    bnc_mem_fail_after(after);
    status = bnc_session_constrain(s, BNC_CONSTRAINT_JSON_SCHEMA, &text, 1);
    bnc_mem_fail_after(-1);
    assert_true(status == BNC_OK || status == BNC_ERROR_MEMORY);
    if (status == BNC_OK || after != 3) continue;
    const answer a = ask(s, NULL, &finish);
    assert_true(a.length == 3 && strspn(a.text, "xy") == 3);
  }
  assert_true(status == BNC_OK && after > 10);
  const answer a = ask(s, NULL, &finish);
  expect_object(&a);
  bnc_session_destroy(s);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

/* Two sessions of a model share its tokens and nothing else. */
static void two_sessions(void **state) {
  (void)state;
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_session *first = session_of(context, MODEL, &model), *second = NULL;
  bnc_finish finish;
  assert_int_equal(bnc_session_create(model, &second), BNC_OK);
  constrain(first, BNC_CONSTRAINT_JSON_SCHEMA, schema);
  constrain(second, BNC_CONSTRAINT_REGEX, "[0-9]{4}");
  const answer object = ask(first, NULL, &finish), digits = ask(second, NULL, &finish);
  expect_object(&object);
  assert_true(digits.length == 4 && strspn(digits.text, "0123456789") == 4);
  bnc_session_destroy(first);
  const answer again = ask(second, NULL, &finish);
  assert_int_equal(again.length, 4);
  bnc_session_destroy(second);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static void what_is_refused(void **state) {
  (void)state;
  static const struct {
    bnc_constraint_kind kind;
    bnc_status status;
    const char *text, *words;
  } wrong[] = {
      {BNC_CONSTRAINT_REGEX, BNC_ERROR_UNSUPPORTED, "ab(?=c)", "byte 4: a group that begins with (?"},
      {BNC_CONSTRAINT_REGEX, BNC_ERROR_UNSUPPORTED, "a\\b", "byte 1: this escape"},
      {BNC_CONSTRAINT_REGEX, BNC_ERROR_FORMAT, "a)", "byte 1: a ) without its ("},
      {BNC_CONSTRAINT_REGEX, BNC_ERROR_LIMIT, "((((((a?){30}){30}){30}){30}){30})", "too large"},
      {BNC_CONSTRAINT_JSON_SCHEMA, BNC_ERROR_FORMAT, "{\"type\":", "the schema: "},
      {BNC_CONSTRAINT_JSON_SCHEMA, BNC_ERROR_UNSUPPORTED, "{\"properties\":{\"a/b\":{\"oneOf\":[]}}}",
       "#/properties/a~1b: 'oneOf' is not supported"},
      {BNC_CONSTRAINT_JSON_SCHEMA, BNC_ERROR_UNSUPPORTED, "{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"items\":{\"$ref\":\"#/$defs/a\"}}}}",
       "within itself"},
      {BNC_CONSTRAINT_JSON_SCHEMA, BNC_ERROR_FORMAT, "{\"type\":\"integer\",\"minimum\":1.5,\"maximum\":1.7}",
       "#: there is no whole number"},
      {BNC_CONSTRAINT_JSON_SCHEMA, BNC_ERROR_FORMAT, "{\"type\":\"string\",\"type\":\"null\"}", "twice"},
      {BNC_CONSTRAINT_JSON_SCHEMA, BNC_ERROR_LIMIT, "{\"type\":\"string\",\"minLength\":60000}", "too large"},
      {BNC_CONSTRAINT_CHOICE, BNC_ERROR_FORMAT, "\xff", "choice 1 is no UTF-8"},
      {(bnc_constraint_kind)9, BNC_ERROR_ARGUMENT, "", "found constraint 9"},
  };
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_session *s = session_of(context, MODEL, &model);
  bnc_finish finish;
  constrain(s, BNC_CONSTRAINT_REGEX, "[xy]{3}");
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    refuses(s, bnc_session_constrain(s, wrong[i].kind, &wrong[i].text, 1), wrong[i].status, wrong[i].words);
  refuses(s, bnc_session_constrain(s, BNC_CONSTRAINT_CHOICE, NULL, 0), BNC_ERROR_ARGUMENT, "has 0 texts");
  refuses(s, bnc_session_constrain(s, BNC_CONSTRAINT_REGEX, NULL, 1), BNC_ERROR_ARGUMENT, "is not given");
  const answer a = ask(s, NULL, &finish); /* the form that it had */
  assert_true(a.length == 3 && strspn(a.text, "xy") == 3);
  bnc_session_destroy(s);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static int make_models(void **state) {
  (void)state;
  make_model(MODEL, false, true, 0);
  make_model(SHORT, false, true, 64);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(json_of_a_schema), cmocka_unit_test(choices_and_expressions),
                                     cmocka_unit_test(near_the_end),     cmocka_unit_test(allocates_nothing),
                                     cmocka_unit_test(out_of_memory),    cmocka_unit_test(two_sessions),
                                     cmocka_unit_test(what_is_refused)};
  return cmocka_run_group_tests(tests, make_models, NULL);
}
