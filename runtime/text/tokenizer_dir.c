/* SPDX-License-Identifier: Apache-2.0 */
/* A folder's tokenizer.json, and from tokenizer_config.json the one thing that changes ids: whether there is a bos. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "runtime/text/tokenizer_json.h"

#define FILE_LIMIT ((size_t)256 << 20)

static bnc_status join(bnc_text *path, const char *dir, const char *name, bnc_error *err) {
  path->size = 0;
  bnc_status status = bnc_text_append(path, dir, strlen(dir), err);
  if (status == BNC_OK) status = bnc_text_append(path, "/", 1, err);
  return status == BNC_OK ? bnc_text_append(path, name, strlen(name) + 1, err) : status;
}

/* Our own block: the header may be changed before anyone sees it. */
static void set_bos(bnc_bpe *bpe, int32_t bos) {
  bnc_bpe_header *header = (void *)bpe->owned;
  header->prefix_count = 1;
  header->prefix[0] = (uint32_t)bos;
}

static bnc_status apply_config(bnc_bpe *bpe, const char *json, size_t size, bnc_error *err) {
  yyjson_doc *document;
  bnc_status status = bnc_json_parse(&document, json, size, err);
  if (status != BNC_OK) return status;
  yyjson_val *root = yyjson_doc_get_root(document), *token = yyjson_obj_get(root, "bos_token");
  if (yyjson_is_obj(token)) token = yyjson_obj_get(token, "content");
  if (yyjson_is_true(yyjson_obj_get(root, "add_bos_token")) && yyjson_is_str(token)) {
    int32_t bos = bnc_bpe_find(bpe, yyjson_get_str(token), yyjson_get_len(token));
    if (bos >= 0)
      set_bos(bpe, bos);
    else
      status = bnc_fail(err, BNC_ERROR_FORMAT, "tokenizer_config.json: bos_token '%.100s' is not in the vocabulary", yyjson_get_str(token));
  }
  yyjson_doc_free(document);
  return status;
}

bnc_status bnc_bpe_from_dir(bnc_bpe **bpe, const char *dir, bnc_error *err) {
  *bpe = NULL;
  bnc_text path = {0};
  char *json = NULL;
  size_t size;
  bnc_bpe *made = NULL;
  bnc_status status = join(&path, dir, "tokenizer.json", err);
  if (status == BNC_OK) status = bnc_file_read(path.data, FILE_LIMIT, &json, &size, err);
  if (status == BNC_OK) {
    status = bnc_bpe_from_json(&made, json, size, err);
    bnc_mem_free(json);
    if (status != BNC_OK) bnc_error_prefix(err, "%s", path.data);
  }
  if (status == BNC_OK && made->header->prefix_count == 0) {
    status = join(&path, dir, "tokenizer_config.json", err);
    if (status == BNC_OK && access(path.data, F_OK) == 0) {
      status = bnc_file_read(path.data, FILE_LIMIT, &json, &size, err);
      if (status == BNC_OK) {
        status = apply_config(made, json, size, err);
        bnc_mem_free(json);
        if (status != BNC_OK) bnc_error_prefix(err, "%s", path.data);
      }
    }
  }
  bnc_text_free(&path);
  if (status == BNC_OK)
    *bpe = made;
  else
    bnc_bpe_free(made);
  return status;
}
