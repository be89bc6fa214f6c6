/* SPDX-License-Identifier: Apache-2.0 */
/* The full vocabularies, where the folder `shared` is at hand (BINOCLE_SHARED, or beside the repository). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "runtime/text/prompt.h"
#include "tests/text/text_data.h"
#include "tests/unit.h"

typedef struct kind {
  const bnc_bpe *bpe;
  bnc_prompt_template template_;
} kind;

static void check_pair(yyjson_val *value, void *context) {
  const kind *k = context;
  bnc_error err;
  yyjson_val *text = yyjson_obj_get(value, "text");
  bnc_ids expected = ids_of(yyjson_obj_get(value, "ids")), ids = {0};
  OK(bnc_bpe_encode(k->bpe, yyjson_get_str(text), yyjson_get_len(text), false, &ids, &err));
  expect_ids(&ids, &expected, yyjson_get_str(text));
  char *back;
  size_t size;
  OK(bnc_bpe_decode(k->bpe, ids.data, ids.count, true, &back, &size, &err));
  assert_int_equal(size, yyjson_get_len(text));
  assert_memory_equal(back, yyjson_get_str(text), size);
  bnc_mem_free(back);
  bnc_ids_free(&expected);
  bnc_ids_free(&ids);
}

static void check_prompt(yyjson_val *value, void *context) {
  const kind *k = context;
  bnc_error err;
  yyjson_val *text = yyjson_obj_get(value, "prompt");
  bnc_ids expected = ids_of(yyjson_obj_get(value, "ids")), ids = {0};
  OK(bnc_prompt_tokenize(k->bpe, k->template_, yyjson_get_str(text), yyjson_get_len(text), &ids, &err));
  expect_ids(&ids, &expected, yyjson_get_str(text));
  bnc_ids_free(&expected);
  bnc_ids_free(&ids);
}

static void check_kind(const char *name, bnc_prompt_template template_) {
  const char *shared = getenv("BINOCLE_SHARED");
  char dir[1024], path[1100];
  snprintf(dir, sizeof dir, "%s/fixtures/%s", shared ? shared : BINOCLE_TEST_SHARED, name);
  if (access(dir, R_OK) != 0) {
    print_message("%s is not there: the full vocabulary is not checked\n", dir);
    skip();
  }
  bnc_error err;
  bnc_bpe *bpe, *loaded;
  OK(bnc_bpe_from_dir(&bpe, dir, &err));
  uint8_t *blob;
  size_t size;
  OK(bnc_bpe_save(bpe, &blob, &size, &err));
  OK(bnc_bpe_load(&loaded, blob, size, &err));
  kind k = {loaded, template_};
  snprintf(path, sizeof path, "%s/pairs.jsonl", dir);
  size_t pairs = each_value(path, check_pair, &k);
  snprintf(path, sizeof path, "%s/prompts.json", dir);
  size_t prompts = each_value(path, check_prompt, &k);
  print_message("%s: %zu pairs, %zu prompts equal\n", name, pairs, prompts);
  assert_true(pairs > 0 && prompts > 0);
  bnc_bpe_free(loaded);
  bnc_bpe_free(bpe);
  bnc_mem_free(blob);
}

static void llama3(void **state) { (void)state, check_kind("tokenizer-llama3", BNC_PROMPT_LLAMA3); }
static void llama2(void **state) { (void)state, check_kind("tokenizer-llama2", BNC_PROMPT_VICUNA_V1); }

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(llama3), cmocka_unit_test(llama2)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
