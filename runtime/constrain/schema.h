/* SPDX-License-Identifier: Apache-2.0 */
/** @file schema.h  JSON Schemas, of the subset that binocle/constrain.h gives, as languages. */
#ifndef BINOCLE_RUNTIME_CONSTRAIN_SCHEMA_H
#define BINOCLE_RUNTIME_CONSTRAIN_SCHEMA_H

#include "runtime/constrain/nfa.h"

#define BNC_SCHEMA_BYTES ((size_t)1 << 18)

/** The JSON texts of the values that a schema is for. Failures stand in nfa->status; a place in the schema is named as a JSON pointer. */
uint32_t bnc_schema_write(bnc_nfa *nfa, uint32_t from, const char *schema, size_t size);

#endif
