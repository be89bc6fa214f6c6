/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/text/text_data.h"
#include "tests/unit.h"

#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"

void expect_ok(bnc_status status, const bnc_error *err, const char *call, int line) {
  if (status != BNC_OK) fail_msg("line %d: %s: %s", line, call, err->text);
}

bnc_bpe *small_tokenizer(const char *name) {
  bnc_error err;
  bnc_bpe *bpe;
  char path[1024], *json;
  size_t size;
  snprintf(path, sizeof path, "%s/text/%s.json", BINOCLE_TEST_DATA, name);
  OK(bnc_file_read(path, (size_t)1 << 24, &json, &size, &err));
  OK(bnc_bpe_from_json(&bpe, json, size, &err));
  bnc_mem_free(json);
  return bpe;
}

size_t each_value(const char *path, void (*check)(yyjson_val *value, void *context), void *context) {
  bnc_error err;
  char *text;
  size_t size, count = 0;
  OK(bnc_file_read(path, (size_t)1 << 28, &text, &size, &err));
  for (char *at = text; at < text + size; count++) {
    yyjson_doc *document = yyjson_read_opts(at, (size_t)(text + size - at), YYJSON_READ_STOP_WHEN_DONE, NULL, NULL);
    assert_non_null(document);
    yyjson_val *root = yyjson_doc_get_root(document), *item;
    size_t i, items;
    if (yyjson_is_arr(root)) {
      count--;
      yyjson_arr_foreach(root, i, items, item) {
        check(item, context);
        count++;
      }
    } else {
      check(root, context);
    }
    at += yyjson_doc_get_read_size(document);
    while (at < text + size && (*at == '\n' || *at == '\r' || *at == ' ')) at++;
    yyjson_doc_free(document);
  }
  bnc_mem_free(text);
  return count;
}

bnc_ids ids_of(yyjson_val *array) {
  bnc_error err;
  bnc_ids ids = {0};
  size_t i, count;
  yyjson_val *value;
  yyjson_arr_foreach(array, i, count, value) {
    int32_t id = (int32_t)yyjson_get_sint(value);
    OK(bnc_ids_append(&ids, &id, 1, &err));
  }
  return ids;
}

void expect_ids(const bnc_ids *found, const bnc_ids *expected, const char *text) {
  size_t i = 0;
  while (i < found->count && i < expected->count && found->data[i] == expected->data[i]) i++;
  if (i == found->count && i == expected->count) return;
  fail_msg("'%s': id %zu is %d, expected %d (%zu ids, expected %zu)", text, i, i < found->count ? (int)found->data[i] : -1,
           i < expected->count ? (int)expected->data[i] : -1, found->count, expected->count);
}
