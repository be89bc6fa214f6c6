/* SPDX-License-Identifier: Apache-2.0 */
/** @file prompt.h  Conversations as the reference writes and tokenises them (LLaVA's conversation.py and tokenizer_image_token). */
#ifndef BINOCLE_RUNTIME_TEXT_PROMPT_H
#define BINOCLE_RUNTIME_TEXT_PROMPT_H

#include <binocle/session.h>

#include "runtime/text/tokenizer.h"

#define BNC_IMAGE_TEXT "<image>"
#define BNC_STOP_IDS 4

typedef enum bnc_prompt_template {
  BNC_PROMPT_PLAIN = 0, /* the text as it is */
  BNC_PROMPT_LLAMA3,
  BNC_PROMPT_VICUNA_V1, /* LLaVA-1.5 */
  BNC_PROMPT_CHATML,    /* Qwen, SmolLM */
  BNC_PROMPT_MISTRAL,   /* Mistral-Instruct up to v0.2 */
  BNC_PROMPT_ZEPHYR     /* Zephyr, TinyLlama-Chat */
} bnc_prompt_template;

/** The template of a name; false for one that is not known. */
bool bnc_prompt_template_find(const char *name, bnc_prompt_template *found);
const char *bnc_prompt_template_name(bnc_prompt_template template_);
bool bnc_prompt_template_is_known(bnc_prompt_template template_);
/** All names, for a message: "plain, llama3, vicuna_v1, chatml, mistral or zephyr". */
const char *bnc_prompt_template_names(void);

/** How a conversation is written. */
typedef struct bnc_prompt_style {
  bnc_prompt_template template_;
  const char *system; /* NULL: the template's own; "": none */
} bnc_prompt_style;

/** Appends the ids of a whole prompt in which <image> stands for pictures. Each chunk between pictures is tokenised by itself with the
 *  tokenizer's own bos, of which the first chunk's alone is kept. vicuna_v1 reads "</s>" in it as text, as the reference's ids show. */
bnc_status bnc_prompt_tokenize(const bnc_bpe *bpe, bnc_prompt_template template_, const char *prompt, size_t length, bnc_ids *ids,
                               bnc_error *err);

/** Appends the ids of a conversation up to where the model goes on. `images` pictures belong to it: the questions have as many <image>,
 *  or none, and then each is put in front of the first question as "<image>\n". Any other count is BNC_ERROR_ARGUMENT. */
bnc_status bnc_prompt_conversation(const bnc_bpe *bpe, const bnc_prompt_style *style, const bnc_exchange *turns, size_t count,
                                   size_t images, bnc_ids *ids, bnc_error *err);

/** Appends the ids of what stands in front of every first question, or nearly so: a last one may become another where text follows. */
bnc_status bnc_prompt_preamble(const bnc_bpe *bpe, const bnc_prompt_style *style, bnc_ids *ids, bnc_error *err);

/** The same for one first question. */
bnc_status bnc_prompt_first(const bnc_bpe *bpe, const bnc_prompt_style *style, const char *question, size_t images, bnc_ids *ids,
                            bnc_error *err);

/** Appends what follows a generated answer that is already in the KV cache: the token that closes it, unless last_id (the last id in the
 *  cache) is that one, and a further question with `images` new pictures. No bos. */
bnc_status bnc_prompt_next(const bnc_bpe *bpe, bnc_prompt_template template_, const char *question, size_t images, int32_t last_id,
                           bnc_ids *ids, bnc_error *err);

/** Appends the ids of an answer where the prompt of its question ends, and of the text that ends it. No bos. */
bnc_status bnc_prompt_answer(const bnc_bpe *bpe, bnc_prompt_template template_, const char *answer, bnc_ids *ids, bnc_error *err);

/** Ids after which an answer is over: llama3 <|eot_id|> and <|end_of_text|>, vicuna_v1, mistral and zephyr </s>, chatml <|im_end|>, plain
 * all of them; those that the vocabulary has. */
size_t bnc_prompt_stop_ids(const bnc_bpe *bpe, bnc_prompt_template template_, int32_t ids[BNC_STOP_IDS]);

#endif
