/* SPDX-License-Identifier: Apache-2.0 */
/** @file chat_private.h  What the readers of chat requests share. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_CHAT_PRIVATE_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_CHAT_PRIVATE_H

#include "runtime/program/json_value.h"
#include "runtime/program/serve/chat_request.h"

#define BNC_CHAT_MESSAGES 1024 /* of one conversation */

/** The text of a string value; false where it is none, or has a NUL inside. */
bool bnc_chat_text(yyjson_val *value, const char *param, const char **text, bnc_api_error *error);

/** Fills in system, exchanges and pictures. */
bool bnc_chat_messages(bnc_chat_request *request, const bnc_chat_limits *limits, yyjson_val *messages, bnc_api_error *error);
/** What the answer must be: of `response_format`, or of `regex` or `choice` in our own member. */
bool bnc_chat_form(bnc_chat_request *request, yyjson_val *root, bnc_api_error *error);
/** Adds the picture of an image_url part. */
bool bnc_chat_picture_add(bnc_chat_request *request, const bnc_chat_limits *limits, yyjson_val *part, const char *param,
                          bnc_api_error *error);

#endif
