/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/compile/chat_template.h"

#include <string.h>

typedef struct mark {
  const char *text, *with, *without; /* what this template writes, and does not; NULL: no matter */
  bnc_prompt_template prompt;
  const char *begin, *end; /* around a system text, which stands in it as it is; NULL: the template has none of its own */
} mark;

static const mark marks[] = {
    {"<|start_header_id|>", NULL, NULL, BNC_PROMPT_LLAMA3, NULL, NULL},
    {"<|im_start|>", NULL, NULL, BNC_PROMPT_CHATML, "<|im_start|>system", "<|im_end|>"},
    {"[INST] ", " [/INST]", "<<SYS>>", BNC_PROMPT_MISTRAL, NULL, NULL},  /* with <<SYS>> it is LLaMA 2's */
    {"<|user|>", "eos_token", "<|end|>", BNC_PROMPT_ZEPHYR, NULL, NULL}, /* with <|end|> it is Phi 3's */
    {"ASSISTANT:", NULL, NULL, BNC_PROMPT_VICUNA_V1, NULL, NULL},
};

/* A line break, as it is or as Jinja's \n. Returns its bytes. */
static size_t line_break(const char *text, size_t size) {
  if (size > 0 && text[0] == '\n') return 1;
  return size > 1 && text[0] == '\\' && text[1] == 'n' ? 2 : 0;
}

/* The text up to `end`; false where it is no plain text: it ends with the string that holds it, or names something. */
static bool take_plain(const char *text, size_t size, const char *end, char *out) {
  const char *stop = memmem(text, size, end, strlen(end));
  const size_t length = stop ? (size_t)(stop - text) : 0;
  size_t made = 0;
  if (!stop || length == 0 || length >= BNC_SYSTEM_TEXT) return false;
  for (size_t i = 0, n; i < length; i += n ? n : 1) {
    if (strchr("'\"{}", text[i])) return false;
    n = line_break(text + i, length - i);
    out[made++] = n ? '\n' : text[i];
  }
  out[made] = 0;
  return true;
}

static void find_system(const mark *m, const char *text, size_t size, char *out) {
  const char *at = text, *last = text + size;
  *out = 0;
  while (m->begin && (at = memmem(at, (size_t)(last - at), m->begin, strlen(m->begin))) != NULL) {
    at += strlen(m->begin);
    const size_t n = line_break(at, (size_t)(last - at));
    if (n && take_plain(at + n, (size_t)(last - at) - n, m->end, out)) return;
    *out = 0;
  }
}

static bool holds(const char *text, size_t size, const char *what) { return memmem(text, size, what, strlen(what)) != NULL; }

bool bnc_chat_template_find(const char *text, size_t size, bnc_chat_template *found) {
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
    if (holds(text, size, marks[i].text) && (!marks[i].with || holds(text, size, marks[i].with)) &&
        !(marks[i].without && holds(text, size, marks[i].without))) {
      found->prompt = marks[i].prompt;
      find_system(&marks[i], text, size, found->system);
      return true;
    }
  return false;
}
