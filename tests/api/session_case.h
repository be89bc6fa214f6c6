/* SPDX-License-Identifier: Apache-2.0 */
/** @file session_case.h  Tiny random models with a tokenizer, and sessions on them, for tests of the public API. */
#ifndef BINOCLE_TESTS_API_SESSION_CASE_H
#define BINOCLE_TESTS_API_SESSION_CASE_H

#include <binocle/binocle.h>
#include <stdbool.h>

#define PICTURE BINOCLE_TEST_DATA "/photos/coffee.jpg"
#define TOKENIZER BINOCLE_TEST_DATA "/text/small_llama3.json"
#define VOCABULARY 2000

/** Without a cache of packed weights. */
bnc_context *context_of(unsigned threads);
/** Compiles a tiny model: with or without vision, with or without a tokenizer; limit: rows of the context, 0 for the checkpoint's. */
void make_model(const char *output, bool vision, bool tokenizer, unsigned limit);
bnc_session *session_of(bnc_context *context, const char *path, bnc_model **model);
void must(bnc_session *session, bnc_status status);

typedef struct answer {
  int32_t id[1024];
  size_t count;
  char text[4096];
  size_t length;
} answer;
/** A bnc_on_text whose user is an answer. */
int collect(void *user, int32_t id, const char *text, size_t length);
/** So many tokens, greedily, whatever they are. */
answer generate(bnc_session *session, unsigned tokens);
/** A copy of the session's logits, [VOCABULARY]; free it. */
float *logits_of(bnc_session *session);
/** A call failed as it should, with these words in its one line. */
void refuses(bnc_session *session, bnc_status got, bnc_status expected, const char *words);

#endif
