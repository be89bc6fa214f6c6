/* SPDX-License-Identifier: Apache-2.0 */
/* Small tokenizers of every kind against what the `tokenizers` package computes (tests/data/text/make_tokenizers.py). */
#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/text/jsonl.h"
#include "tests/text/text_data.h"
#include "tests/unit.h"

/* Every id pushed: the pieces are whole characters and joined equal the whole decode. */
static void check_stream(const bnc_bpe *bpe, const bnc_ids *ids, const char *whole, size_t size) {
  bnc_error err;
  bnc_detokenizer *d;
  bnc_text joined = {0};
  const char *piece;
  size_t length;
  OK(bnc_detokenizer_create(&d, bpe, false, &err));
  for (int round = 0; round < 2; round++) { /* finish begins anew */
    joined.size = 0;
    uint64_t allocations = 0;
    for (size_t i = 0; i < ids->count; i++) {
      uint64_t before = bnc_mem_count();
      OK(bnc_detokenizer_push(d, ids->data[i], &piece, &length, &err));
      allocations += bnc_mem_count() - before;
      assert_true(length == 0 || ((uint8_t)piece[0] & 0xC0) != 0x80);
      OK(bnc_text_append(&joined, piece, length, &err));
    }
    assert_int_equal(allocations, 0);
    bnc_detokenizer_finish(d, &piece, &length);
    OK(bnc_text_append(&joined, piece, length, &err));
    assert_int_equal(joined.size, size);
    if (size) assert_memory_equal(joined.data, whole, size);
  }
  bnc_detokenizer_free(d);
  bnc_text_free(&joined);
}

static void check_case(yyjson_val *value, void *context) {
  const bnc_bpe *bpe = context;
  bnc_error err;
  bnc_ids expected = ids_of(yyjson_obj_get(value, "ids"));
  yyjson_val *text = yyjson_obj_get(value, "text"), *decoded = yyjson_obj_get(value, "decoded");
  if (text) {
    bnc_ids ids = {0};
    OK(bnc_bpe_encode(bpe, yyjson_get_str(text), yyjson_get_len(text), false, &ids, &err));
    expect_ids(&ids, &expected, yyjson_get_str(text));
    bnc_ids_free(&ids);
  }
  char *whole;
  size_t size;
  OK(bnc_bpe_decode(bpe, expected.data, expected.count, false, &whole, &size, &err));
  if (decoded && (size != yyjson_get_len(decoded) || memcmp(whole, yyjson_get_str(decoded), size) != 0))
    fail_msg("decoded '%s', expected '%s'", whole, yyjson_get_str(decoded));
  check_stream(bpe, &expected, whole, size);
  bnc_mem_free(whole);
  bnc_ids_free(&expected);
}

static void run_kind(const char *name) {
  bnc_error err;
  char path[1024];
  snprintf(path, sizeof path, "%s/text/%s.jsonl", BINOCLE_TEST_DATA, name);
  bnc_bpe *bpe = small_tokenizer(name), *loaded;
  assert_true(each_value(path, check_case, bpe) > 150);
  uint8_t *blob, *again;
  size_t size, again_size;
  OK(bnc_bpe_save(bpe, &blob, &size, &err));
  bnc_bpe_free(bpe);
  OK(bnc_bpe_load(&loaded, blob, size, &err));
  OK(bnc_bpe_save(loaded, &again, &again_size, &err));
  assert_int_equal(size, again_size);
  assert_memory_equal(blob, again, size);
  assert_true(each_value(path, check_case, loaded) > 150);
  bnc_bpe_free(loaded);
  bnc_mem_free(blob);
  bnc_mem_free(again);
}

static void llama3_kind(void **state) { (void)state, run_kind("small_llama3"); }
static void llama2_kind(void **state) { (void)state, run_kind("small_llama2"); }
static void metaspace_kind(void **state) { (void)state, run_kind("small_metaspace"); }
static void smollm_kind(void **state) { (void)state, run_kind("small_smollm"); }
static void qwen2_kind(void **state) { (void)state, run_kind("small_qwen2"); }
static void tekken_kind(void **state) { (void)state, run_kind("small_tekken"); }
static void splits_kind(void **state) { (void)state, run_kind("small_splits"); }
static void gpt2_kind(void **state) { (void)state, run_kind("small_gpt2"); }

static void lookups(void **state) {
  (void)state;
  bnc_bpe *bpe = small_tokenizer("small_llama2");
  size_t length;
  assert_int_equal(bnc_bpe_find(bpe, "</s>", 4), 2);
  assert_int_equal(bnc_bpe_find(bpe, "no such token", 13), -1);
  assert_int_equal(bnc_bpe_bos(bpe), 1);
  assert_true(bnc_bpe_is_special(bpe, 1));
  assert_false(bnc_bpe_is_special(bpe, 100));
  assert_false(bnc_bpe_is_special(bpe, -200));
  assert_memory_equal(bnc_bpe_content(bpe, 3, &length), "<0x00>", 6);
  assert_null(bnc_bpe_content(bpe, 1 << 20, &length));
  assert_int_equal(bnc_bpe_vocabulary_size(bpe), 482);
  bnc_bpe_free(bpe);
}

static void special_tokens_as_text(void **state) {
  (void)state;
  bnc_error err;
  bnc_bpe *bpe = small_tokenizer("small_llama2");
  bnc_ids special = {0}, plain = {0};
  OK(bnc_bpe_encode(bpe, "a</s>", 5, true, &special, &err));
  OK(bnc_bpe_encode_plain(bpe, "a</s>", 5, true, &plain, &err));
  assert_int_equal(special.data[0], 1);
  assert_int_equal(special.data[special.count - 1], 2);
  assert_int_equal(plain.data[0], 1);
  for (size_t i = 1; i < plain.count; i++) assert_int_not_equal(plain.data[i], 2);
  bnc_ids_free(&special);
  bnc_ids_free(&plain);
  bnc_bpe_free(bpe);
}

static void long_texts(void **state) {
  (void)state;
  bnc_error err;
  const size_t size = 50000;
  char *text = bnc_mem_alloc(size);
  static const char *const names[] = {"small_llama3", "small_llama2"};
  for (int k = 0; k < 2; k++) {
    bnc_bpe *bpe = small_tokenizer(names[k]);
    for (const char *c = "a \n.1"; *c; c++) {
      bnc_ids ids = {0};
      char *back;
      size_t length;
      memset(text, *c, size);
      OK(bnc_bpe_encode(bpe, text, size, false, &ids, &err));
      OK(bnc_bpe_decode(bpe, ids.data, ids.count, false, &back, &length, &err));
      assert_int_equal(length, size);
      assert_memory_equal(back, text, size);
      bnc_mem_free(back);
      bnc_ids_free(&ids);
    }
    bnc_bpe_free(bpe);
  }
  bnc_mem_free(text);
}

static void json_lines(void **state) {
  (void)state;
  bnc_error err;
  bnc_bpe *bpe = small_tokenizer("small_llama3");
  bnc_text ids = {0}, text = {0};
  static const char line[] = " \"caf\\u00e9\\n \\ud83d\\ude00 \\\" \\u2028<|eot_id|>\" \n",
                    back[] = "\"caf\\u00e9\\n \\ud83d\\ude00 \\\" \\u2028<|eot_id|>\"";
  OK(bnc_jsonl_encode(bpe, line, sizeof line - 1, &ids, &err));
  assert_true(ids.size > 2 && ids.data[0] == '[' && ids.data[ids.size - 1] == ']');
  OK(bnc_jsonl_decode(bpe, ids.data, ids.size, false, &text, &err));
  assert_int_equal(text.size, sizeof back - 1);
  assert_memory_equal(text.data, back, sizeof back - 1);
  text.size = 0;
  OK(bnc_jsonl_decode(bpe, ids.data, ids.size, true, &text, &err));
  assert_int_equal(text.size, sizeof back - 1 - strlen("<|eot_id|>"));
  static const char *const wrong[] = {"", "x", "[1]", "\"a", "\"\\ud800\"", "\"a\" \"b\"", "\"\xff\""};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
    assert_int_equal(bnc_jsonl_encode(bpe, wrong[i], strlen(wrong[i]), &text, &err), BNC_ERROR_FORMAT);
  static const char *const wrong_ids[] = {"\"a\"", "[-200]", "[1.5]", "[1,]", "[4294967296]", "[null]", "{}"};
  for (size_t i = 0; i < sizeof wrong_ids / sizeof *wrong_ids; i++)
    assert_int_equal(bnc_jsonl_decode(bpe, wrong_ids[i], strlen(wrong_ids[i]), false, &text, &err), BNC_ERROR_FORMAT);
  bnc_text_free(&ids);
  bnc_text_free(&text);
  bnc_bpe_free(bpe);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(llama3_kind),    cmocka_unit_test(llama2_kind),
                                     cmocka_unit_test(metaspace_kind), cmocka_unit_test(smollm_kind),
                                     cmocka_unit_test(qwen2_kind),     cmocka_unit_test(tekken_kind),
                                     cmocka_unit_test(splits_kind),    cmocka_unit_test(gpt2_kind),
                                     cmocka_unit_test(lookups),        cmocka_unit_test(special_tokens_as_text),
                                     cmocka_unit_test(long_texts),     cmocka_unit_test(json_lines)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
