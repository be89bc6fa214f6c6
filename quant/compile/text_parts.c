/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/compile/text_parts.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "runtime/text/prompt.h"

static void add_stop(bnc_file_meta *meta, int32_t id) {
  for (uint32_t i = 0; i < meta->stops; i++)
    if (meta->stop[i] == id) return;
  if (meta->stops < sizeof meta->stop / sizeof *meta->stop) meta->stop[meta->stops++] = id;
}

/* The conversation that a vocabulary was trained for shows in its special tokens. */
static bnc_prompt_template template_of(const bnc_bpe *bpe, const bnc_geometry *geometry) {
  static const char header[] = "<|start_header_id|>";
  if (bnc_bpe_find(bpe, header, sizeof header - 1) >= 0) return BNC_PROMPT_LLAMA3;
  return geometry->has_vision ? BNC_PROMPT_VICUNA_V1 : BNC_PROMPT_PLAIN;
}

static bnc_status take_tokenizer(bnc_text_parts *parts, const char *dir, const bnc_geometry *geometry, bnc_file_meta *meta,
                                 bnc_error *err) {
  bnc_bpe *bpe;
  int32_t stops[BNC_STOP_IDS];
  bnc_status s = bnc_bpe_from_dir(&bpe, dir, err);
  if (s != BNC_OK) return s;
  size_t size = bnc_bpe_vocabulary_size(bpe);
  if (size > geometry->text.vocab)
    s = bnc_fail(err, BNC_ERROR_FORMAT, "%s/tokenizer.json: ids up to %zu, expected at most the model's vocabulary of %zu", dir, size - 1,
                 geometry->text.vocab);
  if (s == BNC_OK) s = bnc_bpe_save(bpe, &parts->tokenizer, &parts->tokenizer_size, err);
  if (s == BNC_OK) {
    bnc_prompt_template chosen = template_of(bpe, geometry);
    meta->prompt_template = chosen;
    size_t count = bnc_prompt_stop_ids(bpe, chosen, stops);
    for (size_t i = 0; i < count; i++) add_stop(meta, stops[i]);
  }
  bnc_bpe_free(bpe);
  return s;
}

bnc_status bnc_text_parts_read(bnc_text_parts *parts, bnc_context *context, const char *dir, const bnc_geometry *geometry,
                               bnc_file_meta *meta, bnc_error *err) {
  char path[4096];
  *parts = (bnc_text_parts){0};
  meta->bos = geometry->text.bos;
  for (size_t i = 0; i < geometry->text.eos_count; i++) add_stop(meta, geometry->text.eos[i]);
  int n = snprintf(path, sizeof path, "%s/tokenizer.json", dir);
  if (n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0) return take_tokenizer(parts, dir, geometry, meta, err);
  bnc_context_log(context, BNC_LOG_WARNING, "%s has no tokenizer.json: the model will score ids, but not read or write text", dir);
  return BNC_OK;
}

void bnc_text_parts_free(bnc_text_parts *parts) {
  bnc_mem_free(parts->tokenizer);
  *parts = (bnc_text_parts){0};
}
