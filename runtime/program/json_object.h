/* SPDX-License-Identifier: Apache-2.0 */
/** @file json_object.h  One JSON object, member by member, printed on standard output. */
#ifndef BINOCLE_PROGRAM_JSON_OBJECT_H
#define BINOCLE_PROGRAM_JSON_OBJECT_H

#include <binocle/context.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bnc_json_object {
  bnc_context *context; /* of bnc_json_string; not owned */
  size_t members;
  bnc_status status;    /* the first failure; bnc_context_error(context) says which */
} bnc_json_object;

void bnc_json_begin(bnc_json_object *object, bnc_context *context);
void bnc_json_text(bnc_json_object *object, const char *name, const char *text, size_t length);
void bnc_json_count(bnc_json_object *object, const char *name, uint64_t value);
/** null where the value is not finite. */
void bnc_json_real(bnc_json_object *object, const char *name, double value);
void bnc_json_bool(bnc_json_object *object, const char *name, bool value);
bnc_status bnc_json_end(bnc_json_object *object);

#endif
