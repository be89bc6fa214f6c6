/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/prompt.h"

#include <string.h>

#include "runtime/text/utf8.h"

#define SYSTEM                                                                                                                             \
  "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to "  \
  "the user's questions."

/* The pieces of a conversation: conv_llama3 and conv_vicuna_v1 of the reference. A system text stands between its own two pieces, which are
 * left out with it. */
typedef struct wording {
  const char *name, *start, *system_begin, *system, *system_end;
  const char *user, *user_end, *assistant, *answer_space, *answer_end, *next; /* next: between an answer's end and the next question */
  const char *stop[BNC_STOP_IDS];
  bool specials_are_text;
} wording;

static const wording wordings[] = {
    [BNC_PROMPT_PLAIN] = {.name = "plain",
                          .start = "",
                          .system_begin = "",
                          .system = "",
                          .system_end = "\n",
                          .user = "",
                          .user_end = "",
                          .assistant = "",
                          .answer_space = "",
                          .answer_end = "",
                          .stop = {"<|eot_id|>", "<|end_of_text|>", "</s>", "<|im_end|>"}},
    [BNC_PROMPT_LLAMA3] = {.name = "llama3",
                           .start = "<|begin_of_text|>",
                           .system_begin = "<|start_header_id|>system<|end_header_id|>\n\n",
                           .system = SYSTEM,
                           .system_end = "<|eot_id|>",
                           .user = "<|start_header_id|>user<|end_header_id|>\n\n",
                           .user_end = "<|eot_id|>",
                           .assistant = "<|start_header_id|>assistant<|end_header_id|>\n\n",
                           .answer_space = "",
                           .answer_end = "<|eot_id|>",
                           .stop = {"<|eot_id|>", "<|end_of_text|>"}},
    [BNC_PROMPT_VICUNA_V1] = {.name = "vicuna_v1",
                              .start = "",
                              .system_begin = "",
                              .system = SYSTEM,
                              .system_end = " ",
                              .user = "USER: ",
                              .user_end = " ",
                              .assistant = "ASSISTANT:",
                              .answer_space = " ",
                              .answer_end = "</s>",
                              .stop = {"</s>"},
                              .specials_are_text = true},
    [BNC_PROMPT_CHATML] = {.name = "chatml",
                           .start = "",
                           .system_begin = "<|im_start|>system\n",
                           .system = "You are a helpful assistant.",
                           .system_end = "<|im_end|>\n",
                           .user = "<|im_start|>user\n",
                           .user_end = "<|im_end|>\n",
                           .assistant = "<|im_start|>assistant\n",
                           .answer_space = "",
                           .answer_end = "<|im_end|>",
                           .next = "\n",
                           .stop = {"<|im_end|>", "<|endoftext|>"}},
    /* The system text is the first question's beginning. */
    [BNC_PROMPT_MISTRAL] = {.name = "mistral",
                            .start = "[INST] ",
                            .system_begin = "",
                            .system = "",
                            .system_end = "\n\n",
                            .user = "",
                            .user_end = " [/INST]",
                            .assistant = "",
                            .answer_space = " ",
                            .answer_end = "</s>",
                            .next = "[INST] ",
                            .stop = {"</s>"}},
    [BNC_PROMPT_ZEPHYR] = {.name = "zephyr",
                           .start = "",
                           .system_begin = "<|system|>\n",
                           .system = "",
                           .system_end = "</s>\n",
                           .user = "<|user|>\n",
                           .user_end = "</s>\n",
                           .assistant = "<|assistant|>\n",
                           .answer_space = "",
                           .answer_end = "</s>",
                           .next = "\n",
                           .stop = {"</s>"}},
};
#define TEMPLATES (sizeof wordings / sizeof *wordings)

bool bnc_prompt_template_find(const char *name, bnc_prompt_template *found) {
  for (size_t i = 0; i < TEMPLATES; i++)
    if (strcmp(name, wordings[i].name) == 0) {
      *found = (bnc_prompt_template)i;
      return true;
    }
  return false;
}

const char *bnc_prompt_template_name(bnc_prompt_template template_) {
  return (size_t)template_ < TEMPLATES ? wordings[template_].name : "unknown";
}

bool bnc_prompt_template_is_known(bnc_prompt_template template_) { return (size_t)template_ < TEMPLATES; }

const char *bnc_prompt_template_names(void) { return "plain, llama3, vicuna_v1, chatml, mistral or zephyr"; }

static bnc_status append(bnc_text *text, const char *more, bnc_error *err) { return bnc_text_append(text, more, strlen(more), err); }

static bnc_status get_wording(bnc_prompt_template template_, const wording **words, bnc_error *err) {
  if ((size_t)template_ >= TEMPLATES) return bnc_fail(err, BNC_ERROR_ARGUMENT, "prompt template %d is unknown", (int)template_);
  *words = &wordings[template_];
  return BNC_OK;
}

static size_t count_images(const char *text) {
  size_t count = 0;
  for (; (text = strstr(text, BNC_IMAGE_TEXT)); text += sizeof BNC_IMAGE_TEXT - 1) count++;
  return count;
}

/* Chunks between pictures; from the second on, and from the first where keep_bos is false, the tokenizer's bos is dropped. */
static bnc_status tokenize_chunks(const bnc_bpe *bpe, bool plain, const char *prompt, size_t length, bool keep_bos, bnc_ids *ids,
                                  bnc_error *err) {
  static const int32_t image = BNC_IMAGE_TOKEN;
  const char *at = prompt, *end = prompt + length;
  size_t before = ids->count;
  bnc_status status = BNC_OK;
  for (bool first = true;; first = false) {
    const char *hit = at < end ? memmem(at, (size_t)(end - at), BNC_IMAGE_TEXT, sizeof BNC_IMAGE_TEXT - 1) : NULL;
    size_t size = (size_t)((hit ? hit : end) - at);
    bool bos = first && keep_bos;
    if (status == BNC_OK)
      status = plain ? bnc_bpe_encode_plain(bpe, at, size, bos, ids, err) : bnc_bpe_encode(bpe, at, size, bos, ids, err);
    if (!hit || status != BNC_OK) break;
    status = bnc_ids_append(ids, &image, 1, err);
    at = hit + sizeof BNC_IMAGE_TEXT - 1;
  }
  if (status != BNC_OK) ids->count = before;
  return status;
}

bnc_status bnc_prompt_tokenize(const bnc_bpe *bpe, bnc_prompt_template template_, const char *prompt, size_t length, bnc_ids *ids,
                               bnc_error *err) {
  const wording *words = wordings;
  bnc_status status = get_wording(template_, &words, err);
  return status == BNC_OK ? tokenize_chunks(bpe, words->specials_are_text, prompt, length, true, ids, err) : status;
}

static bnc_status append_question(bnc_text *text, const wording *words, const char *question, size_t prefixes, bnc_error *err) {
  bnc_status status = append(text, words->user, err);
  for (size_t i = 0; i < prefixes && status == BNC_OK; i++) status = append(text, BNC_IMAGE_TEXT "\n", err);
  if (status == BNC_OK) status = append(text, question, err);
  if (status == BNC_OK) status = append(text, words->user_end, err);
  return status == BNC_OK ? append(text, words->assistant, err) : status;
}

static bnc_status append_answer(bnc_text *text, const wording *words, const char *answer, bnc_error *err) {
  bnc_status status = append(text, words->answer_space, err);
  if (status == BNC_OK) status = append(text, answer, err);
  return status == BNC_OK ? append(text, words->answer_end, err) : status;
}

static bnc_status check_images(size_t named, size_t given, bnc_error *err) {
  if (named == 0 || named == given) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_ARGUMENT, "the prompt has %zu <image> but %zu picture%s given", named, given,
                  given == 1 ? " is" : "s are");
}

static bnc_status append_system(bnc_text *text, const wording *words, const char *system, bnc_error *err) {
  const char *said = system ? system : words->system;
  bnc_status status = append(text, words->start, err);
  if (!*said || status != BNC_OK) return status;
  status = append(text, words->system_begin, err);
  if (status == BNC_OK) status = append(text, said, err);
  return status == BNC_OK ? append(text, words->system_end, err) : status;
}

bnc_status bnc_prompt_conversation(const bnc_bpe *bpe, const bnc_prompt_style *style, const bnc_exchange *turns, size_t count,
                                   size_t images, bnc_ids *ids, bnc_error *err) {
  const wording *words = wordings;
  bnc_status status = get_wording(style->template_, &words, err);
  size_t named = 0;
  for (size_t i = 0; i < count; i++) named += count_images(turns[i].question);
  if (status == BNC_OK) status = check_images(named, images, err);
  bnc_text text = {0};
  if (status == BNC_OK) status = append_system(&text, words, style->system, err);
  for (size_t i = 0; i < count && status == BNC_OK; i++) {
    status = append_question(&text, words, turns[i].question, i == 0 && named == 0 ? images : 0, err);
    if (!turns[i].answer || status != BNC_OK) continue;
    status = append_answer(&text, words, turns[i].answer, err);
    if (status == BNC_OK && words->next) status = append(&text, words->next, err);
  }
  if (status == BNC_OK) status = tokenize_chunks(bpe, words->specials_are_text, text.data ? text.data : "", text.size, true, ids, err);
  bnc_text_free(&text);
  return status;
}

bnc_status bnc_prompt_preamble(const bnc_bpe *bpe, const bnc_prompt_style *style, bnc_ids *ids, bnc_error *err) {
  const wording *words = wordings;
  bnc_text text = {0};
  bnc_status status = get_wording(style->template_, &words, err);
  if (status == BNC_OK) status = append_system(&text, words, style->system, err);
  if (status == BNC_OK) status = append(&text, words->user, err);
  if (status == BNC_OK) status = tokenize_chunks(bpe, words->specials_are_text, text.data ? text.data : "", text.size, true, ids, err);
  bnc_text_free(&text);
  return status;
}

bnc_status bnc_prompt_first(const bnc_bpe *bpe, const bnc_prompt_style *style, const char *question, size_t images, bnc_ids *ids,
                            bnc_error *err) {
  const bnc_exchange turn = {question, NULL};
  return bnc_prompt_conversation(bpe, style, &turn, 1, images, ids, err);
}

bnc_status bnc_prompt_next(const bnc_bpe *bpe, bnc_prompt_template template_, const char *question, size_t images, int32_t last_id,
                           bnc_ids *ids, bnc_error *err) {
  const wording *words = wordings;
  bnc_status status = get_wording(template_, &words, err);
  size_t named = count_images(question), before = ids->count;
  if (status == BNC_OK) status = check_images(named, images, err);
  if (status != BNC_OK) return status;
  int32_t close = bnc_bpe_find(bpe, words->answer_end, strlen(words->answer_end));
  if (*words->answer_end && close >= 0 && close != last_id) status = bnc_ids_append(ids, &close, 1, err);
  bnc_text text = {0};
  if (status == BNC_OK && words->next) status = append(&text, words->next, err);
  if (status == BNC_OK) status = append_question(&text, words, question, named ? 0 : images, err);
  if (status == BNC_OK) status = tokenize_chunks(bpe, words->specials_are_text, text.data ? text.data : "", text.size, false, ids, err);
  bnc_text_free(&text);
  if (status != BNC_OK) ids->count = before;
  return status;
}

bnc_status bnc_prompt_answer(const bnc_bpe *bpe, bnc_prompt_template template_, const char *answer, bnc_ids *ids, bnc_error *err) {
  const wording *words = wordings;
  bnc_text text = {0};
  bnc_status status = get_wording(template_, &words, err);
  if (status == BNC_OK) status = append_answer(&text, words, answer, err);
  if (status == BNC_OK) status = tokenize_chunks(bpe, false, text.data ? text.data : "", text.size, false, ids, err);
  bnc_text_free(&text);
  return status;
}

size_t bnc_prompt_stop_ids(const bnc_bpe *bpe, bnc_prompt_template template_, int32_t ids[BNC_STOP_IDS]) {
  size_t count = 0;
  if ((size_t)template_ >= TEMPLATES) return 0;
  for (size_t i = 0; i < BNC_STOP_IDS && wordings[template_].stop[i]; i++) {
    int32_t id = bnc_bpe_find(bpe, wordings[template_].stop[i], strlen(wordings[template_].stop[i]));
    if (id >= 0) ids[count++] = id;
  }
  return count;
}
