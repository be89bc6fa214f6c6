/* SPDX-License-Identifier: Apache-2.0 */
/** @file chat_reply.h  What a chat request is answered with: OpenAI's objects, whole or as server-sent events, and its errors. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_CHAT_REPLY_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_CHAT_REPLY_H

#include <yyjson.h>

#include "runtime/program/serve/byte_buffer.h"
#include "runtime/program/serve/chat_request.h"

/** What an answer took; seconds of the wall, joules of the machine. */
typedef struct bnc_chat_usage {
  uint64_t prompt_tokens, cached_tokens, answer_tokens; /* cached: of the prompt's, those that were not computed again */
  uint64_t pictures, pictures_reused;
  double queue_seconds, vision_seconds, prefill_seconds, decode_seconds, first_token_seconds, seconds;
  double joules;     /* NaN: no meter */
  const char *meter; /* NULL: none */
} bnc_chat_usage;

/** An answer as it grows. */
typedef struct bnc_chat_reply {
  const char *id, *model, *fingerprint;
  int64_t created;
  bool stream, usage, begun; /* begun: the stream's first chunk is out */
  bnc_byte_buffer text;      /* of a whole reply, or what a stream still holds */
  yyjson_mut_doc *tokens;    /* of `logprobs`, not told yet; NULL: none are wanted */
} bnc_chat_reply;

/** false: out of memory. */
bool bnc_chat_reply_begin(bnc_chat_reply *reply, bool logprobs);
void bnc_chat_reply_free(bnc_chat_reply *reply);

/** One of the tokens of `logprobs`, or of a token's rivals. */
typedef struct bnc_chat_token {
  const char *bytes; /* [length] */
  size_t length;
  double logprob;
} bnc_chat_token;
/** rivals: [count]. */
void bnc_chat_reply_token(bnc_chat_reply *reply, const bnc_chat_token *token, const bnc_chat_token *rivals, size_t count);

/** A piece of text; in a stream it goes into out at once. */
void bnc_chat_reply_text(bnc_chat_reply *reply, const char *text, size_t length, bnc_byte_buffer *out);
/** A stream's event about the work: "looking at the picture", how far, and at which tile (NULL: none). */
void bnc_chat_reply_progress(bnc_chat_reply *reply, const char *stage, double fraction, const char *tile, bnc_byte_buffer *out);
/** finish: "stop" or "length". */
void bnc_chat_reply_end(bnc_chat_reply *reply, const char *finish, const bnc_chat_usage *usage, bnc_byte_buffer *out);

/** {"error": ...}; in a stream as an event. */
void bnc_api_error_put(const bnc_api_error *error, bool stream, bnc_byte_buffer *out);

/** Writes a document, which is freed, as JSON or as an event. */
void bnc_json_put(yyjson_mut_doc *document, bool event, bnc_byte_buffer *out);

#endif
