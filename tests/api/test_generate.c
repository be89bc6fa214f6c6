/* SPDX-License-Identifier: Apache-2.0 */
/* What steers an answer and its session: stop texts, log-probabilities, system text and template, whole conversations, progress and cancel.
 */
#include <binocle/binocle.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/api/session_case.h"
#include "tests/unit.h"

/* The greedy answer to "Hello", and what it says under a setting. */
static answer ask(bnc_session *session, const bnc_sampling *sampling, bnc_finish *finish) {
  answer a = {.count = 0};
  bnc_session_reset(session);
  must(session, bnc_session_ask(session, "Hello"));
  must(session, bnc_session_generate(session, sampling, collect, &a, finish));
  return a;
}

static bnc_sampling twelve_tokens(void) {
  bnc_sampling o;
  bnc_sampling_init(&o);
  o.max_tokens = 12;
  o.ignore_stop = 1;
  return o;
}

static void stop_texts_end_an_answer(void **state) {
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_finish finish;
  (void)state;
  bnc_session *session = session_of(context, "steered.bnc", &model);
  bnc_sampling o = twelve_tokens();
  o.max_tokens = 60;
  o.temperature = 1.0; /* the greedy answer repeats itself */
  const answer whole = ask(session, &o, &finish);
  assert_int_equal(finish, BNC_FINISH_LENGTH);
  assert_true(whole.length > 8);
  /* Each text of four bytes in the answer, wherever tokens begin and end, cuts it at its first place. */
  for (size_t at = 0; at + 4 <= whole.length; at++) {
    char text[5] = {0};
    memcpy(text, whole.text + at, 4);
    if (strlen(text) < 4) continue;
    const char *const stops[] = {"never there, so much is sure", text};
    o.stop = stops;
    o.stop_count = 2;
    const answer cut = ask(session, &o, &finish);
    const char *first = memmem(whole.text, whole.length, text, 4);
    assert_int_equal(finish, BNC_FINISH_STOP);
    assert_int_equal(cut.length, first - whole.text);
    assert_memory_equal(cut.text, whole.text, cut.length);
    assert_true(cut.count <= whole.count);
  }
  /* What only begins like a stop text is told in the end. */
  char longer[BNC_STOP_BYTES] = {0};
  memcpy(longer, whole.text + whole.length - 3, 3);
  strcat(longer, "no more");
  const char *const beginning[] = {longer};
  o.stop = beginning;
  o.stop_count = 1;
  const answer all = ask(session, &o, &finish);
  assert_int_equal(finish, BNC_FINISH_LENGTH);
  assert_int_equal(all.length, whole.length);
  assert_memory_equal(all.text, whole.text, whole.length);

  static const char *const empty[] = {""};
  o.stop = empty;
  refuses(session, bnc_session_generate(session, &o, NULL, NULL, NULL), BNC_ERROR_ARGUMENT, "stop text 0 is empty");
  o.stop_count = BNC_STOP_TEXTS + 1;
  refuses(session, bnc_session_generate(session, &o, NULL, NULL, NULL), BNC_ERROR_ARGUMENT, "17 stop texts");
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

typedef struct told {
  bnc_session *session;
  bnc_token token[16];
  size_t count;
} told;

static int note_token(void *user, int32_t id, const char *text, size_t length) {
  told *t = user;
  (void)text;
  (void)length;
  if (id < 0) return 0;
  t->token[t->count].size = sizeof(bnc_token);
  assert_int_equal(bnc_session_token(t->session, &t->token[t->count]), BNC_OK);
  assert_int_equal(t->token[t->count].id, id);
  t->count++;
  return 0;
}

static void log_probabilities_are_those_of_the_logits(void **state) {
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_token none = {.size = sizeof none};
  (void)state;
  bnc_session *session = session_of(context, "steered.bnc", &model);
  assert_int_equal(bnc_session_token(session, &none), BNC_ERROR_ARGUMENT);
  bnc_sampling o = twelve_tokens();
  told t = {.session = session};
  must(session, bnc_session_ask(session, "Hello"));
  float *logits = logits_of(session);
  o.logprobs = 1;
  must(session, bnc_session_generate(session, &o, note_token, &t, NULL));
  assert_int_equal(t.count, 12);
  double sum = 0.0;
  const double most = (double)logits[t.token[0].top_id[0]]; /* none is above it, as is shown below */
  for (size_t i = 0; i < VOCABULARY; i++) sum += exp((double)logits[i] - most);
  for (size_t k = 0; k < BNC_TOP_TOKENS; k++) {
    const int32_t id = t.token[0].top_id[k];
    assert_true(fabs((double)logits[id] - most - log(sum) - (double)t.token[0].top_logprob[k]) < 1e-5);
    size_t above = 0;
    for (size_t i = 0; i < VOCABULARY; i++) above += logits[i] > logits[id];
    assert_true(above <= k);
  }
  assert_int_equal(t.token[0].id, t.token[0].top_id[0]); /* greedy */
  assert_true(t.token[0].logprob == t.token[0].top_logprob[0]);
  free(logits);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

/* Rows and logits behind a conversation. */
static float *after(bnc_session *session, const char *system, const char *template_, const bnc_exchange *exchanges, size_t count,
                    size_t *rows) {
  bnc_session_reset(session);
  must(session, bnc_session_set_system(session, system));
  must(session, bnc_session_set_template(session, template_));
  must(session, bnc_session_converse(session, exchanges, count));
  *rows = bnc_session_rows(session);
  return logits_of(session);
}

static void conversations_are_written_as_asked(void **state) {
  static const bnc_exchange two[] = {{"Hello", "Good day."}, {"And then?", NULL}};
  static const char whole[] =
      "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user"
      "<|end_header_id|>\n\nHello<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nGood day.<|eot_id|>"
      "<|start_header_id|>user<|end_header_id|>\n\nAnd then?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n";
  const bnc_exchange plain = {whole, NULL};
  bnc_context *context = context_of(1);
  bnc_model *model;
  size_t rows[4];
  (void)state;
  bnc_session *session = session_of(context, "steered.bnc", &model);
  float *steered = after(session, "Be brief.", "llama3", two, 2, &rows[0]);
  float *written = after(session, NULL, "plain", &plain, 1, &rows[1]);
  assert_int_equal(rows[0], rows[1]);
  assert_memory_equal(steered, written, VOCABULARY * sizeof *steered);
  free(written);
  written = after(session, "", NULL, two + 1, 1, &rows[2]);
  free(written);
  written = after(session, NULL, NULL, two + 1, 1, &rows[3]);
  assert_true(rows[3] > rows[2] + 20); /* the template's own system text */
  free(written);
  free(steered);
  refuses(session, bnc_session_set_system(session, "late"), BNC_ERROR_ARGUMENT, "has begun");
  refuses(session, bnc_session_set_template(session, "plain"), BNC_ERROR_ARGUMENT, "has begun");
  refuses(session, bnc_session_converse(session, two, 2), BNC_ERROR_ARGUMENT, "has begun");
  bnc_session_reset(session);
  refuses(session, bnc_session_set_template(session, "chatmail"), BNC_ERROR_ARGUMENT, "llama3");
  refuses(session, bnc_session_converse(session, two, 1), BNC_ERROR_ARGUMENT, "exchange 0 of 1");
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static int count_reports(void *user, const char *stage, double fraction) {
  size_t *count = user;
  assert_non_null(stage);
  assert_true(fraction >= 0.0 && fraction <= 1.0);
  ++*count;
  return 0;
}
static int stop_at_once(void *user, const char *stage, double fraction) {
  (void)stage;
  (void)fraction;
  ++*(size_t *)user;
  return 1;
}

static void reports_are_each_session_s_own(void **state) {
  bnc_context *context = context_of(1);
  bnc_model *model;
  size_t first_count = 0, second_count = 0;
  (void)state;
  bnc_session *first = session_of(context, "steered.bnc", &model), *second;
  assert_int_equal(bnc_session_create(model, &second), BNC_OK);
  bnc_session_set_progress(first, count_reports, &first_count);
  bnc_session_set_progress(second, stop_at_once, &second_count);
  must(first, bnc_session_ask(first, "Hello"));
  assert_true(first_count > 0);
  assert_int_equal(second_count, 0);
  assert_int_equal(bnc_session_ask(second, "Hello"), BNC_ERROR_CANCELLED);
  assert_int_equal(second_count, 1);
  bnc_session_set_progress(second, NULL, NULL);
  must(second, bnc_session_ask(second, "Hello"));
  assert_int_equal(second_count, 1);
  bnc_session_destroy(first);
  bnc_session_destroy(second);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

typedef struct other_thread {
  bnc_session *session;
  atomic_bool begun;
} other_thread;

static void *cancel_soon(void *user) {
  other_thread *t = user;
  while (!atomic_load(&t->begun)) nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
  bnc_session_cancel(t->session);
  return NULL;
}
static int tell_begun(void *user, int32_t id, const char *text, size_t length) {
  other_thread *t = user;
  (void)id;
  (void)text;
  (void)length;
  atomic_store(&t->begun, true);
  return 0;
}

static void one_session_is_cancelled_from_another_thread(void **state) {
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_finish finish;
  pthread_t thread;
  (void)state;
  bnc_session *session = session_of(context, "steered.bnc", &model), *other;
  assert_int_equal(bnc_session_create(model, &other), BNC_OK);
  other_thread t = {.session = session};
  bnc_sampling endless;
  bnc_sampling_init(&endless);
  endless.max_tokens = 0;
  endless.ignore_stop = 1;
  must(session, bnc_session_ask(session, "Hello"));
  assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &t), 0);
  must(session, bnc_session_generate(session, &endless, tell_begun, &t, &finish));
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_true(finish == BNC_FINISH_CALLER || finish == BNC_FINISH_CONTEXT); /* the context may be full before the other thread runs */
  /* Asked while nothing runs: the next work stops, once. */
  bnc_session_reset(session);
  bnc_session_cancel(session);
  (void)bnc_session_add_image_file(session, PICTURE);
  bnc_session_cancel(session);
  refuses(session, bnc_session_add_image_file(session, PICTURE), BNC_ERROR_CANCELLED, "");
  must(session, bnc_session_add_image_file(session, PICTURE));
  must(other, bnc_session_ask(other, "Hello"));
  bnc_session_destroy(session);
  bnc_session_destroy(other);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

int main(void) {
  make_model("steered.bnc", true, true, 0);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(stop_texts_end_an_answer),
      cmocka_unit_test(log_probabilities_are_those_of_the_logits),
      cmocka_unit_test(conversations_are_written_as_asked),
      cmocka_unit_test(reports_are_each_session_s_own),
      cmocka_unit_test(one_session_is_cancelled_from_another_thread),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
