/* SPDX-License-Identifier: Apache-2.0 */
/* Tokenizers in GGUF files, against what trained them (tests/data/gguf/make_tokenizers.py), and broken ones. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "quant/import/gguf/gguf_tokenizer.h"
#include "tests/import/gguf_bytes.h"
#include "tests/text/text_data.h"
#include "tests/unit.h"

static void check_pair(yyjson_val *value, void *context) {
  const bnc_bpe *bpe = context;
  bnc_error err;
  yyjson_val *text = yyjson_obj_get(value, "text");
  bnc_ids expected = ids_of(yyjson_obj_get(value, "ids")), ids = {0};
  const char *string = yyjson_get_str(text);
  if (expected.count || yyjson_get_len(text) == 0) {
    OK(bnc_bpe_encode(bpe, string, yyjson_get_len(text), false, &ids, &err));
    expect_ids(&ids, &expected, string);
  }
  bnc_ids_free(&expected);
  bnc_ids_free(&ids);
}

static void test_pairs(void **state) {
  (void)state;
  static const char *const names[] = {"gpt-2", "smollm", "llama-bpe", "qwen2", "tekken", "spm"};
  bnc_error err;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[1024];
    bnc_file_map map;
    bnc_gguf g;
    bnc_source_list list;
    bnc_bpe *bpe;
    const bool spm = strcmp(names[i], "spm") == 0;
    snprintf(path, sizeof path, "%s/gguf/%s.gguf", BINOCLE_TEST_DATA, names[i]);
    OK(bnc_file_map_open(&map, path, &err));
    OK(bnc_gguf_parse(&g, &list, map.data, map.size, &err));
    OK(bnc_gguf_tokenizer(&bpe, &g, &err));
    snprintf(path, sizeof path, "%s/gguf/%s.jsonl", BINOCLE_TEST_DATA, names[i]);
    assert_true(each_value(path, check_pair, bpe) > 150);
    assert_int_equal(bnc_bpe_bos(bpe), spm ? 1 : -1);
    bnc_bpe_free(bpe);
    bnc_gguf_free(&g);
    bnc_source_list_free(&list);
    bnc_file_map_close(&map);
  }
}

static void array(gguf_bytes *g, const char *name, bnc_gguf_type type, uint64_t count) {
  gguf_key(g, name, BNC_GGUF_ARRAY);
  gguf_put_u32(&g->head, type);
  gguf_put_u64(&g->head, count);
}

static void strings(gguf_bytes *g, const char *name, const char *const *texts, uint64_t count) {
  array(g, name, BNC_GGUF_STRING, count);
  for (uint64_t i = 0; i < count; i++) gguf_put_text(&g->head, texts[i]);
}

static void expect_words(gguf_bytes *bytes, const char *words) {
  bnc_error err = {.text = ""};
  bnc_gguf g;
  bnc_source_list list;
  bnc_bpe *bpe;
  size_t size;
  uint8_t *file = gguf_finish(bytes, &size);
  OK(bnc_gguf_parse(&g, &list, file, size, &err));
  const bnc_status s = bnc_gguf_tokenizer(&bpe, &g, &err);
  if (s == BNC_OK || !strstr(err.text, words)) fail_msg("expected \"%s\", found \"%s\"", words, err.text);
  assert_null(bpe);
  bnc_gguf_free(&g);
  bnc_source_list_free(&list);
  free(file);
}

#define GGML "tokenizer.ggml."

static gguf_bytes begin(const char *model, const char *const *tokens, uint64_t count) {
  gguf_bytes g = {0};
  gguf_text(&g, GGML "model", model);
  strings(&g, GGML "tokens", tokens, count);
  return g;
}

static void test_broken(void **state) {
  (void)state;
  static const char *const abc[] = {"a", "b", "ab"}, *const twice[] = {"a", "a"}, *const merges[] = {"a b", "a c"}, *const one[] = {"ab"};
  gguf_bytes g = begin("bert", abc, 3);
  expect_words(&g, "found \"bert\", expected \"gpt2\" or \"llama\"");
  g = begin("gpt2", abc, 3);
  gguf_text(&g, GGML "pre", "klingon");
  expect_words(&g, "\"tokenizer.ggml.pre\": found \"klingon\"");
  g = begin("gpt2", abc, 3);
  expect_words(&g, "merges\": found no such key");
  g = begin("gpt2", abc, 3);
  strings(&g, GGML "merges", merges, 2);
  expect_words(&g, "'c' is not in the vocabulary");
  g = begin("gpt2", abc, 3);
  strings(&g, GGML "merges", one, 1);
  expect_words(&g, "item 0 is not two tokens");
  g = begin("gpt2", twice, 2);
  strings(&g, GGML "merges", merges, 0);
  expect_words(&g, "is there twice");
  g = begin("gpt2", abc, 0);
  expect_words(&g, "tokens\": found 0");
  g = begin("llama", abc, 3);
  expect_words(&g, "scores\": found 0, expected one per token (3)");
  g = begin("llama", abc, 3);
  array(&g, GGML "token_type", BNC_GGUF_I32, 1);
  gguf_put_u32(&g.head, 1);
  expect_words(&g, "token_type\": found 1, expected one per token (3)");
  const float scores[] = {0, 0, __builtin_nanf("")};
  g = begin("llama", abc, 3);
  array(&g, GGML "scores", BNC_GGUF_F32, 3);
  gguf_put(&g.head, scores, sizeof scores);
  expect_words(&g, "score of token 2 is no number");
  static const char *const wrong[] = {"a", "\xff"};
  g = begin("gpt2", wrong, 2);
  strings(&g, GGML "merges", merges, 0);
  expect_words(&g, "not UTF-8");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_pairs), cmocka_unit_test(test_broken)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
