/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/compile/text_parts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/json.h"
#include "platforms/base/mem.h"
#include "quant/import/gguf/gguf_tokenizer.h"

#define TEMPLATE_LIMIT ((size_t)16 << 20)

static void add_stop(bnc_file_meta *meta, int32_t id) {
  for (uint32_t i = 0; i < meta->stops; i++)
    if (meta->stop[i] == id) return;
  if (meta->stops < sizeof meta->stop / sizeof *meta->stop) meta->stop[meta->stops++] = id;
}

/* A chat template's text, in a block of its own; NULL: there is none. */
static bnc_status read_template(const char *dir, const bnc_checkpoint *checkpoint, char **text, size_t *size, bnc_error *err) {
  char path[4096];
  const bnc_gguf *gguf = bnc_checkpoint_gguf(checkpoint);
  const char *found = NULL;
  yyjson_doc *document = NULL;
  bnc_status s = BNC_OK;
  *text = NULL;
  if (gguf) {
    s = bnc_gguf_get_text(gguf, "tokenizer.chat_template", &found, size, err);
  } else {
    const int n = snprintf(path, sizeof path, "%s/tokenizer_config.json", dir);
    if (n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0) s = bnc_json_read_file(&document, path, TEMPLATE_LIMIT, err);
    yyjson_val *value = yyjson_obj_get(yyjson_doc_get_root(document), "chat_template");
    found = yyjson_get_str(value); /* newer files have a list of them: none of those then */
    *size = yyjson_get_len(value);
  }
  if (s == BNC_OK && found) {
    *text = bnc_mem_strndup(found, *size);
    if (!*text) s = bnc_fail_memory(err, *size);
  }
  yyjson_doc_free(document);
  return s;
}

/* The conversation that a text model was trained for stands in its chat template, else shows in its special tokens. LLaVA's models do not
   follow the templates of the models that they were made from. */
static bnc_status choose_template(bnc_text_parts *parts, const char *dir, const bnc_bpe *bpe, const bnc_checkpoint *checkpoint,
                                  bnc_file_meta *meta, bnc_error *err) {
  static const char header[] = "<|start_header_id|>", start[] = "<|im_start|>";
  const bool vision = bnc_checkpoint_geometry(checkpoint)->has_vision;
  bnc_chat_template found;
  char *text = NULL;
  size_t size = 0;
  bnc_status s = vision ? BNC_OK : read_template(dir, checkpoint, &text, &size, err);
  if (s != BNC_OK) return s;
  if (text && bnc_chat_template_find(text, size, &found)) {
    meta->prompt_template = found.prompt;
    parts->system_given = true;
    memcpy(parts->system, found.system, sizeof parts->system);
  } else if (bnc_bpe_find(bpe, header, sizeof header - 1) >= 0) {
    meta->prompt_template = BNC_PROMPT_LLAMA3;
  } else if (bnc_bpe_find(bpe, start, sizeof start - 1) >= 0) {
    meta->prompt_template = BNC_PROMPT_CHATML;
  } else {
    meta->prompt_template = vision ? BNC_PROMPT_VICUNA_V1 : BNC_PROMPT_PLAIN;
  }
  bnc_mem_free(text);
  return BNC_OK;
}

static bnc_status take_tokenizer(bnc_text_parts *parts, const char *dir, const bnc_bpe *bpe, const bnc_checkpoint *checkpoint,
                                 bnc_file_meta *meta, bnc_error *err) {
  int32_t stops[BNC_STOP_IDS];
  const size_t size = bnc_bpe_vocabulary_size(bpe), rows = bnc_checkpoint_geometry(checkpoint)->text.vocab;
  if (size > rows)
    return bnc_fail(err, BNC_ERROR_FORMAT, "tokenizer: ids up to %zu, expected at most the model's vocabulary of %zu", size - 1, rows);
  bnc_status s = bnc_bpe_save(bpe, &parts->tokenizer, &parts->tokenizer_size, err);
  if (s != BNC_OK) return s;
  s = choose_template(parts, dir, bpe, checkpoint, meta, err);
  if (s != BNC_OK) return s;
  const size_t count = bnc_prompt_stop_ids(bpe, (bnc_prompt_template)meta->prompt_template, stops);
  for (size_t i = 0; i < count; i++) add_stop(meta, stops[i]);
  return BNC_OK;
}

/* *bpe: NULL where the checkpoint has none. */
static bnc_status read_tokenizer(bnc_bpe **bpe, const char *dir, const bnc_checkpoint *checkpoint, bnc_error *err) {
  char path[4096];
  const bnc_gguf *gguf = bnc_checkpoint_gguf(checkpoint);
  *bpe = NULL;
  if (gguf) return bnc_gguf_tokenizer(bpe, gguf, err);
  const int n = snprintf(path, sizeof path, "%s/tokenizer.json", dir);
  return n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0 ? bnc_bpe_from_dir(bpe, dir, err) : BNC_OK;
}

bnc_status bnc_text_parts_read(bnc_text_parts *parts, bnc_context *context, const char *dir, const bnc_checkpoint *checkpoint,
                               bnc_file_meta *meta, bnc_error *err) {
  const bnc_text_geometry *text = &bnc_checkpoint_geometry(checkpoint)->text;
  bnc_bpe *bpe;
  *parts = (bnc_text_parts){0};
  meta->bos = text->bos;
  for (size_t i = 0; i < text->eos_count; i++) add_stop(meta, text->eos[i]);
  bnc_status s = read_tokenizer(&bpe, dir, checkpoint, err);
  if (s == BNC_OK && bpe) {
    s = take_tokenizer(parts, dir, bpe, checkpoint, meta, err);
    if (s != BNC_OK) bnc_error_prefix(err, "%s", dir);
  } else if (s == BNC_OK) {
    bnc_context_log(context, BNC_LOG_WARNING, "%s has no %s: the model will score ids, but not read or write text", dir,
                    bnc_checkpoint_gguf(checkpoint) ? "tokenizer" : "tokenizer.json");
  } else if (bnc_checkpoint_gguf(checkpoint)) {
    bnc_error_prefix(err, "%s", dir);
  }
  bnc_bpe_free(bpe);
  return s;
}

void bnc_text_parts_free(bnc_text_parts *parts) {
  bnc_mem_free(parts->tokenizer);
  *parts = (bnc_text_parts){0};
}
