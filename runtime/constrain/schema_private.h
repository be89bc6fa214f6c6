/* SPDX-License-Identifier: Apache-2.0 */
/** @file schema_private.h  A walk through a schema that writes what it says. */
#ifndef BINOCLE_RUNTIME_CONSTRAIN_SCHEMA_PRIVATE_H
#define BINOCLE_RUNTIME_CONSTRAIN_SCHEMA_PRIVATE_H

#include "platforms/base/json.h"
#include "runtime/constrain/nfa.h"

#define BNC_SCHEMA_DEPTH 32    /* schemas in each other */
#define BNC_SCHEMA_ANYTHING 4  /* depth of values that a schema says nothing about */
#define BNC_SCHEMA_TIMES 65535 /* items, characters */

typedef struct bnc_schema_walk {
  bnc_nfa *nfa;
  yyjson_val *root;
  char path[512]; /* JSON pointer of where the walk is, cut where it is longer */
  size_t depth;
} bnc_schema_walk;

/** Notes a failure at the walk's place. */
__attribute__((format(printf, 3, 4))) void bnc_schema_fail(bnc_schema_walk *walk, bnc_status status, const char *format, ...);
/** The same with what is in the nfa's error already. */
void bnc_schema_fail_here(bnc_schema_walk *walk, bnc_status status);

/** The values of a schema one step below: keyword, and under it name (may be NULL). */
uint32_t bnc_schema_write_below(bnc_schema_walk *walk, uint32_t from, yyjson_val *schema, const char *keyword, const char *name);
/** `sign` and, as the model likes, a space. */
uint32_t bnc_schema_write_sign(bnc_schema_walk *walk, uint32_t from, const char *sign);

/** Any JSON value of up to `depth` arrays and objects in each other. */
uint32_t bnc_schema_write_anything(bnc_schema_walk *walk, uint32_t from, unsigned depth);
uint32_t bnc_schema_write_object(bnc_schema_walk *walk, uint32_t from, yyjson_val *schema);
uint32_t bnc_schema_write_array(bnc_schema_walk *walk, uint32_t from, yyjson_val *schema);
uint32_t bnc_schema_write_text(bnc_schema_walk *walk, uint32_t from, yyjson_val *schema);
uint32_t bnc_schema_write_integer(bnc_schema_walk *walk, uint32_t from, yyjson_val *schema);
uint32_t bnc_schema_write_number(bnc_schema_walk *walk, uint32_t from, yyjson_val *schema);
/** A value itself, as compact JSON. */
uint32_t bnc_schema_write_literal(bnc_schema_walk *walk, uint32_t from, yyjson_val *value);

#endif
