/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/shard_index.h"

#include <stdlib.h>
#include <string.h>

#include "platforms/base/json.h"
#include "platforms/base/mem.h"

static int ends_with(const char *text, const char *end) {
  const size_t n = strlen(text), m = strlen(end);
  return n >= m && memcmp(text + n - m, end, m) == 0;
}

static bnc_status check_file_name(const char *tensor, yyjson_val *file, bnc_error *err) {
  char found[BNC_JSON_FOUND_SIZE];
  const char *name = yyjson_get_str(file);
  if (!name || strlen(name) != yyjson_get_len(file))
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %s, expected the name of a shard", tensor, bnc_json_found(file, found));
  /* An index must not make us read files outside its folder. */
  if (strchr(name, '/') || strchr(name, '\\') || strstr(name, ".."))
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": the shard \"%.200s\" leads out of the folder, expected a plain file name", tensor,
                    name);
  if (!ends_with(name, ".safetensors") || strlen(name) > 255)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found the shard \"%.200s\", expected a name that ends in .safetensors", tensor, name);
  return BNC_OK;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int by_tensor(const void *a, const void *b) {
  return strcmp(((const bnc_shard_entry *)a)->tensor, ((const bnc_shard_entry *)b)->tensor);
}

static char *append(char **at, yyjson_val *string) {
  char *text = memcpy(*at, yyjson_get_str(string), yyjson_get_len(string) + 1);
  *at += yyjson_get_len(string) + 1;
  return text;
}

/* Leaves in out->files each name once, sorted. */
static bnc_status collect_files(bnc_shard_index *out, yyjson_val *map, char **at, bnc_error *err) {
  size_t i, max, n = 0;
  yyjson_val *key, *file;
  const char **all = bnc_mem_array(yyjson_obj_size(map), sizeof *all);
  if (!all) return bnc_fail_memory(err, yyjson_obj_size(map) * sizeof *all);
  out->files = all;
  yyjson_obj_foreach(map, i, max, key, file) { all[n++] = append(at, file); }
  qsort(all, n, sizeof *all, by_text);
  for (i = 0; i < n; i++)
    if (out->file_count == 0 || strcmp(all[out->file_count - 1], all[i]) != 0) all[out->file_count++] = all[i];
  if (out->file_count > BNC_SHARD_INDEX_MAX_FILES)
    return bnc_fail(err, BNC_ERROR_LIMIT, "weight_map: found %zu shards, expected at most %d", out->file_count, BNC_SHARD_INDEX_MAX_FILES);
  return BNC_OK;
}

static bnc_status collect(bnc_shard_index *out, yyjson_val *map, bnc_error *err) {
  size_t i, max, bytes = 0;
  yyjson_val *key, *file;
  yyjson_obj_foreach(map, i, max, key, file) {
    if (strlen(yyjson_get_str(key)) != yyjson_get_len(key) || yyjson_get_len(key) == 0)
      return bnc_fail(err, BNC_ERROR_FORMAT, "weight_map: found a tensor with an empty name or with NUL in its name, expected text");
    bnc_status s = check_file_name(yyjson_get_str(key), file, err);
    if (s != BNC_OK) return s;
    bytes += yyjson_get_len(key) + yyjson_get_len(file) + 2;
  }
  if (yyjson_obj_size(map) == 0) return bnc_fail(err, BNC_ERROR_FORMAT, "weight_map: found no tensor, expected some");
  out->text = bnc_mem_alloc(bytes);
  out->entries = bnc_mem_array(yyjson_obj_size(map), sizeof *out->entries);
  if (!out->text || !out->entries) return bnc_fail_memory(err, bytes);
  char *at = out->text;
  bnc_status s = collect_files(out, map, &at, err);
  if (s != BNC_OK) return s;
  yyjson_obj_foreach(map, i, max, key, file) {
    const char *name = yyjson_get_str(file);
    const char **found = bsearch(&name, out->files, out->file_count, sizeof *out->files, by_text);
    out->entries[out->count++] = (bnc_shard_entry){append(&at, key), (size_t)(found - out->files)};
  }
  qsort(out->entries, out->count, sizeof *out->entries, by_tensor);
  return BNC_OK;
}

bnc_status bnc_shard_index_parse(bnc_shard_index *out, const char *data, size_t size, bnc_error *err) {
  yyjson_doc *doc;
  yyjson_val *root;
  *out = (bnc_shard_index){0, NULL, 0, NULL, NULL};
  bnc_status s = bnc_json_parse(&doc, data, size, err);
  if (s != BNC_OK) return s;
  root = yyjson_doc_get_root(doc);
  s = bnc_json_expect_object(root, "the index", err);
  if (s == BNC_OK) s = bnc_json_expect_object(yyjson_obj_get(root, "weight_map"), "weight_map", err);
  if (s == BNC_OK) s = collect(out, yyjson_obj_get(root, "weight_map"), err);
  yyjson_doc_free(doc);
  if (s != BNC_OK) bnc_shard_index_free(out);
  return s;
}

void bnc_shard_index_free(bnc_shard_index *index) {
  bnc_mem_free(index->files);
  bnc_mem_free(index->entries);
  bnc_mem_free(index->text);
  *index = (bnc_shard_index){0, NULL, 0, NULL, NULL};
}
