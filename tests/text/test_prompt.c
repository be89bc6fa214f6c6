/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/text/prompt.h"
#include "tests/text/text_data.h"
#include "tests/unit.h"

#define SYSTEM                                                                                                                             \
  "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, detailed, and polite answers to "  \
  "the user's questions."

static void expect_prompt(const bnc_bpe *bpe, bnc_prompt_template t, const bnc_ids *found, const char *text) {
  bnc_error err;
  bnc_ids expected = {0};
  OK(bnc_prompt_tokenize(bpe, t, text, strlen(text), &expected, &err));
  expect_ids(found, &expected, text);
  bnc_ids_free(&expected);
}

static void check_conversation(const bnc_bpe *bpe, bnc_prompt_template t, const bnc_exchange *turns, size_t count, size_t images,
                               const char *text) {
  bnc_error err;
  bnc_ids ids = {0};
  OK(bnc_prompt_conversation(bpe, &(bnc_prompt_style){t, NULL}, turns, count, images, &ids, &err));
  expect_prompt(bpe, t, &ids, text);
  size_t found = 0;
  for (size_t i = 0; i < ids.count; i++) found += ids.data[i] == BNC_IMAGE_TOKEN;
  assert_int_equal(found, images);
  bnc_ids_free(&ids);
}

static const bnc_exchange two[] = {{"Read the sign.", "STOP."}, {"Why?", NULL}};
static const bnc_exchange inside[] = {{"before <image> after", NULL}};

static void llama3(void **state) {
  (void)state;
  bnc_error err;
  bnc_bpe *bpe = small_tokenizer("small_llama3");
#define HEAD "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n" SYSTEM "<|eot_id|>"
#define USER(q) "<|start_header_id|>user<|end_header_id|>\n\n" q "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
  check_conversation(bpe, BNC_PROMPT_LLAMA3, two, 2, 0, HEAD USER("Read the sign.") "STOP.<|eot_id|>" USER("Why?"));
  check_conversation(bpe, BNC_PROMPT_LLAMA3, two, 2, 2, HEAD USER("<image>\n<image>\nRead the sign.") "STOP.<|eot_id|>" USER("Why?"));
  check_conversation(bpe, BNC_PROMPT_LLAMA3, inside, 1, 1, HEAD USER("before <image> after"));
  /* A conversation that grows turn by turn has the ids of the whole one. */
  bnc_ids whole = {0}, grown = {0};
  OK(bnc_prompt_conversation(bpe, &(bnc_prompt_style){BNC_PROMPT_LLAMA3, NULL}, two, 2, 1, &whole, &err));
  OK(bnc_prompt_first(bpe, &(bnc_prompt_style){BNC_PROMPT_LLAMA3, NULL}, two[0].question, 1, &grown, &err));
  int32_t bos = bnc_bpe_bos(bpe);
  assert_int_equal(grown.data[0], bos);
  assert_int_equal(grown.data[1], bos);
  OK(bnc_bpe_encode(bpe, two[0].answer, strlen(two[0].answer), false, &grown, &err));
  size_t answered = grown.count;
  OK(bnc_prompt_next(bpe, BNC_PROMPT_LLAMA3, two[1].question, 0, grown.data[answered - 1], &grown, &err));
  expect_ids(&grown, &whole, "grown");
  int32_t eot = bnc_bpe_find(bpe, "<|eot_id|>", 10);
  grown.count = answered;
  OK(bnc_ids_append(&grown, &eot, 1, &err));
  OK(bnc_prompt_next(bpe, BNC_PROMPT_LLAMA3, two[1].question, 0, eot, &grown, &err));
  expect_ids(&grown, &whole, "grown, the model closed its answer");
  int32_t stop[BNC_STOP_IDS];
  assert_int_equal(bnc_prompt_stop_ids(bpe, BNC_PROMPT_LLAMA3, stop), 2);
  assert_int_equal(stop[0], eot);
  bnc_ids_free(&whole);
  bnc_ids_free(&grown);
  bnc_bpe_free(bpe);
}

static void vicuna(void **state) {
  (void)state;
  bnc_error err;
  bnc_bpe *bpe = small_tokenizer("small_llama2");
  check_conversation(bpe, BNC_PROMPT_VICUNA_V1, two, 2, 1,
                     SYSTEM " USER: <image>\nRead the sign. ASSISTANT: STOP.</s>USER: Why? ASSISTANT:");
  check_conversation(bpe, BNC_PROMPT_VICUNA_V1, inside, 1, 1, SYSTEM " USER: before <image> after ASSISTANT:");
  bnc_ids next = {0}, expected = {0};
  OK(bnc_prompt_next(bpe, BNC_PROMPT_VICUNA_V1, "Why?", 0, 77, &next, &err));
  assert_int_equal(next.data[0], 2);
  int32_t eos = 2;
  OK(bnc_ids_append(&expected, &eos, 1, &err));
  OK(bnc_bpe_encode(bpe, "USER: Why? ASSISTANT:", 21, false, &expected, &err));
  expect_ids(&next, &expected, "next");
  int32_t stop[BNC_STOP_IDS];
  assert_int_equal(bnc_prompt_stop_ids(bpe, BNC_PROMPT_VICUNA_V1, stop), 1);
  assert_int_equal(stop[0], 2);
  bnc_ids_free(&next);
  bnc_ids_free(&expected);
  bnc_bpe_free(bpe);
}

static void plain_and_errors(void **state) {
  (void)state;
  bnc_error err;
  bnc_bpe *bpe = small_tokenizer("small_llama3");
  static const bnc_exchange turn = {"just text", NULL};
  check_conversation(bpe, BNC_PROMPT_PLAIN, &turn, 1, 0, "just text");
  check_conversation(bpe, BNC_PROMPT_PLAIN, &turn, 1, 1, "<image>\njust text");
  bnc_ids ids = {0};
  assert_int_equal(bnc_prompt_first(bpe, &(bnc_prompt_style){BNC_PROMPT_LLAMA3, NULL}, "<image> <image>", 1, &ids, &err),
                   BNC_ERROR_ARGUMENT);
  assert_int_equal(bnc_prompt_first(bpe, &(bnc_prompt_style){BNC_PROMPT_LLAMA3, NULL}, "<image>", 0, &ids, &err), BNC_ERROR_ARGUMENT);
  assert_int_equal(bnc_prompt_first(bpe, &(bnc_prompt_style){BNC_PROMPT_LLAMA3, NULL}, "\xff", 0, &ids, &err), BNC_ERROR_FORMAT);
  assert_int_equal(bnc_prompt_first(bpe, &(bnc_prompt_style){(bnc_prompt_template)99, NULL}, "a", 0, &ids, &err), BNC_ERROR_ARGUMENT);
  assert_int_equal(ids.count, 0);
  bnc_prompt_template t;
  assert_true(bnc_prompt_template_find("vicuna_v1", &t) && t == BNC_PROMPT_VICUNA_V1);
  assert_false(bnc_prompt_template_find("gpt", &t));
  assert_string_equal(bnc_prompt_template_name(BNC_PROMPT_LLAMA3), "llama3");
  bnc_ids_free(&ids);
  bnc_bpe_free(bpe);
}

static void check_whole(const bnc_bpe *bpe, bnc_prompt_template t, const char *system, const char *text) {
  bnc_error err;
  bnc_ids whole = {0};
  OK(bnc_prompt_conversation(bpe, &(bnc_prompt_style){t, system}, two, 2, 0, &whole, &err));
  expect_prompt(bpe, t, &whole, text);
  bnc_ids_free(&whole);
}

static void chatml(void **state) {
  (void)state;
  bnc_error err;
  bnc_bpe *bpe = small_tokenizer("small_smollm");
#define CHATML "<|im_start|>user\nRead the sign.<|im_end|>\n<|im_start|>assistant\nSTOP.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n"
  check_whole(bpe, BNC_PROMPT_CHATML, "", CHATML "<|im_start|>assistant\n");
  check_whole(bpe, BNC_PROMPT_CHATML, "Be brief.", "<|im_start|>system\nBe brief.<|im_end|>\n" CHATML "<|im_start|>assistant\n");
  /* Grown turn by turn, it has the ids of the whole. */
  bnc_ids whole = {0}, grown = {0};
  OK(bnc_prompt_conversation(bpe, &(bnc_prompt_style){BNC_PROMPT_CHATML, NULL}, two, 2, 0, &whole, &err));
  OK(bnc_prompt_first(bpe, &(bnc_prompt_style){BNC_PROMPT_CHATML, NULL}, two[0].question, 0, &grown, &err));
  OK(bnc_bpe_encode(bpe, two[0].answer, strlen(two[0].answer), false, &grown, &err));
  OK(bnc_prompt_next(bpe, BNC_PROMPT_CHATML, two[1].question, 0, grown.data[grown.count - 1], &grown, &err));
  expect_ids(&grown, &whole, "grown");
  bnc_ids_free(&grown);
  bnc_ids_free(&whole);
  bnc_bpe_free(bpe);
}

static void mistral_and_zephyr(void **state) {
  (void)state;
  bnc_bpe *bpe = small_tokenizer("small_llama2");
  check_whole(bpe, BNC_PROMPT_MISTRAL, NULL, "[INST] Read the sign. [/INST] STOP.</s>[INST] Why? [/INST]");
  check_whole(bpe, BNC_PROMPT_MISTRAL, "Be brief.", "[INST] Be brief.\n\nRead the sign. [/INST] STOP.</s>[INST] Why? [/INST]");
#define ZEPHYR "<|user|>\nRead the sign.</s>\n<|assistant|>\nSTOP.</s>\n<|user|>\nWhy?</s>\n<|assistant|>\n"
  check_whole(bpe, BNC_PROMPT_ZEPHYR, NULL, ZEPHYR);
  check_whole(bpe, BNC_PROMPT_ZEPHYR, "Be brief.", "<|system|>\nBe brief.</s>\n" ZEPHYR);
  bnc_bpe_free(bpe);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(llama3), cmocka_unit_test(vicuna), cmocka_unit_test(plain_and_errors),
                                     cmocka_unit_test(chatml), cmocka_unit_test(mistral_and_zephyr)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
