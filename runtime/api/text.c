/* SPDX-License-Identifier: Apache-2.0 */
#include <binocle/text.h>
#include <string.h>
#include <sys/stat.h>

#include "platforms/base/context_private.h"
#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "runtime/model/model_file.h"
#include "runtime/npy/npy.h"
#include "runtime/text/jsonl.h"

struct bnc_tokenizer {
  bnc_context *context; /* not owned */
  bnc_model_file file;  /* holds the compact form that bpe uses in place; empty for a folder */
  bnc_bpe *bpe;
};

static bnc_status open_model(bnc_tokenizer *t, const char *path, bnc_error *err) {
  bnc_status s = bnc_model_file_open(&t->file, path, err);
  if (s != BNC_OK) return s;
  if (!t->file.tokenizer.data)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "%s has no tokenizer: its checkpoint had no tokenizer.json", path);
  s = bnc_bpe_load(&t->bpe, t->file.tokenizer.data, t->file.tokenizer.size, err);
  return s == BNC_OK ? s : bnc_error_prefix(err, "%s: section tokenizer", path);
}

bnc_status bnc_tokenizer_open(bnc_context *context, const char *path, bnc_tokenizer **tokenizer) {
  struct stat st;
  if (!context) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &context->error;
  if (!path || !tokenizer) return bnc_fail(err, BNC_ERROR_ARGUMENT, "a tokenizer needs a path and a place for its handle");
  *tokenizer = NULL;
  bnc_tokenizer *t = bnc_mem_zalloc(sizeof *t);
  if (!t) return bnc_fail_memory(err, sizeof *t);
  t->context = context;
  bnc_status s = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? bnc_bpe_from_dir(&t->bpe, path, err) : open_model(t, path, err);
  if (s != BNC_OK) {
    bnc_tokenizer_close(t);
    return s;
  }
  *tokenizer = t;
  return BNC_OK;
}

void bnc_tokenizer_close(bnc_tokenizer *tokenizer) {
  if (!tokenizer) return;
  bnc_bpe_free(tokenizer->bpe);
  bnc_model_file_close(&tokenizer->file);
  bnc_mem_free(tokenizer);
}

bnc_status bnc_tokenizer_encode(bnc_tokenizer *tokenizer, const char *text, size_t length, int32_t **ids, size_t *count) {
  bnc_ids out = {0};
  if (!tokenizer) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &tokenizer->context->error;
  if (!text || !ids || !count) return bnc_fail(err, BNC_ERROR_ARGUMENT, "encode needs text and a place for ids");
  bnc_status s = bnc_bpe_encode(tokenizer->bpe, text, length, false, &out, err);
  if (s != BNC_OK) bnc_ids_free(&out);
  *ids = out.data;
  *count = out.count;
  return s;
}

bnc_status bnc_tokenizer_decode(bnc_tokenizer *tokenizer, const int32_t *ids, size_t count, char **text, size_t *length) {
  if (!tokenizer) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &tokenizer->context->error;
  if ((!ids && count) || !text || !length) return bnc_fail(err, BNC_ERROR_ARGUMENT, "decode needs ids and a place for text");
  return bnc_bpe_decode(tokenizer->bpe, ids, count, false, text, length, err);
}

static bnc_status finish_text(bnc_text *text, bnc_status s, char **result, bnc_error *err) {
  if (s == BNC_OK) s = bnc_text_append(text, "", 1, err);
  if (s != BNC_OK) {
    bnc_text_free(text);
    *text = (bnc_text){0};
  }
  *result = text->data;
  return s;
}

bnc_status bnc_tokenizer_json_line(bnc_tokenizer *tokenizer, const char *line, size_t length, int decode, char **result) {
  bnc_text out = {0};
  if (!tokenizer) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &tokenizer->context->error;
  if (!line || !result) return bnc_fail(err, BNC_ERROR_ARGUMENT, "a line and a place for its result are needed");
  bnc_status s =
      decode ? bnc_jsonl_decode(tokenizer->bpe, line, length, false, &out, err) : bnc_jsonl_encode(tokenizer->bpe, line, length, &out, err);
  return finish_text(&out, s, result, err);
}

void bnc_tokens_free(int32_t *ids) { bnc_mem_free(ids); }

bnc_status bnc_ids_load(bnc_context *context, const char *path, int32_t **ids, size_t *count) {
  int64_t *wide;
  if (!context) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &context->error;
  if (!path || !ids || !count) return bnc_fail(err, BNC_ERROR_ARGUMENT, "ids need a path and a place");
  bnc_status s = bnc_npy_load_ids(path, &wide, count, err);
  if (s != BNC_OK) return s;
  *ids = bnc_mem_array(*count + 1, sizeof **ids);
  if (!*ids) s = bnc_fail_memory(err, *count * sizeof **ids);
  for (size_t i = 0; s == BNC_OK && i < *count; i++) {
    if (wide[i] < INT32_MIN || wide[i] > INT32_MAX)
      s = bnc_fail(err, BNC_ERROR_FORMAT, "%s: id %lld at position %zu is none", path, (long long)wide[i], i);
    (*ids)[i] = (int32_t)wide[i];
  }
  bnc_mem_free(wide);
  if (s != BNC_OK) {
    bnc_mem_free(*ids);
    *ids = NULL;
  }
  return s;
}

bnc_status bnc_array_save(bnc_context *context, const char *path, const float *values, const size_t *shape, size_t rank) {
  if (!context) return BNC_ERROR_ARGUMENT;
  if (!path || !values || !shape) return bnc_fail(&context->error, BNC_ERROR_ARGUMENT, "an array needs a path, values and a shape");
  return bnc_npy_save_f32(path, values, shape, rank, &context->error);
}

bnc_status bnc_text_save(bnc_context *context, const char *path, const char *text) {
  if (!context) return BNC_ERROR_ARGUMENT;
  bnc_error *err = &context->error;
  if (!path || !text) return bnc_fail(err, BNC_ERROR_ARGUMENT, "a file needs a path and text");
  return bnc_file_save(path, text, strlen(text), err);
}

bnc_status bnc_json_string(bnc_context *context, const char *text, size_t length, char **json) {
  bnc_text out = {0};
  if (!context) return BNC_ERROR_ARGUMENT;
  if (!text || !json) return bnc_fail(&context->error, BNC_ERROR_ARGUMENT, "a JSON string needs text and a place");
  return finish_text(&out, bnc_jsonl_string(text, length, &out, &context->error), json, &context->error);
}
