/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/serve/chat_reply.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void bnc_json_put(yyjson_mut_doc *document, bool event, bnc_byte_buffer *out) {
  size_t length;
  char *json = document ? yyjson_mut_write(document, YYJSON_WRITE_NOFLAG, &length) : NULL;
  if (json && event) bnc_byte_buffer_text(out, "data: ");
  if (json)
    bnc_byte_buffer_add(out, json, length);
  else
    out->failed = true;
  bnc_byte_buffer_text(out, event ? "\n\n" : "\n");
  free(json);
  yyjson_mut_doc_free(document);
}

/* Where whole characters of UTF-8 end: at most `length`; *bad: at that place stands a byte that begins none. */
static size_t valid_length(const char *text, size_t length, bool *bad) {
  size_t i = 0;
  *bad = false;
  while (i < length) {
    const unsigned char c = (unsigned char)text[i];
    const size_t more = c < 0x80 ? 0 : c >= 0xC2 && c < 0xE0 ? 1 : c >= 0xE0 && c < 0xF0 ? 2 : c >= 0xF0 && c < 0xF5 ? 3 : 4;
    *bad = more == 4 || more >= length - i;
    for (size_t k = 1; !*bad && k <= more; k++) *bad = ((unsigned char)text[i + k] & 0xC0) != 0x80;
    if (!*bad && more > 1) {
      const unsigned char second = (unsigned char)text[i + 1];
      *bad = (c == 0xE0 && second < 0xA0) || (c == 0xED && second > 0x9F) || (c == 0xF0 && second < 0x90) || (c == 0xF4 && second > 0x8F);
    }
    if (*bad) return i;
    i += more + 1;
  }
  return i;
}

/* A string value; what is no UTF-8, as halves of characters in single tokens are not, becomes U+FFFD. */
static yyjson_mut_val *text_value(yyjson_mut_doc *d, const char *text, size_t length) {
  bool bad = false;
  const size_t whole = valid_length(text, length, &bad);
  if (!bad) return yyjson_mut_strncpy(d, text, whole);
  bnc_byte_buffer mended = {0};
  while (length) {
    const size_t good = valid_length(text, length, &bad);
    bnc_byte_buffer_add(&mended, text, good);
    if (bad) bnc_byte_buffer_text(&mended, "\xEF\xBF\xBD");
    text += good + bad;
    length -= good + bad;
  }
  yyjson_mut_val *value = mended.failed ? NULL : yyjson_mut_strncpy(d, mended.data, mended.length);
  bnc_byte_buffer_free(&mended);
  return value;
}

void bnc_api_error_put(const bnc_api_error *error, bool stream, bnc_byte_buffer *out) {
  yyjson_mut_doc *d = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *root = yyjson_mut_obj(d), *e = yyjson_mut_obj(d);
  yyjson_mut_doc_set_root(d, root);
  yyjson_mut_obj_add_val(d, root, "error", e);
  yyjson_mut_obj_add_val(d, e, "message", text_value(d, error->message, strlen(error->message)));
  yyjson_mut_obj_add_str(d, e, "type",
                         error->status == 401   ? "authentication_error"
                         : error->status == 429 ? "rate_limit_error"
                         : error->status < 500  ? "invalid_request_error"
                                                : "server_error");
  if (error->param[0])
    yyjson_mut_obj_add_val(d, e, "param", text_value(d, error->param, strlen(error->param)));
  else
    yyjson_mut_obj_add_null(d, e, "param");
  if (error->code)
    yyjson_mut_obj_add_str(d, e, "code", error->code);
  else
    yyjson_mut_obj_add_null(d, e, "code");
  bnc_json_put(d, stream, out);
}

bool bnc_chat_reply_begin(bnc_chat_reply *reply, bool logprobs) {
  if (!logprobs) return true;
  reply->tokens = yyjson_mut_doc_new(NULL);
  yyjson_mut_doc_set_root(reply->tokens, yyjson_mut_arr(reply->tokens));
  return yyjson_mut_doc_get_root(reply->tokens) != NULL;
}

void bnc_chat_reply_free(bnc_chat_reply *reply) {
  bnc_byte_buffer_free(&reply->text);
  yyjson_mut_doc_free(reply->tokens);
}

static yyjson_mut_val *token_value(yyjson_mut_doc *d, const bnc_chat_token *token) {
  yyjson_mut_val *value = yyjson_mut_obj(d), *bytes = yyjson_mut_arr(d);
  yyjson_mut_obj_add_val(d, value, "token", text_value(d, token->bytes, token->length));
  yyjson_mut_obj_add_real(d, value, "logprob", token->logprob < -9999 || isnan(token->logprob) ? -9999.0 : token->logprob);
  for (size_t i = 0; i < token->length; i++) yyjson_mut_arr_add_uint(d, bytes, (unsigned char)token->bytes[i]);
  yyjson_mut_obj_add_val(d, value, "bytes", bytes);
  return value;
}

void bnc_chat_reply_token(bnc_chat_reply *reply, const bnc_chat_token *token, const bnc_chat_token *rivals, size_t count) {
  yyjson_mut_doc *d = reply->tokens;
  yyjson_mut_val *value = token_value(d, token), *top = yyjson_mut_arr(d);
  for (size_t i = 0; i < count; i++) yyjson_mut_arr_append(top, token_value(d, &rivals[i]));
  yyjson_mut_obj_add_val(d, value, "top_logprobs", top);
  yyjson_mut_arr_append(yyjson_mut_doc_get_root(d), value);
}

/* An object with what all have, and its one choice in *choice. */
static yyjson_mut_doc *new_object(const bnc_chat_reply *reply, yyjson_mut_val **choice) {
  yyjson_mut_doc *d = yyjson_mut_doc_new(NULL);
  yyjson_mut_val *root = yyjson_mut_obj(d), *choices = yyjson_mut_arr(d);
  yyjson_mut_doc_set_root(d, root);
  yyjson_mut_obj_add_str(d, root, "id", reply->id);
  yyjson_mut_obj_add_str(d, root, "object", reply->stream ? "chat.completion.chunk" : "chat.completion");
  yyjson_mut_obj_add_int(d, root, "created", reply->created);
  yyjson_mut_obj_add_str(d, root, "model", reply->model);
  yyjson_mut_obj_add_str(d, root, "system_fingerprint", reply->fingerprint);
  yyjson_mut_obj_add_val(d, root, "choices", choices);
  if (choice) {
    *choice = yyjson_mut_arr_add_obj(d, choices);
    yyjson_mut_obj_add_uint(d, *choice, "index", 0);
  }
  return d;
}

/* The log-probabilities of the tokens that were drawn since they were told last. */
static void put_logprobs(bnc_chat_reply *reply, yyjson_mut_doc *d, yyjson_mut_val *choice) {
  yyjson_mut_val *told = reply->tokens ? yyjson_mut_doc_get_root(reply->tokens) : NULL;
  if (yyjson_mut_arr_size(told) == 0) {
    yyjson_mut_obj_add_null(d, choice, "logprobs");
    return;
  }
  yyjson_mut_val *logprobs = yyjson_mut_obj_add_obj(d, choice, "logprobs");
  yyjson_mut_obj_add_val(d, logprobs, "content", yyjson_mut_val_mut_copy(d, told));
  yyjson_mut_obj_add_null(d, logprobs, "refusal");
  yyjson_mut_doc_free(reply->tokens);
  reply->tokens = NULL;
  bnc_chat_reply_begin(reply, true);
}

/* A chunk with text, or with a finish. */
static void put_chunk(bnc_chat_reply *reply, const char *text, size_t length, const char *finish, bnc_byte_buffer *out) {
  yyjson_mut_val *choice;
  yyjson_mut_doc *d = new_object(reply, &choice);
  yyjson_mut_val *delta = yyjson_mut_obj_add_obj(d, choice, "delta");
  if (!reply->begun) yyjson_mut_obj_add_str(d, delta, "role", "assistant");
  if (!reply->begun || length) yyjson_mut_obj_add_val(d, delta, "content", text_value(d, text, length));
  put_logprobs(reply, d, choice);
  if (finish)
    yyjson_mut_obj_add_str(d, choice, "finish_reason", finish);
  else
    yyjson_mut_obj_add_null(d, choice, "finish_reason");
  reply->begun = true;
  bnc_json_put(d, true, out);
}

void bnc_chat_reply_text(bnc_chat_reply *reply, const char *text, size_t length, bnc_byte_buffer *out) {
  if (!reply->stream)
    bnc_byte_buffer_add(&reply->text, text, length);
  else if (length)
    put_chunk(reply, text, length, NULL, out);
}

void bnc_chat_reply_progress(bnc_chat_reply *reply, const char *stage, double fraction, const char *tile, bnc_byte_buffer *out) {
  yyjson_mut_doc *d = new_object(reply, NULL);
  yyjson_mut_val *ours = yyjson_mut_obj_add_obj(d, yyjson_mut_doc_get_root(d), "binocle");
  yyjson_mut_obj_add_strcpy(d, ours, "stage", stage);
  yyjson_mut_obj_add_real(d, ours, "fraction", fraction);
  if (tile) yyjson_mut_obj_add_strcpy(d, ours, "tile", tile);
  bnc_json_put(d, true, out);
}

static void put_real(yyjson_mut_doc *d, yyjson_mut_val *object, const char *name, double value) {
  if (isfinite(value))
    yyjson_mut_obj_add_real(d, object, name, value);
  else
    yyjson_mut_obj_add_null(d, object, name);
}

static void put_usage(yyjson_mut_doc *d, yyjson_mut_val *object, const bnc_chat_usage *u) {
  yyjson_mut_val *usage = yyjson_mut_obj_add_obj(d, object, "usage");
  yyjson_mut_obj_add_uint(d, usage, "prompt_tokens", u->prompt_tokens);
  yyjson_mut_obj_add_uint(d, usage, "completion_tokens", u->answer_tokens);
  yyjson_mut_obj_add_uint(d, usage, "total_tokens", u->prompt_tokens + u->answer_tokens);
  yyjson_mut_obj_add_uint(d, yyjson_mut_obj_add_obj(d, usage, "prompt_tokens_details"), "cached_tokens", u->cached_tokens);
  yyjson_mut_val *ours = yyjson_mut_obj_add_obj(d, usage, "binocle");
  put_real(d, ours, "queue_s", u->queue_seconds);
  put_real(d, ours, "vision_s", u->vision_seconds);
  put_real(d, ours, "prefill_s", u->prefill_seconds);
  put_real(d, ours, "decode_s", u->decode_seconds);
  put_real(d, ours, "time_to_first_token_s", u->first_token_seconds);
  put_real(d, ours, "total_s", u->seconds);
  /* The first token comes out of the prompt, so that one less is decoded. */
  put_real(d, ours, "decode_tokens_per_s", u->answer_tokens > 1 ? (double)(u->answer_tokens - 1) / u->decode_seconds : (double)NAN);
  put_real(d, ours, "joules", u->joules);
  if (u->meter)
    yyjson_mut_obj_add_strcpy(d, ours, "energy_meter", u->meter);
  else
    yyjson_mut_obj_add_null(d, ours, "energy_meter");
  yyjson_mut_obj_add_uint(d, ours, "pictures", u->pictures);
  yyjson_mut_obj_add_uint(d, ours, "pictures_reused", u->pictures_reused);
}

void bnc_chat_reply_end(bnc_chat_reply *reply, const char *finish, const bnc_chat_usage *usage, bnc_byte_buffer *out) {
  yyjson_mut_doc *d;
  yyjson_mut_val *choice;
  if (reply->stream) {
    put_chunk(reply, "", 0, finish, out);
    if (reply->usage) {
      d = new_object(reply, NULL);
      put_usage(d, yyjson_mut_doc_get_root(d), usage);
      bnc_json_put(d, true, out);
    }
    bnc_byte_buffer_text(out, "data: [DONE]\n\n");
    return;
  }
  d = new_object(reply, &choice);
  yyjson_mut_val *message = yyjson_mut_obj_add_obj(d, choice, "message");
  yyjson_mut_obj_add_str(d, message, "role", "assistant");
  yyjson_mut_obj_add_val(d, message, "content", text_value(d, reply->text.data ? reply->text.data : "", reply->text.length));
  yyjson_mut_obj_add_null(d, message, "refusal");
  put_logprobs(reply, d, choice);
  yyjson_mut_obj_add_str(d, choice, "finish_reason", finish);
  put_usage(d, yyjson_mut_doc_get_root(d), usage);
  out->failed = out->failed || reply->text.failed;
  bnc_json_put(d, false, out);
}
