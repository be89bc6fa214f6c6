/* SPDX-License-Identifier: Apache-2.0 */
/* The input is the body of a chat request, as JSON and as a form. What is taken keeps what the worker relies on; what is not says why. */
#include <stdlib.h>
#include <string.h>

#include "runtime/program/serve/chat_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition) {
  if (!condition) abort();
}

static void check(const bnc_chat_request *r, const bnc_chat_limits *limits) {
  size_t marks = 0;
  require(r->exchanges > 0 && r->pictures <= limits->pictures && (limits->vision || r->pictures == 0));
  for (size_t i = 0; i < r->exchanges; i++) {
    require(r->exchange[i].question && !r->exchange[i].answer == (i + 1 == r->exchanges));
    for (const char *at = r->exchange[i].question; (at = strstr(at, "<image>")) != NULL; at++) marks++;
    require(!r->exchange[i].answer || !strstr(r->exchange[i].answer, "<image>"));
  }
  require(marks == r->pictures && !(r->system && strstr(r->system, "<image>")));
  for (size_t i = 0; i < r->pictures; i++) require(r->picture[i].bytes && r->picture[i].size);
  const bnc_sampling *s = &r->sampling;
  require(s->max_tokens >= 1 && s->max_tokens <= limits->max_tokens && s->top_p > 0 && s->top_p <= 1 && s->temperature >= 0);
  require(s->stop_count <= BNC_STOP_TEXTS && r->top <= BNC_TOP_TOKENS && (s->logprobs || r->top == 0));
  require((r->form == BNC_CONSTRAINT_NONE) == (r->form_texts == 0));
  for (size_t i = 0; i < r->form_texts; i++) require(r->form_text[i] != NULL);
  for (size_t i = 0; i < s->stop_count; i++) require(s->stop[i][0] && strlen(s->stop[i]) <= BNC_STOP_BYTES);
}

static void end(bool taken, bnc_chat_request *request, const bnc_chat_limits *limits, const bnc_api_error *error) {
  require(taken || (error->status >= 400 && error->status < 600 && error->message[0]));
  if (!taken) return;
  check(request, limits);
  bnc_chat_request_free(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  for (int vision = 0; vision < 2; vision++) {
    const bnc_chat_limits limits = {.model = "model", .vision = vision, .max_tokens = 100, .pictures = 3};
    bnc_chat_request request;
    bnc_api_error error = {0};
    end(bnc_chat_request_parse(&request, &limits, (const char *)data, size, &error), &request, &limits, &error);
    end(bnc_chat_upload_parse(&request, &limits, "multipart/form-data; boundary=b", (const char *)data, size, &error), &request, &limits,
        &error);
  }
  return 0;
}
