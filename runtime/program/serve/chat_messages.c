/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a conversation: each user's with the assistant's behind it is an exchange; pictures stand in front of their message's text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/serve/byte_buffer.h"
#include "runtime/program/serve/chat_private.h"

#define IMAGE "<image>" /* stands for a picture in a question; binocle/session.h */

typedef enum role { USER, ASSISTANT, SYSTEM } role;

static bool role_of(yyjson_val *message, const char *param, role *out, bnc_api_error *error) {
  yyjson_val *value = yyjson_obj_get(message, "role");
  const bool system = yyjson_equals_str(value, "system") || yyjson_equals_str(value, "developer");
  const bool user = yyjson_equals_str(value, "user"), assistant = yyjson_equals_str(value, "assistant");
  *out = system ? SYSTEM : user ? USER : ASSISTANT;
  if (system || user || assistant) return true;
  return bnc_api_fail(error, 400, "invalid_value", param, "'%s.role' is %s%s%.40s%s, expected system, developer, user or assistant", param,
                      yyjson_is_str(value) ? ""
                      : value              ? bnc_json_kind(value)
                                           : "missing",
                      yyjson_is_str(value) ? "'" : "", yyjson_is_str(value) ? yyjson_get_str(value) : "", yyjson_is_str(value) ? "'" : "");
}

static size_t count_marks(const char *text) {
  size_t count = 0;
  for (const char *at = text; (at = strstr(at, IMAGE)) != NULL; at++) count++;
  return count;
}

/* One part of a message's content, its text into `text`. */
static bool take_part(bnc_chat_request *r, const bnc_chat_limits *limits, yyjson_val *part, role whose, const char *param,
                      bnc_byte_buffer *text, bnc_api_error *error) {
  static const char *const known[] = {"type", "text", "image_url", NULL}, *const url[] = {"url", NULL}, *const detail[] = {"detail", NULL};
  const char *words;
  yyjson_val *type = yyjson_obj_get(part, "type"), *image = yyjson_obj_get(part, "image_url");
  const bool pictured = yyjson_equals_str(type, "image_url");
  if (!pictured && !yyjson_equals_str(type, "text"))
    return bnc_api_fail(error, 400, "invalid_value", param, "'%s' has a part of a type that is not supported, expected text or image_url",
                        param);
  if (!bnc_chat_members(part, &(bnc_chat_known){param, known, NULL}, error)) return false;
  if (!pictured) {
    if (!bnc_chat_text(yyjson_obj_get(part, "text"), param, &words, error)) return false;
    if (text->length) bnc_byte_buffer_text(text, "\n");
    bnc_byte_buffer_text(text, words);
    return true;
  }
  if (yyjson_is_obj(image) && !bnc_chat_members(image, &(bnc_chat_known){param, url, detail}, error)) return false;
  if (whose != USER) return bnc_api_fail(error, 400, "invalid_value", param, "'%s' has a picture, which only a user's message may", param);
  return bnc_chat_picture_add(r, limits, part, param, error);
}

/* A message's text, its pictures in front. */
static bool take_content(bnc_chat_request *r, const bnc_chat_limits *limits, yyjson_val *content, role whose, const char *param,
                         bnc_byte_buffer *out, bnc_api_error *error) {
  bnc_byte_buffer text = {0};
  const char *words = "";
  const size_t before = r->pictures;
  bool ok = true;
  if (yyjson_is_arr(content)) {
    yyjson_val *part;
    size_t i, count;
    yyjson_arr_foreach(content, i, count, part) if (ok) ok = take_part(r, limits, part, whose, param, &text, error);
  } else {
    ok = bnc_chat_text(content, param, &words, error);
    bnc_byte_buffer_text(&text, words);
  }
  const size_t pictures = r->pictures - before, marks = ok && text.data ? count_marks(text.data) : 0;
  if (ok && marks && marks != pictures)
    ok = bnc_api_fail(error, 400, "invalid_value", param,
                      "'%s' has %zu " IMAGE ", but %zu pictures; expected as many, or no " IMAGE ": then the pictures come first", param,
                      marks, pictures);
  if (ok && whose == USER && text.length == 0 && pictures == 0)
    ok = bnc_api_fail(error, 400, "invalid_value", param, "'%s' is empty", param);
  for (size_t i = 0; ok && marks == 0 && i < pictures; i++) bnc_byte_buffer_text(out, IMAGE "\n");
  if (ok) bnc_byte_buffer_add(out, text.data, text.length);
  if (ok && (out->failed || text.failed)) ok = bnc_api_fail(error, 503, NULL, NULL, "out of memory");
  bnc_byte_buffer_free(&text);
  return ok;
}

/* Adds to a text that may be there already; *text is replaced. */
static bool join(const char **text, const bnc_byte_buffer *more, bnc_api_error *error) {
  bnc_byte_buffer joined = {0};
  if (*text) bnc_byte_buffer_text(&joined, *text);
  if (*text) bnc_byte_buffer_text(&joined, "\n");
  bnc_byte_buffer_add(&joined, more->data, more->length);
  if (joined.failed) {
    bnc_byte_buffer_free(&joined);
    return bnc_api_fail(error, 503, NULL, NULL, "out of memory");
  }
  free((void *)(uintptr_t)*text);
  *text = joined.data;
  return true;
}

/* The place of a message of that role. NULL: error says why there is none. */
static const char **place(bnc_chat_request *r, role whose, const char **system, const char *param, bnc_api_error *error) {
  bnc_exchange *last = r->exchanges ? &r->exchange[r->exchanges - 1] : NULL;
  if (whose == SYSTEM) {
    if (!last) return system;
    bnc_api_fail(error, 400, "invalid_value", param, "'%s' is of the system, expected those in front of all others", param);
    return NULL;
  }
  if (whose == ASSISTANT) {
    if (last) return &last->answer;
    bnc_api_fail(error, 400, "invalid_value", param, "'%s' is of the assistant, expected a user's message before it", param);
    return NULL;
  }
  if (last && !last->answer) return &last->question;
  return &r->exchange[r->exchanges++].question;
}

static bool take_message(bnc_chat_request *r, const bnc_chat_limits *limits, yyjson_val *message, const char *param, const char **system,
                         bnc_api_error *error) {
  /* What an answer has besides, whose clients send it back as it came. */
  static const char *const known[] = {"role", "content", NULL}, *const passed[] = {"name", "refusal", "annotations", NULL};
  bnc_byte_buffer text = {0};
  role whose;
  if (!yyjson_is_obj(message))
    return bnc_api_fail(error, 400, "invalid_type", param, "'%s' is %s, expected an object", param, bnc_json_kind(message));
  if (!bnc_chat_members(message, &(bnc_chat_known){param, known, passed}, error)) return false;
  if (!role_of(message, param, &whose, error)) return false;
  const char **to = place(r, whose, system, param, error);
  char content[64];
  snprintf(content, sizeof content, "%s.content", param);
  bool ok = to && take_content(r, limits, yyjson_obj_get(message, "content"), whose, content, &text, error);
  if (ok) ok = join(to, &text, error);
  bnc_byte_buffer_free(&text);
  return ok;
}

bool bnc_chat_messages(bnc_chat_request *r, const bnc_chat_limits *limits, yyjson_val *messages, bnc_api_error *error) {
  const char *system = NULL;
  const size_t count = yyjson_arr_size(messages);
  bool ok = true;
  char found[32];
  if (count > BNC_CHAT_MESSAGES)
    return bnc_api_fail(error, 400, "invalid_value", "messages", "'messages' has %zu, expected at most %d", count, BNC_CHAT_MESSAGES);
  if (count == 0)
    return bnc_api_fail(error, 400, "invalid_value", "messages", "'messages' is %s, expected a list of 1 to %d messages",
                        bnc_chat_found(messages, found), BNC_CHAT_MESSAGES);
  r->exchange = calloc(count, sizeof *r->exchange);
  if (!r->exchange) return bnc_api_fail(error, 503, NULL, NULL, "out of memory");
  for (size_t i = 0; ok && i < count; i++) {
    char param[32];
    snprintf(param, sizeof param, "messages[%zu]", i);
    ok = take_message(r, limits, yyjson_arr_get(messages, i), param, &system, error);
  }
  r->system = (char *)(uintptr_t)system;
  if (ok && (r->exchanges == 0 || r->exchange[r->exchanges - 1].answer))
    ok = bnc_api_fail(error, 400, "invalid_value", "messages", "the last of 'messages' is not a user's, so there is nothing to answer");
  return ok;
}
