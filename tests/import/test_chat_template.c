/* SPDX-License-Identifier: Apache-2.0 */
/* Chat templates as models carry them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "quant/compile/chat_template.h"
#include "tests/unit.h"

static const struct {
  const char *text;
  bnc_prompt_template prompt;
  const char *system;
} known[] = {
    {"{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a helpful AI "
     "assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}{{'<|im_start|>' + message['role'] + '\n' + "
     "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
     BNC_PROMPT_CHATML, "You are a helpful AI assistant named SmolLM, trained by Hugging Face"},
    {"{%- if messages[0]['role'] == 'system' %}\n    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}\n{%- else "
     "%}\n"
     "    {{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\\n' }}\n{%- endif %}",
     BNC_PROMPT_CHATML, "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."},
    {"{{- '<|im_start|>system\\nLine one.\\nLine two.<|im_end|>\\n' }}", BNC_PROMPT_CHATML, "Line one.\nLine two."},
    {"{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}",
     BNC_PROMPT_CHATML, ""},
    {"{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}",
     BNC_PROMPT_LLAMA3, ""},
    {"{{ bos_token }}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% endif %}", BNC_PROMPT_MISTRAL,
     ""},
    {"{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n{% endif %}", BNC_PROMPT_ZEPHYR, ""},
    {"{{ 'USER: ' + message['content'] + ' ASSISTANT:' }}", BNC_PROMPT_VICUNA_V1, ""},
};

static void test_known(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    bnc_chat_template found;
    assert_true(bnc_chat_template_find(known[i].text, strlen(known[i].text), &found));
    assert_int_equal(found.prompt, known[i].prompt);
    assert_string_equal(found.system, known[i].system);
  }
}

static void test_others(void **state) {
  (void)state;
  bnc_chat_template found;
  static const char *const unknown[] = {"", "[INST] <<SYS>> [/INST]", "<|im_star"};
  for (size_t i = 0; i < 3; i++) assert_false(bnc_chat_template_find(unknown[i], strlen(unknown[i]), &found));
  /* A system text of 255 bytes fits; one more is left out, as is one without an end. */
  static const char front[] = "<|im_start|>system\n", back[] = "<|im_end|>";
  for (size_t length = 254; length < 258; length++) {
    char text[400];
    memcpy(text, front, sizeof front);
    memset(text + strlen(front), 'a', length);
    memcpy(text + strlen(front) + length, back, sizeof back);
    assert_true(bnc_chat_template_find(text, strlen(text), &found));
    assert_int_equal(strlen(found.system), length < BNC_SYSTEM_TEXT ? length : 0);
    assert_true(bnc_chat_template_find(text, strlen(text) - 1, &found));
    assert_string_equal(found.system, "");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_known), cmocka_unit_test(test_others)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
