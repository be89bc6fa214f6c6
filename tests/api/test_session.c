/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations through the public API, on tiny random models with a tokenizer. */
#include <binocle/binocle.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/api/session_case.h"
#include "tests/unit.h"

/* A second question reads the cache; what it gives must equal the whole conversation computed at once. */
static void second_question_equals_whole_conversation(void **state) {
  static const char closing[] =
      "<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nAnd then?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n";
  bnc_context *context = context_of(2);
  bnc_model *model;
  bnc_tokenizer *tokenizer;
  int32_t *first, *next;
  size_t first_count, next_count, count;
  (void)state;
  bnc_session *chat = session_of(context, "chat.bnc", &model), *whole;
  must(chat, bnc_session_ask(chat, "Hello"));
  answer a = generate(chat, 6);
  must(chat, bnc_session_ask(chat, "And then?"));
  assert_int_equal(bnc_session_was_cut(chat), 0);
  float *expected = logits_of(chat);
  count = bnc_session_rows(chat);

  static const char opening[] = "<|begin_of_text|><|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nA chat between a curious "
                                "user and an artificial intelligence assistant. "
                                "The assistant gives helpful, detailed, and polite answers to the user's "
                                "questions.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHello<|eot_id|>"
                                "<|start_header_id|>assistant<|end_header_id|>\n\n";
  assert_int_equal(bnc_tokenizer_open(context, "chat.bnc", &tokenizer), BNC_OK);
  assert_int_equal(bnc_tokenizer_encode(tokenizer, opening, sizeof opening - 1, &first, &first_count), BNC_OK);
  assert_int_equal(bnc_tokenizer_encode(tokenizer, closing, sizeof closing - 1, &next, &next_count), BNC_OK);
  int32_t *ids = malloc((first_count + a.count + next_count) * sizeof *ids);
  assert_non_null(ids);
  memcpy(ids, first, first_count * sizeof *ids);
  memcpy(ids + first_count, a.id, a.count * sizeof *ids);
  memcpy(ids + first_count + a.count, next, next_count * sizeof *ids);
  assert_int_equal(bnc_session_create(model, &whole), BNC_OK);
  must(whole, bnc_session_append(whole, ids, first_count + a.count + next_count));
  assert_int_equal(bnc_session_rows(whole), count);
  float *got = logits_of(whole);
  assert_memory_equal(got, expected, VOCABULARY * sizeof *got);
  free(got);
  free(expected);
  free(ids);
  bnc_tokens_free(first);
  bnc_tokens_free(next);
  bnc_tokenizer_close(tokenizer);
  bnc_session_destroy(whole);
  bnc_session_destroy(chat);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static answer look(unsigned threads) {
  bnc_context *context = context_of(threads);
  bnc_model *model;
  bnc_session *session = session_of(context, "chat.bnc", &model);
  must(session, bnc_session_add_image_file(session, PICTURE));
  must(session, bnc_session_ask(session, "What is this?"));
  answer a = generate(session, 8);
  bnc_statistics t = {.size = sizeof t};
  assert_int_equal(bnc_session_get_statistics(session, &t), BNC_OK);
  assert_int_equal(t.pictures, 1);
  assert_int_equal(t.decode_tokens, 7); /* the last token is told, and computed only when something follows */
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
  return a;
}

static void answers_do_not_depend_on_threads(void **state) {
  answer one = look(1), two = look(2), four = look(4);
  (void)state;
  assert_memory_equal(&one, &two, sizeof one);
  assert_memory_equal(&one, &four, sizeof one);
}

typedef struct job {
  bnc_session *session;
  answer result;
} job;
static void *talk(void *argument) {
  job *j = argument;
  must(j->session, bnc_session_add_image_file(j->session, PICTURE));
  must(j->session, bnc_session_ask(j->session, "What is this?"));
  j->result = generate(j->session, 8);
  return NULL;
}

static void sessions_share_a_model(void **state) {
  bnc_context *context = context_of(1);
  bnc_model *model;
  job jobs[2] = {{0}};
  pthread_t thread[2];
  (void)state;
  jobs[0].session = session_of(context, "chat.bnc", &model);
  assert_int_equal(bnc_session_create(model, &jobs[1].session), BNC_OK);
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&thread[i], NULL, talk, &jobs[i]), 0);
  for (int i = 0; i < 2; i++) assert_int_equal(pthread_join(thread[i], NULL), 0);
  assert_memory_equal(&jobs[0].result, &jobs[1].result, sizeof jobs[0].result);
  for (int i = 0; i < 2; i++) bnc_session_destroy(jobs[i].session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static void reset_begins_anew(void **state) {
  bnc_context *context = context_of(1);
  bnc_model *model;
  const float *logits;
  size_t count;
  (void)state;
  bnc_session *session = session_of(context, "chat.bnc", &model);
  must(session, bnc_session_ask(session, "Hello"));
  answer first = generate(session, 5);
  must(session, bnc_session_add_image_file(session, PICTURE));
  bnc_session_reset(session);
  assert_int_equal(bnc_session_rows(session), 0);
  assert_int_equal(bnc_session_logits(session, &logits, &count), BNC_ERROR_ARGUMENT);
  must(session, bnc_session_ask(session, "Hello")); /* without the picture, which reset dropped */
  answer again = generate(session, 5);
  assert_memory_equal(&first, &again, sizeof first);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static void wrong_calls_are_refused(void **state) {
  bnc_context *context = context_of(1);
  bnc_model *model;
  int32_t ids[40] = {5, VOCABULARY, BNC_IMAGE_TOKEN};
  (void)state;
  bnc_session *session = session_of(context, "chat.bnc", &model);
  refuses(session, bnc_session_generate(session, NULL, NULL, NULL, NULL), BNC_ERROR_ARGUMENT, "nothing was asked");
  refuses(session, bnc_session_append(session, ids, 2), BNC_ERROR_ARGUMENT, "2000");
  refuses(session, bnc_session_append(session, ids + 2, 1), BNC_ERROR_ARGUMENT, "1 pictures, but 0");
  refuses(session, bnc_session_append(session, ids, 0), BNC_ERROR_ARGUMENT, "empty");
  refuses(session, bnc_session_ask(session, "<image> and <image>"), BNC_ERROR_ARGUMENT, "");
  refuses(session, bnc_session_ask(session, "\xff"), BNC_ERROR_FORMAT, "UTF-8");
  refuses(session, bnc_session_add_image_file(session, "absent.png"), BNC_ERROR_IO, "absent.png");
  refuses(session, bnc_session_add_image(session, "GIF89a", 6), BNC_ERROR_UNSUPPORTED, "GIF");
  assert_int_equal(bnc_session_rows(session), 0);
  bnc_session_destroy(session);
  bnc_model_close(model);

  session = session_of(context, "plain.bnc", &model);
  refuses(session, bnc_session_ask(session, "Hello"), BNC_ERROR_UNSUPPORTED, "no tokenizer");
  refuses(session, bnc_session_add_image_file(session, PICTURE), BNC_ERROR_UNSUPPORTED, "no vision");
  for (size_t i = 0; i < 40; i++) ids[i] = (int32_t)i;
  must(session, bnc_session_append(session, ids, 40)); /* limit 24: cut as the reference cuts */
  assert_int_equal(bnc_session_was_cut(session), 1);
  assert_int_equal(bnc_session_rows(session), 24);
  bnc_status full = BNC_OK;
  for (size_t i = 0; i < 20 && full == BNC_OK; i++) full = bnc_session_append(session, ids, 40);
  refuses(session, full, BNC_ERROR_LIMIT, "do not fit");
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

int main(void) {
  make_model("chat.bnc", true, true, 0);
  make_model("plain.bnc", false, false, 24);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(second_question_equals_whole_conversation),
      cmocka_unit_test(answers_do_not_depend_on_threads),
      cmocka_unit_test(sessions_share_a_model),
      cmocka_unit_test(reset_begins_anew),
      cmocka_unit_test(wrong_calls_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
