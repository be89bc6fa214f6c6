/* SPDX-License-Identifier: Apache-2.0 */
/* Guessing ahead changes how long an answer takes and nothing else: tokens, logits, and what comes after it. */
#include <stdlib.h>
#include <string.h>

#include "tests/api/session_case.h"
#include "tests/unit.h"

#define MODEL "draft.bnc"
#define CONTEXT 96

enum { LONG = 60 };

static bnc_sampling sampling_of(double temperature, uint64_t seed, uint32_t draft) {
  bnc_sampling o;
  bnc_sampling_init(&o);
  o.max_tokens = LONG;
  o.ignore_stop = 1;
  o.temperature = temperature;
  o.top_k = 8; /* so that tokens come again */
  o.seed = seed;
  o.draft = draft;
  return o;
}

typedef struct outcome {
  answer first, second;
  float *logits; /* [VOCABULARY] behind the last row; free it */
  size_t rows;
  bnc_finish finish;
  bnc_statistics statistics;
} outcome;

/* A question, an answer that went on for so long that the tiny model repeats itself, and one more question behind it. */
static outcome converse(bnc_session *session, const bnc_sampling *sampling, int warm_up) {
  outcome o = {.finish = BNC_FINISH_CALLER, .statistics = {.size = sizeof o.statistics}};
  bnc_session_reset(session);
  must(session, bnc_session_ask(session, "one two three one two three one two"));
  for (int i = 0; i < warm_up; i++) generate(session, LONG);
  must(session, bnc_session_generate(session, sampling, collect, &o.first, &o.finish));
  o.rows = bnc_session_rows(session);
  if (o.finish != BNC_FINISH_CONTEXT) {
    const int32_t more[] = {5, 6, 7};
    must(session, bnc_session_append(session, more, 3));
    o.second = generate(session, 3);
  }
  o.logits = logits_of(session);
  must(session, bnc_session_get_statistics(session, &o.statistics));
  return o;
}

static void expect_equal(const outcome *a, const outcome *b) {
  assert_int_equal(a->first.count, b->first.count);
  assert_memory_equal(a->first.id, b->first.id, a->first.count * sizeof *a->first.id);
  assert_int_equal(a->first.length, b->first.length);
  assert_memory_equal(a->first.text, b->first.text, a->first.length);
  assert_int_equal(a->second.count, b->second.count);
  assert_memory_equal(a->second.id, b->second.id, a->second.count * sizeof *a->second.id);
  assert_memory_equal(a->logits, b->logits, VOCABULARY * sizeof *a->logits);
  assert_int_equal(a->rows, b->rows);
  assert_int_equal(a->finish, b->finish);
}

/* Returns how many guesses came true. */
static uint64_t compare(const char *path, unsigned threads, double temperature, uint64_t seed, uint32_t most, bnc_finish finish) {
  const int warm_up = finish == BNC_FINISH_CONTEXT ? 0 : 2;
  bnc_context *context = context_of(threads);
  bnc_model *model;
  bnc_session *session = session_of(context, path, &model);
  bnc_sampling plain = sampling_of(temperature, seed, BNC_DRAFT_NONE), guessing = sampling_of(temperature, seed, BNC_DRAFT_LOOKUP);
  plain.max_tokens = guessing.max_tokens = most;
  const outcome one = converse(session, &plain, warm_up);
  assert_int_equal(one.finish, finish);
  assert_int_equal(one.statistics.guessed_tokens, 0);
  const outcome ahead = converse(session, &guessing, warm_up);
  expect_equal(&one, &ahead);
  assert_int_equal(ahead.statistics.decode_tokens, 2 * one.statistics.decode_tokens);
  assert_true(ahead.statistics.guessed_right <= ahead.statistics.guessed_tokens);
  free(one.logits);
  free(ahead.logits);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
  return ahead.statistics.guessed_right;
}

static void greedy_answers_are_the_same(void **state) {
  (void)state;
  for (unsigned threads = 1; threads <= 2; threads++) assert_true(compare(MODEL, threads, 0, 0, LONG, BNC_FINISH_LENGTH) > 0);
  for (uint32_t most = 1; most < 12; most++) compare(MODEL, 1, 0, 0, most, BNC_FINISH_LENGTH);
}

static void drawn_answers_are_the_same(void **state) {
  (void)state;
  uint64_t right = 0;
  for (uint64_t seed = 0; seed < 12; seed++) right += compare(MODEL, 1, seed % 3 ? 0.3 : 1.0, seed, LONG, BNC_FINISH_LENGTH);
  assert_true(right > 0);
}

static void the_context_ends_both(void **state) {
  (void)state;
  compare("draft_short.bnc", 1, 0, 0, 0, BNC_FINISH_CONTEXT);
}

/* Greedy ids and the last logits' bytes of a model that repeats itself. */
static void repeat(const char *path, uint32_t draft, answer *a, float *logits, size_t *count, bnc_statistics *statistics) {
  bnc_context *context = context_of(2);
  bnc_model *model;
  bnc_session *session = session_of(context, path, &model);
  const bnc_sampling o = sampling_of(0, 0, draft);
  const float *last;
  int32_t ids[64];
  for (int i = 0; i < 64; i++) ids[i] = i * 41 % 500;
  must(session, bnc_session_append(session, ids, 64));
  must(session, bnc_session_generate(session, &o, collect, a, NULL));
  must(session, bnc_session_logits(session, &last, count));
  assert_true(*count <= VOCABULARY);
  memcpy(logits, last, *count * sizeof *logits);
  must(session, bnc_session_get_statistics(session, statistics));
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

/* int8, and int4 in another one, with a KV cache of f16. */
static void quantised_answers_are_the_same(void **state) {
  (void)state;
  static const char *const paths[] = {BINOCLE_TEST_DATA "/../../quant/pocket/pocket.bnc", "draft_int4.bnc"};
  static float logits[2][VOCABULARY];
  for (int i = 0; i < 2; i++) {
    answer a[2] = {{.count = 0}};
    bnc_statistics s[2] = {{.size = sizeof s[0]}, {.size = sizeof s[0]}};
    size_t count[2];
    for (uint32_t draft = 0; draft < 2; draft++) repeat(paths[i], draft, &a[draft], logits[draft], &count[draft], &s[draft]);
    assert_int_equal(a[1].count, LONG);
    assert_memory_equal(a[0].id, a[1].id, sizeof a[0].id);
    assert_memory_equal(logits[0], logits[1], count[0] * sizeof(float));
    assert_int_equal(s[0].decode_tokens, s[1].decode_tokens);
    assert_true(s[1].guessed_right > (i == 0 ? LONG / 3 : 0));
  }
}

static int stop_at_nine(void *user, int32_t id, const char *text, size_t length) {
  answer *a = user;
  collect(a, id, text, length);
  return a->count == 9;
}

/* Rows that were computed ahead are gone where the caller stops. */
static void a_stopped_answer_goes_on_the_same(void **state) {
  (void)state;
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_session *session = session_of(context, MODEL, &model);
  answer a[2] = {{.count = 0}}, rest[2];
  for (uint32_t draft = 0; draft < 2; draft++) {
    const bnc_sampling o = sampling_of(0, 0, draft);
    bnc_session_reset(session);
    must(session, bnc_session_ask(session, "one two three one two three one two"));
    must(session, bnc_session_generate(session, &o, stop_at_nine, &a[draft], NULL));
    rest[draft] = generate(session, 20);
  }
  assert_int_equal(a[1].count, 9);
  assert_memory_equal(a[0].id, a[1].id, sizeof a[0].id);
  assert_memory_equal(rest[0].id, rest[1].id, sizeof rest[0].id);
  bnc_sampling wrong = sampling_of(0, 0, 2);
  refuses(session, bnc_session_generate(session, &wrong, NULL, NULL, NULL), BNC_ERROR_ARGUMENT, "found draft 2");
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static int setup(void **state) {
  (void)state;
  make_model(MODEL, false, true, 0);
  make_model("draft_short.bnc", false, true, CONTEXT);
  bnc_compile_options options;
  bnc_context *context = context_of(1);
  bnc_compile_options_init(&options);
  options.output = "draft_int4.bnc";
  options.text_weights = BNC_WEIGHTS_INT4;
  const bnc_status made = bnc_synth(context, "pocket", &options);
  if (made != BNC_OK) fail_msg("%s", bnc_context_error(context));
  bnc_context_destroy(context);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(greedy_answers_are_the_same), cmocka_unit_test(drawn_answers_are_the_same),
                                     cmocka_unit_test(quantised_answers_are_the_same), cmocka_unit_test(the_context_ends_both),
                                     cmocka_unit_test(a_stopped_answer_goes_on_the_same)};
  return cmocka_run_group_tests(tests, setup, NULL);
}
