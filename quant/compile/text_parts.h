/* SPDX-License-Identifier: Apache-2.0 */
/** @file text_parts.h  What a model file takes from a checkpoint's tokenizer: its compact form, the prompt template, the ids that end an
 * answer. */
#ifndef BINOCLE_QUANT_COMPILE_TEXT_PARTS_H
#define BINOCLE_QUANT_COMPILE_TEXT_PARTS_H

#include "platforms/base/context_private.h"
#include "quant/compile/chat_template.h"
#include "quant/import/checkpoint.h"
#include "runtime/model/format.h"

typedef struct bnc_text_parts {
  uint8_t *tokenizer; /* NULL: the checkpoint has none */
  size_t tokenizer_size;
  bool system_given;            /* the checkpoint has a chat template of its own, for text alone */
  char system[BNC_SYSTEM_TEXT]; /* its system text */
} bnc_text_parts;

/** Reads dir/tokenizer.json, or what a GGUF file has of a tokenizer, where there is one, and fills meta's bos, stops and prompt_template.
 */
bnc_status bnc_text_parts_read(bnc_text_parts *parts, bnc_context *context, const char *dir, const bnc_checkpoint *checkpoint,
                               bnc_file_meta *meta, bnc_error *err);
void bnc_text_parts_free(bnc_text_parts *parts);

#endif
