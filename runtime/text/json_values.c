/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/mem.h"
#include "runtime/text/tokenizer_json.h"

static void *allocate(void *unused, size_t size) {
  (void)unused;
  return bnc_mem_alloc(size);
}

static void *reallocate(void *unused, void *ptr, size_t old_size, size_t size) {
  (void)unused;
  (void)old_size;
  return bnc_mem_realloc(ptr, size);
}

static void release(void *unused, void *ptr) {
  (void)unused;
  bnc_mem_free(ptr);
}

bnc_status bnc_json_read(yyjson_doc **document, const char *json, size_t size, const char *name, bnc_error *err) {
  const yyjson_alc memory = {allocate, reallocate, release, NULL};
  yyjson_read_err problem = {0};
  *document = NULL;
  if (size == 0) return bnc_fail(err, BNC_ERROR_FORMAT, "%s is empty, expected JSON", name);
  union {
    const char *given;
    char *wanted; /* without YYJSON_READ_INSITU the text is not written to */
  } text = {.given = json};
  *document = yyjson_read_opts(text.wanted, size, YYJSON_READ_NOFLAG, &memory, &problem);
  if (*document) return BNC_OK;
  if (problem.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) return bnc_fail_memory(err, size);
  return bnc_fail(err, BNC_ERROR_FORMAT, "%s is not JSON: %s at byte %zu", name, problem.msg, problem.pos);
}

const char *bnc_json_string(yyjson_val *object, const char *key, size_t *size) {
  yyjson_val *value = yyjson_obj_get(object, key);
  *size = yyjson_get_len(value);
  return yyjson_get_str(value);
}

bnc_status bnc_json_flag(yyjson_val *object, const char *key, bool *flag, bnc_error *err) {
  yyjson_val *value = yyjson_obj_get(object, key);
  *flag = yyjson_is_true(value);
  if (!value || yyjson_is_null(value) || yyjson_is_bool(value)) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\" is %s, expected true or false", key, yyjson_get_type_desc(value));
}

const char *bnc_json_type(yyjson_val *object) {
  const char *type = yyjson_get_str(yyjson_obj_get(object, "type"));
  return type ? type : "(none)";
}
