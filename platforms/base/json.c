/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"

static void *json_malloc(void *context, size_t size) {
  (void)context;
  return bnc_mem_alloc(size);
}

static void *json_realloc(void *context, void *ptr, size_t old_size, size_t size) {
  (void)context;
  (void)old_size;
  return bnc_mem_realloc(ptr, size);
}

static void json_free(void *context, void *ptr) {
  (void)context;
  bnc_mem_free(ptr);
}

const yyjson_alc bnc_json_allocator = {json_malloc, json_realloc, json_free, NULL};

static int by_key(const void *a, const void *b) {
  yyjson_val *const x = *(yyjson_val *const *)a, *const y = *(yyjson_val *const *)b;
  const size_t n = yyjson_get_len(x), m = yyjson_get_len(y);
  return n != m ? (n > m) - (n < m) : memcmp(yyjson_get_str(x), yyjson_get_str(y), n);
}

/* Parsers differ in which of two equal keys they believe: who checks a file must not see another than who uses it. The values of a
 * document lie one behind the other, so that no depth is too deep. keys: [the members of the largest object]. */
static bnc_status check_keys(yyjson_doc *doc, yyjson_val **keys, bnc_error *err) {
  yyjson_val *root = yyjson_doc_get_root(doc);
  for (size_t i = 0; i < yyjson_doc_get_val_count(doc); i++) {
    yyjson_obj_iter members;
    size_t count = 0;
    if (!yyjson_obj_iter_init(root + i, &members)) continue;
    for (yyjson_val *key; (key = yyjson_obj_iter_next(&members)) != NULL;) keys[count++] = key;
    qsort(keys, count, sizeof *keys, by_key);
    for (size_t k = 1; k < count; k++)
      if (by_key(&keys[k - 1], &keys[k]) == 0)
        return bnc_fail(err, BNC_ERROR_FORMAT, "\"%.100s\": found twice in one object, expected each key once", yyjson_get_str(keys[k]));
  }
  return BNC_OK;
}

static bnc_status check_all_keys(yyjson_doc *doc, bnc_error *err) {
  yyjson_val *root = yyjson_doc_get_root(doc);
  size_t most = 0;
  for (size_t i = 0; i < yyjson_doc_get_val_count(doc); i++)
    if (yyjson_is_obj(root + i) && yyjson_obj_size(root + i) > most) most = yyjson_obj_size(root + i);
  if (most < 2) return BNC_OK;
  yyjson_val **keys = bnc_mem_array(most, sizeof *keys);
  if (!keys) return bnc_fail_memory(err, (unsigned long long)most * sizeof *keys);
  const bnc_status s = check_keys(doc, keys, err);
  bnc_mem_free(keys);
  return s;
}

bnc_status bnc_json_parse(yyjson_doc **doc, const char *data, size_t size, bnc_error *err) {
  yyjson_read_err why;
  /* Without YYJSON_READ_INSITU the text is only read; the parameter is not const for the sake of that flag. */
  *doc = yyjson_read_opts((char *)(uintptr_t)data, size, YYJSON_READ_NOFLAG, &bnc_json_allocator, &why);
  if (*doc) {
    const bnc_status s = check_all_keys(*doc, err);
    if (s == BNC_OK) return s;
    yyjson_doc_free(*doc);
    *doc = NULL;
    return s;
  }
  if (why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) return bnc_fail_memory(err, size);
  if (size == 0) return bnc_fail(err, BNC_ERROR_FORMAT, "found nothing, expected JSON");
  size_t line = 1, column = 1;
  for (size_t i = 0; i < why.pos && i < size; i++) {
    column = data[i] == '\n' ? 1 : column + 1;
    line += data[i] == '\n';
  }
  return bnc_fail(err, BNC_ERROR_FORMAT, "not valid JSON: %s at line %zu, column %zu", why.msg, line, column);
}

bnc_status bnc_json_read_file(yyjson_doc **doc, const char *path, size_t limit, bnc_error *err) {
  char *data;
  size_t size;
  *doc = NULL;
  bnc_status s = bnc_file_read(path, limit, &data, &size, err);
  if (s != BNC_OK) return s;
  s = bnc_json_parse(doc, data, size, err);
  bnc_mem_free(data);
  if (s != BNC_OK) bnc_error_prefix(err, "%s", path);
  return s;
}

const char *bnc_json_found(yyjson_val *value, char out[BNC_JSON_FOUND_SIZE]) {
  switch (yyjson_get_tag(value)) {
    case YYJSON_TYPE_STR | YYJSON_SUBTYPE_NONE:
    case YYJSON_TYPE_STR | YYJSON_SUBTYPE_NOESC: snprintf(out, BNC_JSON_FOUND_SIZE, "\"%.40s\"", yyjson_get_str(value)); break;
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_UINT:
      snprintf(out, BNC_JSON_FOUND_SIZE, "%llu", (unsigned long long)yyjson_get_uint(value));
      break;
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_SINT: snprintf(out, BNC_JSON_FOUND_SIZE, "%lld", (long long)yyjson_get_sint(value)); break;
    case YYJSON_TYPE_NUM | YYJSON_SUBTYPE_REAL: snprintf(out, BNC_JSON_FOUND_SIZE, "%.9g", yyjson_get_real(value)); break;
    case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_TRUE: snprintf(out, BNC_JSON_FOUND_SIZE, "true"); break;
    case YYJSON_TYPE_BOOL | YYJSON_SUBTYPE_FALSE: snprintf(out, BNC_JSON_FOUND_SIZE, "false"); break;
    case YYJSON_TYPE_ARR: snprintf(out, BNC_JSON_FOUND_SIZE, "a list"); break;
    case YYJSON_TYPE_OBJ: snprintf(out, BNC_JSON_FOUND_SIZE, "an object"); break;
    case YYJSON_TYPE_NULL: snprintf(out, BNC_JSON_FOUND_SIZE, "null"); break;
    default: snprintf(out, BNC_JSON_FOUND_SIZE, "nothing"); break;
  }
  return out;
}

yyjson_val *bnc_json_given(yyjson_val *object, const char *key) {
  yyjson_val *value = yyjson_obj_get(object, key);
  return yyjson_is_null(value) ? NULL : value;
}

bnc_status bnc_json_require(yyjson_val *object, const char *key, bnc_error *err) {
  if (bnc_json_given(object, key)) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %s, expected a value", key, yyjson_obj_get(object, key) ? "null" : "nothing");
}

bnc_status bnc_json_refuse_nulls(yyjson_val *object, const char *const *keys, bnc_error *err) {
  for (; *keys; keys++)
    if (yyjson_is_null(yyjson_obj_get(object, *keys)))
      return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found null, expected a value", *keys);
  return BNC_OK;
}

bnc_status bnc_json_expect_object(yyjson_val *value, const char *what, bnc_error *err) {
  char found[BNC_JSON_FOUND_SIZE];
  if (yyjson_is_obj(value)) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_FORMAT, "%s: found %s, expected an object", what, bnc_json_found(value, found));
}

bnc_status bnc_json_get_size(yyjson_val *object, const char *key, size_t lowest, size_t highest, size_t *out, bnc_error *err) {
  char found[BNC_JSON_FOUND_SIZE];
  yyjson_val *v = bnc_json_given(object, key);
  if (!v) return BNC_OK;
  if (!yyjson_is_uint(v) || yyjson_get_uint(v) < lowest || yyjson_get_uint(v) > highest)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %s, expected an integer from %zu to %zu", key, bnc_json_found(v, found), lowest,
                    highest);
  *out = (size_t)yyjson_get_uint(v);
  return BNC_OK;
}

bnc_status bnc_json_get_int(yyjson_val *object, const char *key, int64_t lowest, int64_t highest, int64_t *out, bnc_error *err) {
  char found[BNC_JSON_FOUND_SIZE];
  yyjson_val *v = bnc_json_given(object, key);
  if (!v) return BNC_OK;
  /* A positive number too large for int64_t is a uint in yyjson, and negative after the cast. */
  if (!yyjson_is_int(v) || (yyjson_is_uint(v) && yyjson_get_uint(v) > INT64_MAX) || yyjson_get_sint(v) < lowest ||
      yyjson_get_sint(v) > highest)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %s, expected an integer from %lld to %lld", key, bnc_json_found(v, found),
                    (long long)lowest, (long long)highest);
  *out = yyjson_get_sint(v);
  return BNC_OK;
}

bnc_status bnc_json_get_double(yyjson_val *object, const char *key, double lowest, double highest, double *out, bnc_error *err) {
  char found[BNC_JSON_FOUND_SIZE];
  yyjson_val *v = bnc_json_given(object, key);
  if (!v) return BNC_OK;
  const double x = yyjson_get_num(v);
  if (!yyjson_is_num(v) || !(x >= lowest && x <= highest))
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %s, expected a number from %g to %g", key, bnc_json_found(v, found), lowest,
                    highest);
  *out = x;
  return BNC_OK;
}

bnc_status bnc_json_get_bool(yyjson_val *object, const char *key, bool *out, bnc_error *err) {
  char found[BNC_JSON_FOUND_SIZE];
  yyjson_val *v = bnc_json_given(object, key);
  if (!v) return BNC_OK;
  if (!yyjson_is_bool(v)) return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %s, expected true or false", key, bnc_json_found(v, found));
  *out = yyjson_get_bool(v);
  return BNC_OK;
}

bnc_status bnc_json_get_string(yyjson_val *object, const char *key, const char **out, bnc_error *err) {
  char found[BNC_JSON_FOUND_SIZE];
  yyjson_val *v = bnc_json_given(object, key);
  if (!v) return BNC_OK;
  if (!yyjson_is_str(v)) return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %s, expected a string", key, bnc_json_found(v, found));
  if (strlen(yyjson_get_str(v)) != yyjson_get_len(v))
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found a string with a NUL inside, expected text", key);
  *out = yyjson_get_str(v);
  return BNC_OK;
}

bnc_status bnc_json_get_object(yyjson_val *object, const char *key, yyjson_val **out, bnc_error *err) {
  yyjson_val *v = bnc_json_given(object, key);
  if (!v) return BNC_OK;
  bnc_status s = bnc_json_expect_object(v, key, err);
  if (s == BNC_OK) *out = v;
  return s;
}
