/* SPDX-License-Identifier: Apache-2.0 */
/** @file gguf.h  A GGUF file (versions 2 and 3, little-endian): its keys, and which tensors it holds, and where. */
#ifndef BINOCLE_QUANT_IMPORT_GGUF_H
#define BINOCLE_QUANT_IMPORT_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"
#include "quant/import/source_tensor.h"

#define BNC_GGUF_MAX_NAME 1024u /* bytes of a key's or a tensor's name */
#define BNC_GGUF_MAX_RANK 4u

/** Types of values, by the file's numbers. */
typedef enum bnc_gguf_type {
  BNC_GGUF_U8,
  BNC_GGUF_I8,
  BNC_GGUF_U16,
  BNC_GGUF_I16,
  BNC_GGUF_U32,
  BNC_GGUF_I32,
  BNC_GGUF_F32,
  BNC_GGUF_BOOL,
  BNC_GGUF_STRING,
  BNC_GGUF_ARRAY,
  BNC_GGUF_U64,
  BNC_GGUF_I64,
  BNC_GGUF_F64,
  BNC_GGUF_TYPES
} bnc_gguf_type;

/** A value: one item of its type, or an array of `count` of them (arrays of arrays are refused). The bytes stay in the file. */
typedef struct bnc_gguf_key {
  const char *name;
  bnc_gguf_type type; /* of the items, never ARRAY */
  bool array;
  size_t count;        /* items; 1 where it is no array */
  const uint8_t *data; /* [bytes], the items one after the other; a string is its length (u64) and its bytes */
  size_t bytes;
} bnc_gguf_key;

typedef struct bnc_gguf {
  size_t count;
  bnc_gguf_key *keys; /* [count], sorted by name, no two of one name */
  char *names;
} bnc_gguf;

/**
 * Parses a file that lies (or is mapped) in memory; data is [size] and must outlive *out. Every length, offset and type is checked against
 * the file before it is used: no tensor reaches beyond the file or into another, each begins at a multiple of general.alignment, its rows
 * are whole blocks. The tensors are sorted by their stored names; shapes are turned round (GGUF names the innermost size first), names are
 * not canonical yet. Free with bnc_gguf_free and bnc_source_list_free.
 */
bnc_status bnc_gguf_parse(bnc_gguf *out, bnc_source_list *tensors, const uint8_t *data, size_t size, bnc_error *err);
void bnc_gguf_free(bnc_gguf *gguf);

/** NULL where there is none. */
const bnc_gguf_key *bnc_gguf_find(const bnc_gguf *gguf, const char *name);
bnc_status bnc_gguf_require(const bnc_gguf *gguf, const char *name, bnc_error *err);

/** The getters leave *out as it was where the key is absent; a value of another type or beyond the bounds is BNC_ERROR_FORMAT. Any type of
 * integer, or of float, will do. */
bnc_status bnc_gguf_get_size(const bnc_gguf *gguf, const char *name, size_t lowest, size_t highest, size_t *out, bnc_error *err);
bnc_status bnc_gguf_get_double(const bnc_gguf *gguf, const char *name, double lowest, double highest, double *out, bnc_error *err);
bnc_status bnc_gguf_get_bool(const bnc_gguf *gguf, const char *name, bool *out, bnc_error *err);
/** Text without NUL inside and not NUL-terminated: [*size] bytes of the file. */
bnc_status bnc_gguf_get_text(const bnc_gguf *gguf, const char *name, const char **text, size_t *size, bnc_error *err);
/** An array of that type, or *key NULL where it is absent. */
bnc_status bnc_gguf_get_array(const bnc_gguf *gguf, const char *name, bnc_gguf_type type, const bnc_gguf_key **key, bnc_error *err);

/** The integer (any type but floats, strings and u64 beyond int64) or float that lies at item i of an array without strings. */
int64_t bnc_gguf_integer(const bnc_gguf_key *key, size_t i);
double bnc_gguf_number(const bnc_gguf_key *key, size_t i);

/** The strings of an array, one after the other. */
typedef struct bnc_gguf_strings {
  const uint8_t *at;
  size_t left;
} bnc_gguf_strings;
static inline bnc_gguf_strings bnc_gguf_strings_of(const bnc_gguf_key *key) { return (bnc_gguf_strings){key->data, key->bytes}; }
/** false behind the last. The file may have been changed since it was parsed: the bounds are checked again. */
bool bnc_gguf_next_string(bnc_gguf_strings *strings, const char **text, size_t *size);

#endif
