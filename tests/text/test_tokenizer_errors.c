/* SPDX-License-Identifier: Apache-2.0 */
/* Tokenizers that are wrong or damaged, and texts that are not text: a clear error each, never a crash or a hang. */
#include <string.h>

#include "platforms/base/mem.h"
#include "tests/text/text_data.h"
#include "tests/unit.h"

#define MODEL "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}"

static void read_json(const char *json, bnc_status expected, const char *message) {
  bnc_error err = {0};
  bnc_bpe *bpe;
  bnc_status status = bnc_bpe_from_json(&bpe, json, strlen(json), &err);
  if (status != expected || (message && !strstr(err.text, message)))
    fail_msg("%s: status %d, '%s'; expected %d, '%s'", json, status, err.text, expected, message ? message : "");
  assert_true((status == BNC_OK) == (bpe != NULL));
  bnc_bpe_free(bpe);
}

static void wrong_json(void **state) {
  (void)state;
  static const struct {
    const char *json;
    bnc_status status;
    const char *message;
  } cases[] = {
      {"", BNC_ERROR_FORMAT, "nothing"},
      {"{", BNC_ERROR_FORMAT, "not valid JSON"},
      {"[]", BNC_ERROR_FORMAT, "model"},
      {"{}", BNC_ERROR_FORMAT, "model"},
      {"{\"model\":{\"type\":\"Unigram\"}}", BNC_ERROR_UNSUPPORTED, "Unigram"},
      {"{\"model\":{\"vocab\":[],\"merges\":[]}}", BNC_ERROR_FORMAT, "vocab"},
      {"{\"model\":{\"vocab\":{}}}", BNC_ERROR_FORMAT, "merges"},
      {"{\"model\":{\"vocab\":{\"a\":-1},\"merges\":[]}}", BNC_ERROR_FORMAT, "id"},
      {"{\"model\":{\"vocab\":{\"a\":\"1\"},\"merges\":[]}}", BNC_ERROR_FORMAT, "id"},
      {"{\"model\":{\"vocab\":{\"a\":1e30},\"merges\":[]}}", BNC_ERROR_FORMAT, "id"},
      {"{\"model\":{\"vocab\":{\"a\":4294967296},\"merges\":[]}}", BNC_ERROR_LIMIT, "4294967296"},
      {"{\"model\":{\"vocab\":{\"a\":4000000},\"merges\":[]}}", BNC_ERROR_FORMAT, "highest id"},
      {"{\"model\":{\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}", BNC_ERROR_FORMAT, "two tokens"},
      {"{\"model\":{\"vocab\":{\"a\":0,\"a\":1},\"merges\":[]}}", BNC_ERROR_FORMAT, "twice"},
      {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a c\"]}}", BNC_ERROR_FORMAT, "'c'"},
      {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a a\"]}}", BNC_ERROR_FORMAT, "'aa'"},
      {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a\"]}}", BNC_ERROR_FORMAT, "merge 0"},
      {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]}}", BNC_ERROR_FORMAT, "merge 0"},
      {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[[\"a\",1]]}}", BNC_ERROR_FORMAT, "merge 0"},
      {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"unk_token\":\"u\"}}", BNC_ERROR_FORMAT, "unk_token"},
      {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"dropout\":0.1}}", BNC_ERROR_UNSUPPORTED, "dropout"},
      {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"fuse_unk\":3}}", BNC_ERROR_FORMAT, "fuse_unk"},
      {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"end_of_word_suffix\":\"</w>\"}}", BNC_ERROR_UNSUPPORTED, "end_of_word_suffix"},
      {"{" MODEL ",\"normalizer\":{\"type\":\"NFKC\"}}", BNC_ERROR_UNSUPPORTED, "NFKC"},
      {"{" MODEL ",\"pre_tokenizer\":{\"type\":\"Whitespace\"}}", BNC_ERROR_UNSUPPORTED, "Whitespace"},
      {"{" MODEL ",\"decoder\":{\"type\":\"WordPiece\"}}", BNC_ERROR_UNSUPPORTED, "WordPiece"},
      {"{" MODEL ",\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Fuse\"},{\"type\":\"ByteFallback\"}]}}",
       BNC_ERROR_UNSUPPORTED, "ByteFallback"},
      {"{" MODEL ",\"post_processor\":{\"type\":\"BertProcessing\"}}", BNC_ERROR_UNSUPPORTED, "BertProcessing"},
      {"{" MODEL ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"},\"behavior\":\"Isolated\"}}", BNC_ERROR_FORMAT,
       "regular expression"},
      {"{" MODEL ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"},\"behavior\":\"Mirrored\"}}", BNC_ERROR_UNSUPPORTED,
       "behavior"},
      {"{" MODEL ",\"added_tokens\":[{\"id\":5}]}", BNC_ERROR_FORMAT, "content"},
      {"{" MODEL ",\"added_tokens\":[{\"id\":1,\"content\":\"x\"}]}", BNC_ERROR_FORMAT, "two tokens"},
      {"{" MODEL ",\"added_tokens\":[{\"id\":3,\"content\":\"a\"}]}", BNC_ERROR_FORMAT, "twice"},
      {"{" MODEL ",\"added_tokens\":[{\"id\":3,\"content\":\"x\",\"single_word\":true}]}", BNC_ERROR_UNSUPPORTED, "single_word"},
      {"{" MODEL ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"s\"}}],\"special_tokens\":{"
       "\"s\":{\"ids\":[9]}}}}",
       BNC_ERROR_FORMAT, "does not exist"},
      {"{" MODEL "}", BNC_OK, NULL},
      {"{" MODEL ",\"added_tokens\":[{\"id\":9,\"content\":\"x\",\"special\":true}]}", BNC_OK, NULL},
      {"{\"model\":{\"vocab\":{},\"merges\":[]}}", BNC_OK, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) read_json(cases[i].json, cases[i].status, cases[i].message);
}

static void catastrophic_regex(void **state) {
  (void)state;
  bnc_error err = {0};
  static const char json[] =
      "{" MODEL ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a|aa)+[bc]\"},\"behavior\":\"Isolated\"}}";
  bnc_bpe *bpe;
  OK(bnc_bpe_from_json(&bpe, json, sizeof json - 1, &err));
  char text[2000];
  memset(text, 'a', sizeof text);
  bnc_ids ids = {0};
  assert_int_equal(bnc_bpe_encode(bpe, text, sizeof text, false, &ids, &err), BNC_ERROR_LIMIT);
  assert_int_equal(ids.count, 0);
  bnc_ids_free(&ids);
  bnc_bpe_free(bpe);
}

static void wrong_text(void **state) {
  (void)state;
  bnc_error err = {0};
  bnc_bpe *bpe = small_tokenizer("small_llama3");
  static const char *const texts[] = {"\x80", "a\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8", "ok\xE2\x82"};
  bnc_ids ids = {0};
  int32_t seven = 7, minus = -200;
  OK(bnc_ids_append(&ids, &seven, 1, &err));
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_int_equal(bnc_bpe_encode(bpe, texts[i], strlen(texts[i]), true, &ids, &err), BNC_ERROR_FORMAT);
  assert_int_equal(ids.count, 1);
  char *text;
  size_t length;
  assert_int_equal(bnc_bpe_decode(bpe, &minus, 1, false, &text, &length, &err), BNC_ERROR_ARGUMENT);
  bnc_ids_free(&ids);
  bnc_bpe_free(bpe);
}

/* Every byte of a saved tokenizer changed, and every length: an error or a tokenizer that works on some text. */
static void damaged_blob(void **state) {
  (void)state;
  bnc_error err = {0};
  bnc_bpe *bpe = small_tokenizer("small_metaspace"), *loaded;
  uint8_t *blob;
  size_t size, refused = 0;
  OK(bnc_bpe_save(bpe, &blob, &size, &err));
  for (size_t i = 0; i < size; i += 7) {
    uint8_t *cut = bnc_mem_alloc(i);
    memcpy(cut, blob, i);
    assert_int_equal(bnc_bpe_load(&loaded, cut, i, &err), BNC_ERROR_FORMAT);
    bnc_mem_free(cut);
  }
  for (size_t i = 0; i < size; i += i < 256 || i + 512 > size ? 1 : 13) {
    uint8_t kept = blob[i];
    blob[i] ^= (uint8_t)(1u << i % 8 | 0x80);
    if (bnc_bpe_load(&loaded, blob, size, &err) == BNC_OK) {
      bnc_ids ids = {0};
      char *text = NULL;
      size_t length;
      if (bnc_bpe_encode(loaded, "The quick <word> caf\xC3\xA9", 21, true, &ids, &err) == BNC_OK)
        (void)bnc_bpe_decode(loaded, ids.data, ids.count, false, &text, &length, &err);
      bnc_mem_free(text);
      bnc_ids_free(&ids);
      bnc_bpe_free(loaded);
    } else {
      refused++;
    }
    blob[i] = kept;
  }
  assert_true(refused > 100);
  bnc_mem_free(blob);
  bnc_bpe_free(bpe);
}

/* Each allocation fails once: an error, and nothing is lost. */
static void failing_allocations(void **state) {
  (void)state;
  bnc_error err = {0};
  static const char json[] =
      "{" MODEL ",\"normalizer\":{\"type\":\"Prepend\",\"prepend\":\"a\"},\"pre_tokenizer\":{\"type\":\"ByteLevel\"},"
      "\"added_tokens\":[{\"id\":3,\"content\":\"<x>\",\"special\":true},{\"id\":4,\"content\":\"y\"}]}";
  size_t live = bnc_mem_live();
  bnc_status status = BNC_ERROR_MEMORY;
  for (int n = 0; status != BNC_OK && n < 200; n++) {
    bnc_bpe *bpe = NULL;
    bnc_ids ids = {0};
    char *text = NULL;
    size_t length;
    bnc_mem_fail_after(n);
    status = bnc_bpe_from_json(&bpe, json, sizeof json - 1, &err);
    if (status == BNC_OK) status = bnc_bpe_encode(bpe, "abab <x> y", 10, true, &ids, &err);
    if (status == BNC_OK) status = bnc_bpe_decode(bpe, ids.data, ids.count, false, &text, &length, &err);
    bnc_mem_fail_after(-1);
    if (status != BNC_OK) assert_int_equal(status, BNC_ERROR_MEMORY);
    bnc_mem_free(text);
    bnc_ids_free(&ids);
    bnc_bpe_free(bpe);
    assert_int_equal(bnc_mem_live(), live);
  }
  assert_int_equal(status, BNC_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(wrong_json), cmocka_unit_test(catastrophic_regex), cmocka_unit_test(wrong_text),
                                     cmocka_unit_test(damaged_blob), cmocka_unit_test(failing_allocations)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
