/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/serve/chat_request.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/serve/chat_private.h"

#define VALUES 65536 /* of a document */
#define MEMBERS 256  /* of one object */

bool bnc_api_fail(bnc_api_error *error, int status, const char *code, const char *param, const char *format, ...) {
  va_list args;
  *error = (bnc_api_error){.status = status, .code = code};
  snprintf(error->param, sizeof error->param, "%s", param ? param : "");
  va_start(args, format);
  vsnprintf(error->message, sizeof error->message, format, args);
  va_end(args);
  return false;
}

bool bnc_chat_text(yyjson_val *value, const char *param, const char **text, bnc_api_error *error) {
  if (!yyjson_is_str(value))
    return bnc_api_fail(error, 400, "invalid_type", param, "'%s' is %s, expected a text", param, value ? bnc_json_kind(value) : "missing");
  if (strlen(yyjson_get_str(value)) != yyjson_get_len(value))
    return bnc_api_fail(error, 400, "invalid_value", param, "'%s' has a NUL inside", param);
  *text = yyjson_get_str(value);
  return true;
}

/* Which of two equal keys counts is nowhere said, so neither does. Values lie one behind the other. */
static bool check_keys(yyjson_doc *document, bnc_api_error *error) {
  yyjson_val *root = yyjson_doc_get_root(document), *key;
  const size_t count = yyjson_doc_get_val_count(document);
  if (count > VALUES) return bnc_api_fail(error, 400, NULL, NULL, "the body has %zu values, expected at most %d", count, VALUES);
  for (size_t i = 0; i < count; i++) {
    yyjson_obj_iter members, before;
    if (!yyjson_obj_iter_init(root + i, &members)) continue;
    if (yyjson_obj_size(root + i) > MEMBERS)
      return bnc_api_fail(error, 400, NULL, NULL, "an object has %zu members, expected at most %d", yyjson_obj_size(root + i), MEMBERS);
    for (size_t n = 0; (key = yyjson_obj_iter_next(&members)) != NULL; n++) {
      yyjson_obj_iter_init(root + i, &before);
      for (size_t k = 0; k < n; k++)
        if (yyjson_equals(yyjson_obj_iter_next(&before), key))
          return bnc_api_fail(error, 400, NULL, NULL, "an object has \"%.60s\" twice", yyjson_get_str(key));
    }
  }
  return true;
}

static bool take_number(yyjson_val *root, const char *name, double low, double high, double *out, bnc_api_error *error) {
  yyjson_val *value = bnc_json_member(root, name);
  char found[32];
  if (!value) return true;
  const double number = yyjson_is_num(value) ? yyjson_get_num(value) : low - 1;
  if (!(number >= low && number <= high))
    return bnc_api_fail(error, 400, "invalid_value", name, "'%s' is %s, expected a number from %g to %g", name,
                        bnc_chat_found(value, found), low, high);
  *out = number;
  return true;
}

static bool take_count(yyjson_val *root, const char *name, uint32_t least, uint32_t most, uint32_t *out, bnc_api_error *error) {
  yyjson_val *value = bnc_json_member(root, name);
  char found[32];
  if (!value) return true;
  if (!yyjson_is_uint(value) || yyjson_get_uint(value) < least || yyjson_get_uint(value) > most)
    return bnc_api_fail(error, 400, "invalid_value", name, "'%s' is %s, expected a whole number from %u to %u", name,
                        bnc_chat_found(value, found), least, most);
  *out = (uint32_t)yyjson_get_uint(value);
  return true;
}

static bool take_flag(yyjson_val *object, const char *name, bool *out, bnc_api_error *error) {
  yyjson_val *value = bnc_json_member(object, name);
  if (!value) return true;
  if (!yyjson_is_bool(value))
    return bnc_api_fail(error, 400, "invalid_type", name, "'%s' is %s, expected true or false", name, bnc_json_kind(value));
  *out = yyjson_get_bool(value);
  return true;
}

static bool take_stops(bnc_chat_request *r, yyjson_val *value, bnc_api_error *error) {
  const size_t count = yyjson_is_arr(value) ? yyjson_arr_size(value) : value != NULL;
  if (count > BNC_STOP_TEXTS)
    return bnc_api_fail(error, 400, "invalid_value", "stop", "'stop' has %zu texts, expected at most %d", count, BNC_STOP_TEXTS);
  for (size_t i = 0; i < count; i++) {
    if (!bnc_chat_text(yyjson_is_arr(value) ? yyjson_arr_get(value, i) : value, "stop", &r->stop[i], error)) return false;
    const size_t length = strlen(r->stop[i]);
    if (length == 0 || length > BNC_STOP_BYTES)
      return bnc_api_fail(error, 400, "invalid_value", "stop", "'stop' has a text of %zu bytes, expected 1 to %d", length, BNC_STOP_BYTES);
  }
  r->sampling.stop = r->stop;
  r->sampling.stop_count = count;
  return true;
}

static bool take_sampling(bnc_chat_request *r, const bnc_chat_limits *limits, yyjson_val *root, bnc_api_error *error) {
  bnc_sampling *s = &r->sampling;
  yyjson_val *seed = bnc_json_member(root, "seed");
  bnc_sampling_init(s);
  if (limits->max_tokens < s->max_tokens) s->max_tokens = limits->max_tokens;
  if (!take_count(root, "max_tokens", 1, limits->max_tokens, &s->max_tokens, error) ||
      !take_count(root, "max_completion_tokens", 1, limits->max_tokens, &s->max_tokens, error) ||
      !take_number(root, "temperature", 0, 100, &s->temperature, error) || !take_number(root, "top_p", 0, 1, &s->top_p, error) ||
      !take_count(root, "top_k", 0, UINT32_MAX, &s->top_k, error))
    return false;
  if (s->top_p < 1e-6) s->top_p = 1e-6; /* 0 stands for the likeliest token alone */
  if (seed && !yyjson_is_int(seed))
    return bnc_api_fail(error, 400, "invalid_type", "seed", "'seed' is %s, expected a whole number of 64 bits", bnc_json_kind(seed));
  if (seed) s->seed = yyjson_is_uint(seed) ? yyjson_get_uint(seed) : (uint64_t)yyjson_get_sint(seed);
  bool logprobs = false;
  if (!take_flag(root, "logprobs", &logprobs, error) || !take_count(root, "top_logprobs", 0, BNC_TOP_TOKENS, &r->top, error)) return false;
  if (r->top && !logprobs) return bnc_api_fail(error, 400, "invalid_value", "top_logprobs", "'top_logprobs' asks for 'logprobs': true");
  s->logprobs = logprobs;
  return take_stops(r, bnc_json_member(root, "stop"), error);
}

/* What changes the answer and is not done here is refused, not passed over; but for the values that say the same as nothing. */
static bool refuse_others(yyjson_val *root, bnc_api_error *error) {
  static const struct {
    const char *name;
    double number;
    const char *word, *other; /* NULL: the number, if there is one, is meant */
  } neutral[] = {{"n", 1, NULL, NULL},
                 {"frequency_penalty", 0, NULL, NULL},
                 {"presence_penalty", 0, NULL, NULL},
                 {"repetition_penalty", 1, NULL, NULL},
                 {"min_p", 0, NULL, NULL},
                 {"tool_choice", NAN, "none", "auto"},
                 {"function_call", NAN, "none", "auto"},
                 {"reasoning_effort", NAN, "none", NULL},
                 {"verbosity", NAN, "medium", NULL},
                 {"modalities", NAN, "text", NULL},
                 {"logit_bias", NAN, NULL, NULL},
                 {"tools", NAN, NULL, NULL},
                 {"functions", NAN, NULL, NULL}};
  for (size_t i = 0; i < sizeof neutral / sizeof *neutral; i++) {
    const char *name = neutral[i].name;
    yyjson_val *value = bnc_json_member(root, name);
    char found[32], expected[24];
    if (!value || (yyjson_is_ctn(value) && yyjson_get_len(value) == 0)) continue;
    yyjson_val *one = yyjson_is_arr(value) && yyjson_arr_size(value) == 1 ? yyjson_arr_get_first(value) : value;
    const bool same = yyjson_is_num(value) && yyjson_get_num(value) == neutral[i].number;
    if (same || (neutral[i].word && yyjson_equals_str(one, neutral[i].word)) ||
        (neutral[i].other && yyjson_equals_str(one, neutral[i].other)))
      continue;
    if (isnan(neutral[i].number) && !neutral[i].word)
      return bnc_api_fail(error, 400, "unsupported_parameter", name, "'%s' is not supported", name);
    snprintf(expected, sizeof expected, "%g", neutral[i].number);
    return bnc_api_fail(error, 400, "unsupported_parameter", name, "'%s' is %s, expected %s%s%s: no other is supported", name,
                        bnc_chat_found(value, found), neutral[i].word ? neutral[i].word : expected, neutral[i].other ? " or " : "",
                        neutral[i].other ? neutral[i].other : "");
  }
  return true;
}

static bool check_members(yyjson_val *root, bnc_api_error *error) {
  static const char *const body[] = {
      "model", "messages", "max_tokens", "max_completion_tokens", "temperature",     "top_p",  "top_k",
      "seed",  "stop",     "logprobs",   "top_logprobs",          "response_format", "stream", "stream_options",
      "user",  "binocle",  NULL};
  /* OpenAI's clients send the first line, whatever the model; refuse_others looks at the rest. */
  static const char *const passed[] = {"metadata",
                                       "store",
                                       "service_tier",
                                       "parallel_tool_calls",
                                       "prediction",
                                       "prompt_cache_key",
                                       "prompt_cache_retention",
                                       "safety_identifier",
                                       "n",
                                       "frequency_penalty",
                                       "presence_penalty",
                                       "repetition_penalty",
                                       "min_p",
                                       "tool_choice",
                                       "function_call",
                                       "reasoning_effort",
                                       "verbosity",
                                       "modalities",
                                       "logit_bias",
                                       "tools",
                                       "functions",
                                       NULL};
  static const char *const ours[] = {"choice", "regex", "progress", NULL}, *const options[] = {"include_usage", NULL},
                           *const padding[] = {"include_obfuscation", NULL};
  return bnc_chat_members(root, &(bnc_chat_known){"", body, passed}, error) &&
         bnc_chat_members(yyjson_obj_get(root, "binocle"), &(bnc_chat_known){"binocle", ours, NULL}, error) &&
         bnc_chat_members(yyjson_obj_get(root, "stream_options"), &(bnc_chat_known){"stream_options", options, padding}, error);
}

static bool take_streaming(bnc_chat_request *r, yyjson_val *root, bnc_api_error *error) {
  yyjson_val *options = bnc_json_member(root, "stream_options"), *ours = bnc_json_member(root, "binocle");
  return take_flag(root, "stream", &r->stream, error) && take_flag(options, "include_usage", &r->usage, error) &&
         take_flag(ours, "progress", &r->progress, error);
}

static bool take_user(bnc_chat_request *r, yyjson_val *root, bnc_api_error *error) {
  const char *text = NULL;
  yyjson_val *user = bnc_json_member(root, "user");
  if (!user) return true;
  if (!bnc_chat_text(user, "user", &text, error)) return false;
  r->user = 14695981039346656037u; /* FNV-1a: users take turns by it, and nothing else hangs on it */
  for (; *text; text++) r->user = (r->user ^ (unsigned char)*text) * 1099511628211u;
  return true;
}

static bool take(bnc_chat_request *r, const bnc_chat_limits *limits, yyjson_val *root, bnc_api_error *error) {
  const char *model = limits->model;
  yyjson_val *named = bnc_json_member(root, "model");
  if (!yyjson_is_obj(root)) return bnc_api_fail(error, 400, NULL, NULL, "the body is %s, expected an object", bnc_json_kind(root));
  if (named && !bnc_chat_text(named, "model", &model, error)) return false;
  if (strcmp(model, limits->model) != 0)
    return bnc_api_fail(error, 404, "model_not_found", "model", "there is no model '%.60s' here, expected '%.100s', or no 'model'", model,
                        limits->model);
  return check_members(root, error) && refuse_others(root, error) && take_sampling(r, limits, root, error) &&
         take_streaming(r, root, error) && take_user(r, root, error) && bnc_chat_form(r, root, error) &&
         bnc_chat_messages(r, limits, yyjson_obj_get(root, "messages"), error);
}

bool bnc_chat_request_parse(bnc_chat_request *request, const bnc_chat_limits *limits, const char *body, size_t length,
                            bnc_api_error *error) {
  yyjson_read_err problem;
  *request = (bnc_chat_request){0};
  /* Without YYJSON_READ_INSITU the text is only read; the parameter is not const for the sake of that flag. */
  yyjson_doc *document = yyjson_read_opts((char *)(uintptr_t)body, length, YYJSON_READ_NOFLAG, NULL, &problem);
  if (!document && problem.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) return bnc_api_fail(error, 503, NULL, NULL, "out of memory");
  if (!document) return bnc_api_fail(error, 400, NULL, NULL, "the body is no valid JSON: %s at byte %zu", problem.msg, problem.pos + 1);
  request->document = document;
  if (check_keys(document, error) && take(request, limits, yyjson_doc_get_root(document), error)) return true;
  bnc_chat_request_free(request);
  return false;
}

void bnc_chat_request_free(bnc_chat_request *request) {
  for (size_t i = 0; i < request->exchanges; i++) {
    free((void *)(uintptr_t)request->exchange[i].question);
    free((void *)(uintptr_t)request->exchange[i].answer);
  }
  for (size_t i = 0; i < request->pictures; i++) free(request->picture[i].bytes);
  free(request->exchange);
  free(request->picture);
  free(request->system);
  free(request->form_text);
  free(request->schema);
  yyjson_doc_free(request->document);
  *request = (bnc_chat_request){0};
}
