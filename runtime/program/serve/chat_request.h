/* SPDX-License-Identifier: Apache-2.0 */
/** @file chat_request.h  The body of POST /v1/chat/completions: a conversation with pictures, and how to go on with it. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_CHAT_REQUEST_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_CHAT_REQUEST_H

#include <binocle/session.h>
#include <stdbool.h>

/** What a client did wrong, or we: as OpenAI's API tells it. */
typedef struct bnc_api_error {
  int status;       /* of HTTP */
  const char *code; /* "invalid_value" ...; NULL: none */
  char param[64];   /* the member that it is about; "": none */
  char message[400];
} bnc_api_error;

/** Fills it in and returns false. param may be NULL. */
bool bnc_api_fail(bnc_api_error *error, int status, const char *code, const char *param, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

typedef struct bnc_chat_picture {
  uint8_t *bytes; /* of a file; owned */
  size_t size;
} bnc_chat_picture;

typedef struct bnc_chat_limits {
  const char *model;   /* the one that is served */
  bool vision;         /* it takes pictures */
  uint32_t max_tokens; /* of an answer */
  uint32_t pictures;   /* of a conversation */
} bnc_chat_limits;

#define BNC_CHAT_UPLOADS 64 /* pictures in a form */

typedef struct bnc_chat_request {
  void *document; /* a yyjson_doc: owns the stop texts */
  char *system;   /* NULL: the template's own; owned, as all texts of the exchanges */
  bnc_exchange *exchange;
  size_t exchanges;
  bnc_chat_picture *picture;
  size_t pictures;
  bnc_sampling sampling; /* stop points to `stop` */
  const char *stop[BNC_STOP_TEXTS];
  bool stream;
  bool usage;               /* a stream ends with it */
  bool progress;            /* a stream tells how far the work is */
  bnc_constraint_kind form; /* that the answer must have */
  const char **form_text;   /* [form_texts] as of bnc_session_constrain; the list is owned */
  size_t form_texts;
  char *schema;  /* the one text of a schema; owned */
  uint32_t top;  /* rivals that are told of each token */
  uint64_t user; /* whom it is for, as a number; 0: not said */
} bnc_chat_request;

/** false: error says why, and there is nothing to free. Sampling's stop makes the request immovable: it stays where it was read to. */
bool bnc_chat_request_parse(bnc_chat_request *request, const bnc_chat_limits *limits, const char *body, size_t length,
                            bnc_api_error *error);
/** The same out of a form (multipart/form-data): its parts are `request` with the JSON, or `prompt` and simple members of it such as
 * `max_tokens` or `choice` (its texts between commas); and `image`, any number of pictures for the last question. */
bool bnc_chat_upload_parse(bnc_chat_request *request, const bnc_chat_limits *limits, const char *content_type, const char *body,
                           size_t length, bnc_api_error *error);
void bnc_chat_request_free(bnc_chat_request *request);

#endif
