/* SPDX-License-Identifier: Apache-2.0 */
/** @file json_object.h  One JSON object, member by member: on standard output, or in a line of a file. */
#ifndef BINOCLE_RUNTIME_PROGRAM_JSON_OBJECT_H
#define BINOCLE_RUNTIME_PROGRAM_JSON_OBJECT_H

#include <binocle/context.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct bnc_json_object {
  bnc_context *context; /* of bnc_json_string; not owned */
  FILE *file;           /* NULL: standard output */
  size_t members;       /* of the innermost list or object */
  bnc_status status;    /* the first failure; bnc_context_error(context) says which */
} bnc_json_object;

void bnc_json_begin(bnc_json_object *object, bnc_context *context);
/** file: the caller checks it for errors of writing. */
void bnc_json_begin_in(bnc_json_object *object, bnc_context *context, FILE *file);
/** name is NULL for an element of a list. text NULL: null. */
void bnc_json_text(bnc_json_object *object, const char *name, const char *text, size_t length);
void bnc_json_words(bnc_json_object *object, const char *name, const char *text);
void bnc_json_count(bnc_json_object *object, const char *name, uint64_t value);
void bnc_json_whole(bnc_json_object *object, const char *name, int64_t value);
/** null where the value is not finite. */
void bnc_json_real(bnc_json_object *object, const char *name, double value);
void bnc_json_bool(bnc_json_object *object, const char *name, bool value);
/** A value that is JSON already. */
void bnc_json_raw(bnc_json_object *object, const char *name, const char *json);
/** opening: "[" or "{". What follows goes in there until bnc_json_close with the fitting bracket. */
void bnc_json_open(bnc_json_object *object, const char *name, const char *opening);
void bnc_json_close(bnc_json_object *object, const char *closing);
/** The last bracket and a line break. */
bnc_status bnc_json_end(bnc_json_object *object);

#endif
