/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "quant/import/gguf/gguf.h"

const bnc_gguf_key *bnc_gguf_find(const bnc_gguf *g, const char *name) {
  size_t low = 0, high = g->count;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (strcmp(g->keys[middle].name, name) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low < g->count && strcmp(g->keys[low].name, name) == 0 ? &g->keys[low] : NULL;
}

bnc_status bnc_gguf_require(const bnc_gguf *g, const char *name, bnc_error *err) {
  return bnc_gguf_find(g, name) ? BNC_OK : bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found no such key", name);
}

static const char *type_name(const bnc_gguf_key *key) {
  static const char *const names[BNC_GGUF_TYPES] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                                    "bool", "string", "array", "u64", "i64", "f64"};
  return names[key->type];
}

static bnc_status wrong_type(const bnc_gguf_key *key, const char *expected, bnc_error *err) {
  return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %s%s, expected %s", key->name, key->array ? "an array of " : "", type_name(key),
                  expected);
}

static bool is_integer(bnc_gguf_type type) {
  return type != BNC_GGUF_F32 && type != BNC_GGUF_F64 && type != BNC_GGUF_BOOL && type != BNC_GGUF_STRING;
}

#define ITEM(c_type)                                                                                                                       \
  do {                                                                                                                                     \
    c_type v_;                                                                                                                             \
    memcpy(&v_, key->data + i * sizeof v_, sizeof v_);                                                                                     \
    return (int64_t)v_;                                                                                                                    \
  } while (0)

int64_t bnc_gguf_integer(const bnc_gguf_key *key, size_t i) {
  switch (key->type) {
    case BNC_GGUF_U8:
    case BNC_GGUF_BOOL: ITEM(uint8_t);
    case BNC_GGUF_I8: ITEM(int8_t);
    case BNC_GGUF_U16: ITEM(uint16_t);
    case BNC_GGUF_I16: ITEM(int16_t);
    case BNC_GGUF_U32: ITEM(uint32_t);
    case BNC_GGUF_I32: ITEM(int32_t);
    default: ITEM(int64_t);
  }
}

double bnc_gguf_number(const bnc_gguf_key *key, size_t i) {
  float f;
  double d;
  if (key->type == BNC_GGUF_F32) {
    memcpy(&f, key->data + 4 * i, sizeof f);
    return (double)f;
  }
  if (key->type != BNC_GGUF_F64) return (double)bnc_gguf_integer(key, i);
  memcpy(&d, key->data + 8 * i, sizeof d);
  return d;
}

bnc_status bnc_gguf_get_size(const bnc_gguf *g, const char *name, size_t lowest, size_t highest, size_t *out, bnc_error *err) {
  const bnc_gguf_key *key = bnc_gguf_find(g, name);
  if (!key) return BNC_OK;
  if (key->array || !is_integer(key->type)) return wrong_type(key, "an integer", err);
  const int64_t value = bnc_gguf_integer(key, 0); /* a u64 beyond int64 comes out negative */
  if (value < 0 || (uint64_t)value < lowest || (uint64_t)value > highest)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %lld, expected %zu to %zu", name, (long long)value, lowest, highest);
  *out = (size_t)value;
  return BNC_OK;
}

bnc_status bnc_gguf_get_double(const bnc_gguf *g, const char *name, double lowest, double highest, double *out, bnc_error *err) {
  const bnc_gguf_key *key = bnc_gguf_find(g, name);
  if (!key) return BNC_OK;
  if (key->array || key->type == BNC_GGUF_BOOL || key->type == BNC_GGUF_STRING) return wrong_type(key, "a number", err);
  const double value = bnc_gguf_number(key, 0);
  if (!isfinite(value) || value < lowest || value > highest)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %g, expected %g to %g", name, value, lowest, highest);
  *out = value;
  return BNC_OK;
}

bnc_status bnc_gguf_get_bool(const bnc_gguf *g, const char *name, bool *out, bnc_error *err) {
  const bnc_gguf_key *key = bnc_gguf_find(g, name);
  if (!key) return BNC_OK;
  if (key->array || key->type != BNC_GGUF_BOOL) return wrong_type(key, "a bool", err);
  *out = key->data[0] != 0;
  return BNC_OK;
}

bnc_status bnc_gguf_get_text(const bnc_gguf *g, const char *name, const char **text, size_t *size, bnc_error *err) {
  const bnc_gguf_key *key = bnc_gguf_find(g, name);
  if (!key) return BNC_OK;
  if (key->array || key->type != BNC_GGUF_STRING) return wrong_type(key, "a string", err);
  bnc_gguf_strings strings = bnc_gguf_strings_of(key);
  if (!bnc_gguf_next_string(&strings, text, size) || memchr(*text, 0, *size))
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found NUL in the string", name);
  return BNC_OK;
}

bnc_status bnc_gguf_get_array(const bnc_gguf *g, const char *name, bnc_gguf_type type, const bnc_gguf_key **key, bnc_error *err) {
  const bnc_gguf_key expected = {.type = type};
  *key = bnc_gguf_find(g, name);
  if (!*key || ((*key)->array && (*key)->type == type)) return BNC_OK;
  char text[40] = "an array of ";
  return wrong_type(*key, strcat(text, type_name(&expected)), err);
}

bool bnc_gguf_next_string(bnc_gguf_strings *s, const char **text, size_t *size) {
  uint64_t length;
  if (s->left < sizeof length) return false;
  memcpy(&length, s->at, sizeof length);
  if (length > s->left - sizeof length) return false;
  *text = (const char *)s->at + sizeof length;
  *size = (size_t)length;
  s->at += sizeof length + (size_t)length;
  s->left -= sizeof length + (size_t)length;
  return true;
}
