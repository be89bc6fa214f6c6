/* SPDX-License-Identifier: Apache-2.0 */
/** @file chat_template.h  Recognises the chat templates (Jinja) that models carry by what they write. */
#ifndef BINOCLE_QUANT_COMPILE_CHAT_TEMPLATE_H
#define BINOCLE_QUANT_COMPILE_CHAT_TEMPLATE_H

#include "runtime/text/prompt.h"

#define BNC_SYSTEM_TEXT 256u /* bytes of a system text with its NUL: what a string of the model file holds */

typedef struct bnc_chat_template {
  bnc_prompt_template prompt;
  char system[BNC_SYSTEM_TEXT]; /* what a conversation without a system text begins with; "": nothing */
} bnc_chat_template;

/** False for a template that writes none of the conversations that are known. A system text that does not fit is left out. */
bool bnc_chat_template_find(const char *text, size_t size, bnc_chat_template *found);

#endif
