/* SPDX-License-Identifier: Apache-2.0 */
/* After bnc_session_restart, answers are bit for bit those of a new session, whatever the weights, the cache and the prompts' common part.
 */
#include <binocle/binocle.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/model/tiny_model.h"
#include "tests/unit.h"

#define PICTURE BINOCLE_TEST_DATA "/photos/coffee.jpg"
#define OTHER BINOCLE_TEST_DATA "/photos/chelsea.webp"
#define CONTEXT 512
#define SHARED 270 /* longer than a chunk of the prefill program */
#define TOKENS 6

typedef struct outcome {
  size_t rows;
  uint64_t computed; /* rows of the prompt */
  float logits[TINY_VOCABULARY];
  int32_t id[TOKENS];
  size_t count;
} outcome;

static void must(bnc_session *session, bnc_status status) {
  if (status != BNC_OK) fail_msg("status %d: %s", (int)status, bnc_session_error(session));
}

static int collect(void *user, int32_t id, const char *text, size_t length) {
  outcome *o = user;
  (void)text;
  (void)length;
  if (id >= 0) o->id[o->count++] = id;
  return 0;
}

static outcome ask(bnc_session *session, const int32_t *ids, size_t count) {
  bnc_statistics before = {.size = sizeof before}, after = {.size = sizeof after};
  bnc_sampling sampling;
  const float *logits;
  size_t columns;
  outcome o;
  memset(&o, 0, sizeof o);
  bnc_session_get_statistics(session, &before);
  must(session, bnc_session_append(session, ids, count));
  bnc_session_get_statistics(session, &after);
  o.rows = bnc_session_rows(session);
  o.computed = after.prefill_rows - before.prefill_rows;
  must(session, bnc_session_logits(session, &logits, &columns));
  memcpy(o.logits, logits, sizeof o.logits);
  bnc_sampling_init(&sampling);
  sampling.max_tokens = TOKENS;
  sampling.ignore_stop = 1;
  must(session, bnc_session_generate(session, &sampling, collect, &o, NULL));
  return o;
}

static outcome ask_anew(bnc_model *model, const int32_t *ids, size_t count, const char *const *pictures) {
  bnc_session *session;
  assert_int_equal(bnc_session_create(model, &session), BNC_OK);
  for (; *pictures; pictures++) must(session, bnc_session_add_image_file(session, *pictures));
  outcome o = ask(session, ids, count);
  bnc_session_destroy(session);
  return o;
}

static void same(const outcome *expected, const outcome *got) {
  assert_int_equal(expected->rows, got->rows);
  assert_memory_equal(expected->logits, got->logits, sizeof expected->logits);
  assert_memory_equal(expected->id, got->id, sizeof expected->id);
}

static void fill(int32_t *ids, size_t from, size_t to, int32_t seed) {
  for (size_t i = from; i < to; i++) ids[i] = (int32_t)((size_t)(seed + 7) * (i + 3) % TINY_VOCABULARY);
}

static void several_questions(bnc_model *model, size_t image_rows) {
  static const char *const one[] = {PICTURE, NULL}, *const two[] = {PICTURE, OTHER, NULL};
  static const size_t behind[] = {1, 2, 40, 3, 130};
  int32_t ids[SHARED + 210];
  bnc_session *session;
  assert_int_equal(bnc_session_create(model, &session), BNC_OK);
  must(session, bnc_session_add_image_file(session, PICTURE));
  fill(ids, 0, SHARED, 1);
  ids[20] = BNC_IMAGE_TOKEN;
  for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
    fill(ids, SHARED, SHARED + behind[i], (int32_t)i + 2);
    const size_t count = SHARED + behind[i];
    outcome got = ask(session, ids, count), expected = ask_anew(model, ids, count, one);
    same(&expected, &got);
    if (i > 0) assert_true(got.computed <= behind[i]);
    got = ask(session, ids, 5); /* a conversation goes on, then all of it is forgotten */
    bnc_session_restart(session);
    assert_int_equal(bnc_session_rows(session), 0);
  }
  /* The very same prompt: its last row alone is computed. */
  outcome got = ask(session, ids, SHARED + 130), expected = ask_anew(model, ids, SHARED + 130, one);
  same(&expected, &got);
  assert_int_equal(got.computed, 1);
  /* The picture at another place, and in the middle of the last row's way. */
  bnc_session_restart(session);
  ids[10] = BNC_IMAGE_TOKEN;
  ids[20] = 5;
  got = ask(session, ids, 11);
  expected = ask_anew(model, ids, 11, one);
  same(&expected, &got);
  assert_int_equal(got.computed, image_rows);
  bnc_session_restart(session);
  got = ask(session, ids, 11); /* ends with the picture: it is read again whole */
  same(&expected, &got);
  assert_int_equal(got.computed, image_rows);
  /* One more picture behind the first. */
  bnc_session_restart(session);
  must(session, bnc_session_add_image_file(session, OTHER));
  ids[40] = BNC_IMAGE_TOKEN;
  got = ask(session, ids, 60);
  expected = ask_anew(model, ids, 60, two);
  same(&expected, &got);
  assert_int_equal(got.computed, 48 + image_rows);
  bnc_session_restart(session);
  ids[59] = (ids[59] + 1) % TINY_VOCABULARY;
  got = ask(session, ids, 60);
  expected = ask_anew(model, ids, 60, two);
  same(&expected, &got);
  assert_int_equal(got.computed, 1);
  /* A prompt that is cut. */
  bnc_session_restart(session);
  int32_t longer[CONTEXT + 50];
  fill(longer, 0, CONTEXT + 50, 3);
  memcpy(longer, ids, 60 * sizeof *ids);
  must(session, bnc_session_append(session, longer, CONTEXT + 50));
  assert_int_equal(bnc_session_was_cut(session), 1);
  assert_int_equal(bnc_session_rows(session), CONTEXT);
  bnc_session_restart(session);
  got = ask(session, ids, 60);
  same(&expected, &got);
  /* reset forgets it all. */
  bnc_session_reset(session);
  assert_int_equal(bnc_session_append(session, ids, 60), BNC_ERROR_ARGUMENT);
  for (const char *const *p = two; *p; p++) must(session, bnc_session_add_image_file(session, *p));
  bnc_session_restart(session); /* nothing was asked: the pictures wait on */
  got = ask(session, ids, 60);
  same(&expected, &got);
  assert_int_equal(got.computed, 58 + 2 * image_rows);
  bnc_session_destroy(session);
}

static void restart_equals_a_new_session(void **state) {
  static const struct {
    bnc_weights vision, text;
    bnc_cache_type cache;
  } kinds[] = {{BNC_WEIGHTS_F32, BNC_WEIGHTS_F32, BNC_CACHE_F32},
               {BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT8, BNC_CACHE_F16},
               {BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT4, BNC_CACHE_INT8}};
  (void)state;
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    bnc_context_settings settings;
    bnc_context *context;
    bnc_model *model;
    bnc_compile_options options;
    bnc_model_info info = {.size = sizeof info};
    bnc_context_settings_init(&settings);
    settings.threads = 1;
    settings.cache_dir = "";
    assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
    bnc_compile_options_init(&options);
    options.checkpoint = "restart_checkpoint";
    options.output = "restart.bnc";
    options.vision_weights = kinds[i].vision;
    options.text_weights = kinds[i].text;
    options.kv_cache = kinds[i].cache;
    options.context = CONTEXT;
    if (bnc_compile(context, &options) != BNC_OK || bnc_model_open(context, "restart.bnc", &model) != BNC_OK)
      fail_msg("%s", bnc_context_error(context));
    assert_int_equal(bnc_model_get_info(model, &info), BNC_OK);
    assert_int_equal(info.prompt_limit, CONTEXT);
    several_questions(model, info.image_rows);
    bnc_model_close(model);
    bnc_context_destroy(context);
  }
}

int main(void) {
  tiny_checkpoint("restart_checkpoint");
  const struct CMUnitTest tests[] = {cmocka_unit_test(restart_equals_a_new_session)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
