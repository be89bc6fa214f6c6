/* SPDX-License-Identifier: Apache-2.0 */
/* The pocket model end to end gives the same bits on every CPU, whatever its instructions, pages and threads: int8 vision, prompt, and each
 * token of an answer. tests/data/pocket/bits.txt holds what they are; a pocket model that was made anew has others, which a failing run
 * prints. */
#include <binocle/binocle.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit.h"

#define QUESTION "What does the sign say?"
#define TOKENS 3

/* FNV-1a. */
static uint64_t digest(uint64_t hash, const void *data, size_t size) {
  const uint8_t *byte = data;
  for (size_t i = 0; i < size; i++) hash = (hash ^ byte[i]) * 0x100000001b3u;
  return hash;
}

typedef struct answer {
  bnc_session *session;
  char text[64];
  uint64_t logits; /* digest of those behind each token */
} answer;

static int on_text(void *user, int32_t id, const char *text, size_t length) {
  answer *a = user;
  const float *logits;
  size_t count;
  if (id >= 0 && bnc_session_logits(a->session, &logits, &count) == BNC_OK) a->logits = digest(a->logits, logits, count * sizeof *logits);
  strncat(a->text, text, length < sizeof a->text - strlen(a->text) ? length : 0);
  return 0;
}

static void run(unsigned threads, char line[128]) {
  bnc_context_settings settings;
  bnc_context *context;
  bnc_model *model;
  bnc_session *session;
  bnc_array seen;
  bnc_sampling sampling;
  bnc_context_settings_init(&settings);
  settings.threads = threads;
  settings.cache_dir = "";
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  if (bnc_model_open(context, BINOCLE_POCKET, &model) != BNC_OK || bnc_session_create(model, &session) != BNC_OK)
    fail_msg("%s", bnc_context_error(context));
  assert_int_equal(bnc_session_encode(session, BINOCLE_TEST_DATA "/pocket/0000.webp", BNC_IMAGE_PROJECTOR, &seen), BNC_OK);
  const uint64_t picture = digest(0xcbf29ce484222325u, seen.values, seen.shape[0] * seen.shape[1] * sizeof(float));
  bnc_array_free(&seen);
  assert_int_equal(bnc_session_add_image_file(session, BINOCLE_TEST_DATA "/pocket/0000.webp"), BNC_OK);
  assert_int_equal(bnc_session_ask(session, QUESTION), BNC_OK);
  answer a = {session, "", 0xcbf29ce484222325u};
  bnc_sampling_init(&sampling);
  sampling.max_tokens = TOKENS;
  assert_int_equal(bnc_session_generate(session, &sampling, on_text, &a, NULL), BNC_OK);
  snprintf(line, 128, "picture %016" PRIx64 " logits %016" PRIx64 " answer %s", picture, a.logits, a.text);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static void test_bits(void **state) {
  char expected[128] = "", found[128];
  (void)state;
  FILE *file = fopen(BINOCLE_TEST_DATA "/pocket/bits.txt", "r");
  assert_non_null(file);
  assert_non_null(fgets(expected, sizeof expected, file));
  fclose(file);
  expected[strcspn(expected, "\n")] = 0;
  run(2, found);
  print_message("%s\n", found);
  assert_string_equal(found, expected);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_bits)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
