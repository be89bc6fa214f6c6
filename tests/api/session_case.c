/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/api/session_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/import/make_checkpoint.h"
#include "tests/unit.h"

static void copy_file(const char *from, const char *to) {
  char buffer[65536];
  FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
  assert_non_null(in);
  assert_non_null(out);
  for (size_t n; (n = fread(buffer, 1, sizeof buffer, in)) > 0;) assert_int_equal(fwrite(buffer, 1, n, out), n);
  fclose(in);
  assert_int_equal(fclose(out), 0);
}

bnc_context *context_of(unsigned threads) {
  bnc_context_settings settings;
  bnc_context *context;
  bnc_context_settings_init(&settings);
  settings.threads = threads;
  settings.cache_dir = "";
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  return context;
}

/* Compiles a tiny model: with or without vision, with or without a tokenizer. */
void make_model(const char *output, bool vision, bool tokenizer, unsigned limit) {
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

bnc_session *session_of(bnc_context *context, const char *path, bnc_model **model) {
  bnc_session *session;
  if (bnc_model_open(context, path, model) != BNC_OK || bnc_session_create(*model, &session) != BNC_OK)
    fail_msg("%s", bnc_context_error(context));
  return session;
}

void must(bnc_session *session, bnc_status status) {
  if (status != BNC_OK) fail_msg("status %d: %s", (int)status, bnc_session_error(session));
}

int collect(void *user, int32_t id, const char *text, size_t length) {
  answer *a = user;
  if (id >= 0) a->id[a->count++] = id;
  assert_true(a->length + length < sizeof a->text);
  memcpy(a->text + a->length, text, length);
  a->length += length;
  return 0;
}

answer generate(bnc_session *session, unsigned tokens) {
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

float *logits_of(bnc_session *session) {
  const float *logits;
  size_t count;
  must(session, bnc_session_logits(session, &logits, &count));
  assert_int_equal(count, VOCABULARY);
  float *copy = malloc(count * sizeof *copy);
  assert_non_null(copy);
  memcpy(copy, logits, count * sizeof *copy);
  return copy;
}

void refuses(bnc_session *session, bnc_status got, bnc_status expected, const char *words) {
  assert_int_equal(got, expected);
  if (!strstr(bnc_session_error(session), words)) fail_msg("'%s' lacks '%s'", bnc_session_error(session), words);
  assert_null(strchr(bnc_session_error(session), '\n'));
}
