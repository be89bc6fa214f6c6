/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations through the public API, on tiny random models with a tokenizer. */
#include <binocle/binocle.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/import/make_checkpoint.h"
#include "tests/unit.h"

#define PICTURE BINOCLE_TEST_DATA "/photos/coffee.jpg"
#define TOKENIZER BINOCLE_TEST_DATA "/text/small_llama3.json"
#define VOCABULARY 2000

static void copy_file(const char *from, const char *to) {
  char buffer[65536];
  FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
  assert_non_null(in);
  assert_non_null(out);
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, in)) > 0;) assert_int_equal(fwrite(buffer, 1, n, out), n);
  fclose(in);
  assert_int_equal(fclose(out), 0);
}

static bnc_context *context_of(unsigned threads) {
  bnc_context_settings settings;
  bnc_context *context;
  bnc_context_settings_init(&settings);
  settings.threads = threads;
  settings.cache_dir = "";
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  return context;
}

/* Compiles a tiny model: with or without vision, with or without a tokenizer. */
static void make_model(const char *output, bool vision, bool tokenizer, unsigned limit) {
  char dir[128], file[160];
  make_spec spec = make_spec_small();
  bnc_compile_options options;
  bnc_context *context = context_of(1);
  snprintf(dir, sizeof dir, "%s.checkpoint", output);
  spec.geometry.text.vocab = VOCABULARY;
  spec.geometry.has_vision = vision;
  assert_int_equal(make_checkpoint(dir, &spec), 0);
  snprintf(file, sizeof file, "%s/tokenizer.json", dir);
  remove(file);
  if (tokenizer) copy_file(TOKENIZER, file);
  bnc_compile_options_init(&options);
  options.checkpoint = dir;
  options.output = output;
  options.vision_weights = options.text_weights = BNC_WEIGHTS_F32;
  options.context = limit;
  if (bnc_compile(context, &options) != BNC_OK) fail_msg("%s", bnc_context_error(context));
  bnc_context_destroy(context);
}

static bnc_session *session_of(bnc_context *context, const char *path, bnc_model **model) {
  bnc_session *session;
  if (bnc_model_open(context, path, model) != BNC_OK || bnc_session_create(*model, &session) != BNC_OK)
    fail_msg("%s", bnc_context_error(context));
  return session;
}

static void must(bnc_session *session, bnc_status status) {
  if (status != BNC_OK) fail_msg("status %d: %s", (int)status, bnc_session_error(session));
}

typedef struct answer {
  int32_t id[64];
  size_t count;
  char text[4096];
  size_t length;
} answer;

static int collect(void *user, int32_t id, const char *text, size_t length) {
  answer *a = user;
  if (id >= 0) a->id[a->count++] = id;
  assert_true(a->length + length < sizeof a->text);
  memcpy(a->text + a->length, text, length);
  a->length += length;
  return 0;
}

static answer generate(bnc_session *session, unsigned tokens) {
  bnc_sampling sampling;
  bnc_finish finish;
  answer a = {.count = 0};
  bnc_sampling_init(&sampling);
  sampling.max_tokens = tokens;
  sampling.ignore_stop = 1;
  must(session, bnc_session_generate(session, &sampling, collect, &a, &finish));
  assert_int_equal(finish, BNC_FINISH_LENGTH);
  assert_int_equal(a.count, tokens);
  return a;
}

static float *logits_of(bnc_session *session) {
  const float *logits;
  size_t count;
  must(session, bnc_session_logits(session, &logits, &count));
  assert_int_equal(count, VOCABULARY);
  float *copy = malloc(count * sizeof *copy);
  assert_non_null(copy);
  memcpy(copy, logits, count * sizeof *copy);
  return copy;
}

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

static void refuses(bnc_session *session, bnc_status got, bnc_status expected, const char *words) {
  assert_int_equal(got, expected);
  if (!strstr(bnc_session_error(session), words)) fail_msg("'%s' lacks '%s'", bnc_session_error(session), words);
  assert_null(strchr(bnc_session_error(session), '\n'));
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
