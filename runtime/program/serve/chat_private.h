/* SPDX-License-Identifier: Apache-2.0 */
/** @file chat_private.h  What the readers of chat requests share. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_CHAT_PRIVATE_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_CHAT_PRIVATE_H

#include "runtime/program/json_value.h"
#include "runtime/program/serve/chat_request.h"

#define BNC_CHAT_MESSAGES 1024 /* of one conversation */

/** The text of a string value; false where it is none, or has a NUL inside. */
bool bnc_chat_text(yyjson_val *value, const char *param, const char **text, bnc_api_error *error);

/** Members of an object. A NULL ends each list. */
typedef struct bnc_chat_known {
  const char *name;         /* of the object: "binocle", "messages[0]"; "": the body itself */
  const char *const *read;  /* what is done here */
  const char *const *other; /* what changes no answer, or is looked at elsewhere; NULL: nothing */
} bnc_chat_known;

/** Refuses what is no object, and its first member that is neither known nor null or empty. object may be NULL or null: nothing is asked.
 */
bool bnc_chat_members(yyjson_val *object, const bnc_chat_known *known, bnc_api_error *error);
/** What stands there, for messages: "-1" of a number, else its kind; "missing". */
const char *bnc_chat_found(yyjson_val *value, char out[32]);

/** Fills in system, exchanges and pictures. */
bool bnc_chat_messages(bnc_chat_request *request, const bnc_chat_limits *limits, yyjson_val *messages, bnc_api_error *error);
/** What the answer must be: of `response_format`, or of `regex` or `choice` in our own member. */
bool bnc_chat_form(bnc_chat_request *request, yyjson_val *root, bnc_api_error *error);
/** Adds the picture of an image_url part. */
bool bnc_chat_picture_add(bnc_chat_request *request, const bnc_chat_limits *limits, yyjson_val *part, const char *param,
                          bnc_api_error *error);

#endif
