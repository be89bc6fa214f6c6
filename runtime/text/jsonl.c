/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/jsonl.h"

#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/text/tokenizer_json.h"
#include "runtime/text/utf8.h"

static size_t escape(uint32_t code, char out[13]) {
  static const char shorts[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
  const char *known = code && code < 0x80 ? strchr(shorts, (int)code) : NULL;
  int length;
  if (known)
    length = snprintf(out, 13, "\\%c", letters[known - shorts]);
  else if (code < 0x10000)
    length = snprintf(out, 13, "\\u%04x", (unsigned)code);
  else
    length =
        snprintf(out, 13, "\\u%04x\\u%04x", 0xD800u + (unsigned)((code - 0x10000) >> 10), 0xDC00u + (unsigned)((code - 0x10000) & 0x3FF));
  return (size_t)length;
}

bnc_status bnc_jsonl_string(const char *text, size_t size, bnc_text *out, bnc_error *err) {
  size_t before = out->size;
  bnc_status status = bnc_text_append(out, "\"", 1, err);
  for (size_t i = 0; i < size && status == BNC_OK;) {
    char escaped[13];
    int length = bnc_utf8_next(text + i, size - i);
    if (length <= 0) status = bnc_fail(err, BNC_ERROR_FORMAT, "text is not UTF-8 at offset %zu", i);
    if (status != BNC_OK) break;
    uint32_t code = bnc_utf8_code(text + i, length);
    if (code >= 0x20 && code < 0x7F && code != '"' && code != '\\')
      status = bnc_text_append(out, text + i, 1, err);
    else
      status = bnc_text_append(out, escaped, escape(code, escaped), err);
    i += (size_t)length;
  }
  if (status == BNC_OK) status = bnc_text_append(out, "\"", 1, err);
  if (status != BNC_OK) out->size = before;
  return status;
}

bnc_status bnc_jsonl_encode(const bnc_bpe *bpe, const char *line, size_t size, bnc_text *out, bnc_error *err) {
  yyjson_doc *document;
  bnc_status status = bnc_json_parse(&document, line, size, err);
  if (status != BNC_OK) return status;
  yyjson_val *root = yyjson_doc_get_root(document);
  size_t before = out->size;
  bnc_ids ids = {0};
  if (!yyjson_is_str(root)) status = bnc_fail(err, BNC_ERROR_FORMAT, "line is %s, expected a JSON string", yyjson_get_type_desc(root));
  if (status == BNC_OK) status = bnc_bpe_encode(bpe, yyjson_get_str(root), yyjson_get_len(root), false, &ids, err);
  if (status == BNC_OK) status = bnc_text_append(out, "[", 1, err);
  for (size_t i = 0; i < ids.count && status == BNC_OK; i++) {
    char number[16];
    int length = snprintf(number, sizeof number, "%s%d", i ? ", " : "", (int)ids.data[i]);
    status = bnc_text_append(out, number, (size_t)length, err);
  }
  if (status == BNC_OK) status = bnc_text_append(out, "]", 1, err);
  if (status != BNC_OK) out->size = before;
  bnc_ids_free(&ids);
  yyjson_doc_free(document);
  return status;
}

static bnc_status read_ids(yyjson_val *root, bnc_ids *ids, bnc_error *err) {
  size_t i, count;
  yyjson_val *value;
  if (!yyjson_is_arr(root)) return bnc_fail(err, BNC_ERROR_FORMAT, "line is %s, expected a JSON array of ids", yyjson_get_type_desc(root));
  yyjson_arr_foreach(root, i, count, value) {
    if (!yyjson_is_uint(value) || yyjson_get_uint(value) > INT32_MAX)
      return bnc_fail(err, BNC_ERROR_FORMAT, "id %zu of the line is no whole number from 0 to %d", i, INT32_MAX);
    int32_t id = (int32_t)yyjson_get_uint(value);
    bnc_status status = bnc_ids_append(ids, &id, 1, err);
    if (status != BNC_OK) return status;
  }
  return BNC_OK;
}

bnc_status bnc_jsonl_decode(const bnc_bpe *bpe, const char *line, size_t size, bool skip_special, bnc_text *out, bnc_error *err) {
  yyjson_doc *document;
  bnc_status status = bnc_json_parse(&document, line, size, err);
  if (status != BNC_OK) return status;
  bnc_ids ids = {0};
  char *text = NULL;
  size_t length;
  status = read_ids(yyjson_doc_get_root(document), &ids, err);
  if (status == BNC_OK) status = bnc_bpe_decode(bpe, ids.data, ids.count, skip_special, &text, &length, err);
  if (status == BNC_OK) status = bnc_jsonl_string(text, length, out, err);
  bnc_mem_free(text);
  bnc_ids_free(&ids);
  yyjson_doc_free(document);
  return status;
}
