/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "platforms/base/json.h"
#include "platforms/base/mem.h"

static const struct {
  const char *name;
  size_t size;
  bnc_source_dtype dtype;
} dtypes[] = {
    {"F32", 4, BNC_SOURCE_F32},    {"F16", 2, BNC_SOURCE_F16},       {"BF16", 2, BNC_SOURCE_BF16},     {"F64", 8, BNC_SOURCE_OTHER},
    {"I64", 8, BNC_SOURCE_OTHER},  {"I32", 4, BNC_SOURCE_OTHER},     {"I16", 2, BNC_SOURCE_OTHER},     {"I8", 1, BNC_SOURCE_OTHER},
    {"U64", 8, BNC_SOURCE_OTHER},  {"U32", 4, BNC_SOURCE_OTHER},     {"U16", 2, BNC_SOURCE_OTHER},     {"U8", 1, BNC_SOURCE_OTHER},
    {"BOOL", 1, BNC_SOURCE_OTHER}, {"F8_E4M3", 1, BNC_SOURCE_OTHER}, {"F8_E5M2", 1, BNC_SOURCE_OTHER},
};

/* Fills dtype, shape, elements; *bytes is what they take. */
static bnc_status parse_type_and_shape(bnc_source_tensor *t, yyjson_val *info, size_t *bytes, bnc_error *err) {
  char found[BNC_JSON_FOUND_SIZE];
  yyjson_val *dtype = yyjson_obj_get(info, "dtype"), *shape = yyjson_obj_get(info, "shape"), *dim;
  size_t i, max, kind = 0;
  while (kind < sizeof dtypes / sizeof *dtypes && !yyjson_equals_str(dtype, dtypes[kind].name)) kind++;
  if (kind == sizeof dtypes / sizeof *dtypes)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": dtype: found %s, expected one such as \"BF16\"", t->name, bnc_json_found(dtype, found));
  t->dtype = dtypes[kind].dtype;
  t->dtype_name = dtypes[kind].name;
  if (!yyjson_is_arr(shape) || yyjson_arr_size(shape) > BNC_SOURCE_MAX_RANK)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": shape: found %s, expected a list of at most %d sizes", t->name,
                    yyjson_is_arr(shape) ? "a longer list" : bnc_json_found(shape, found), BNC_SOURCE_MAX_RANK);
  t->rank = yyjson_arr_size(shape);
  t->elements = 1;
  yyjson_arr_foreach(shape, i, max, dim) {
    if (!yyjson_is_uint(dim) || yyjson_get_uint(dim) > SIZE_MAX)
      return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": shape: found %s, expected a size", t->name, bnc_json_found(dim, found));
    t->shape[i] = (size_t)yyjson_get_uint(dim);
    if (!bnc_mul_size(t->elements, t->shape[i], &t->elements))
      return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": shape: the product of the sizes overflows", t->name);
  }
  if (!bnc_mul_size(t->elements, dtypes[kind].size, bytes))
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": shape: the product of the sizes overflows", t->name);
  return BNC_OK;
}

static bnc_status parse_tensor(bnc_source_tensor *t, yyjson_val *info, size_t data_begin, size_t file_size, bnc_error *err) {
  char found[BNC_JSON_FOUND_SIZE];
  size_t bytes = 0;
  if (!yyjson_is_obj(info))
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %s, expected an object with dtype, shape and data_offsets", t->name,
                    bnc_json_found(info, found));
  bnc_status s = parse_type_and_shape(t, info, &bytes, err);
  if (s != BNC_OK) return s;
  yyjson_val *offsets = yyjson_obj_get(info, "data_offsets");
  yyjson_val *from = yyjson_arr_get(offsets, 0), *to = yyjson_arr_get(offsets, 1);
  if (yyjson_arr_size(offsets) != 2 || !yyjson_is_uint(from) || !yyjson_is_uint(to) || yyjson_get_uint(from) > yyjson_get_uint(to))
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": data_offsets: expected two integers, the second not below the first", t->name);
  const size_t available = file_size - data_begin;
  if (yyjson_get_uint(to) > available)
    return bnc_fail(err, BNC_ERROR_FORMAT,
                    "\"%s\": data_offsets: the tensor ends at byte %llu of the data, the file has %zu: is it truncated?", t->name,
                    (unsigned long long)yyjson_get_uint(to), available);
  if (yyjson_get_uint(to) - yyjson_get_uint(from) != bytes)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": data_offsets: found %llu bytes, expected %zu (%zu elements of %s)", t->name,
                    (unsigned long long)(yyjson_get_uint(to) - yyjson_get_uint(from)), bytes, t->elements, t->dtype_name);
  t->begin = data_begin + (size_t)yyjson_get_uint(from);
  t->end = data_begin + (size_t)yyjson_get_uint(to);
  return BNC_OK;
}

static int by_place(const void *a, const void *b) {
  const bnc_source_tensor *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const bnc_source_tensor *)a)->name, ((const bnc_source_tensor *)b)->name);
}

/* The format promises that the tensors fill the data without overlap or hole. */
static bnc_status check_places(bnc_source_list *st, size_t data_begin, size_t file_size, bnc_error *err) {
  size_t at = data_begin;
  if (st->count) qsort(st->tensors, st->count, sizeof *st->tensors, by_place);
  for (size_t i = 0; i < st->count; i++) {
    const bnc_source_tensor *t = &st->tensors[i];
    if (t->begin < at)
      return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\" and \"%s\" overlap: one ends at byte %zu, the other begins at byte %zu of the file",
                      st->tensors[i - 1].name, t->name, at, t->begin);
    if (t->begin > at)
      return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": begins at byte %zu of the file, expected %zu: the format allows no hole", t->name,
                      t->begin, at);
    at = t->end;
  }
  if (at != file_size)
    return bnc_fail(err, BNC_ERROR_FORMAT, "the tensors end at byte %zu, the file at byte %zu: expected no data behind the last tensor", at,
                    file_size);
  return BNC_OK;
}

static bnc_status collect(bnc_source_list *st, yyjson_val *root, size_t data_begin, size_t file_size, bnc_error *err) {
  size_t i, max, name_bytes = 0;
  yyjson_val *key, *info;
  bnc_status s = bnc_json_expect_object(root, "the header", err);
  if (s != BNC_OK) return s;
  /* The JSON text was at least as long as the names, so that the sum cannot overflow. */
  yyjson_obj_foreach(root, i, max, key, info) { name_bytes += yyjson_get_len(key) + 1; }
  st->tensors = bnc_mem_array(yyjson_obj_size(root), sizeof *st->tensors);
  st->names = bnc_mem_alloc(name_bytes);
  if (!st->tensors || !st->names) return bnc_fail_memory(err, name_bytes + yyjson_obj_size(root) * sizeof *st->tensors);
  char *name = st->names;
  yyjson_obj_foreach(root, i, max, key, info) {
    if (yyjson_equals_str(key, "__metadata__")) continue;
    const size_t length = yyjson_get_len(key);
    if (length == 0 || memchr(yyjson_get_str(key), 0, length))
      return bnc_fail(err, BNC_ERROR_FORMAT, "found a tensor with an empty name or with NUL in its name, expected text");
    bnc_source_tensor *t = &st->tensors[st->count++];
    t->name = t->stored = memcpy(name, yyjson_get_str(key), length + 1);
    name += length + 1;
    s = parse_tensor(t, info, data_begin, file_size, err);
    if (s != BNC_OK) return s;
  }
  s = check_places(st, data_begin, file_size, err);
  if (s == BNC_OK && st->count) qsort(st->tensors, st->count, sizeof *st->tensors, by_name); /* JSON has no name twice */
  return s;
}

bnc_status bnc_safetensors_parse(bnc_source_list *out, const uint8_t *data, size_t size, bnc_error *err) {
  *out = (bnc_source_list){0, NULL, NULL};
  if (size < 8) return bnc_fail(err, BNC_ERROR_FORMAT, "found %zu bytes, expected a safetensors file: is it truncated?", size);
  uint64_t header = 0;
  for (unsigned i = 0; i < 8; i++) header |= (uint64_t)data[i] << (8 * i);
  if (header > BNC_SAFETENSORS_MAX_HEADER)
    return bnc_fail(err, BNC_ERROR_FORMAT, "header length: found %llu bytes, expected at most %u: is this a safetensors file?",
                    (unsigned long long)header, BNC_SAFETENSORS_MAX_HEADER);
  if (header > size - 8)
    return bnc_fail(err, BNC_ERROR_FORMAT, "header length: found %llu bytes, the file has %zu: is it truncated?",
                    (unsigned long long)header, size - 8);
  yyjson_doc *doc;
  bnc_status s = bnc_json_parse(&doc, (const char *)data + 8, (size_t)header, err);
  if (s == BNC_OK)
    s = collect(out, yyjson_doc_get_root(doc), 8 + (size_t)header, size, err);
  else
    bnc_error_prefix(err, "header");
  yyjson_doc_free(doc);
  if (s != BNC_OK) bnc_source_list_free(out);
  return s;
}
