/* SPDX-License-Identifier: Apache-2.0 */
/* GGUF files, read and broken in each way: a clear error, never a read outside. The blocks' values are another program's
   (tests/data/gguf/make_blocks.py). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/file/file.h"
#include "quant/import/checkpoint.h"
#include "quant/import/gguf/gguf_blocks.h"
#include "quant/import/shard_set.h"
#include "tests/import/gguf_bytes.h"
#include "tests/unit.h"

/* In a block of exactly that size, so that a sanitizer sees a read behind its end. */
static bnc_status parse_bytes(const uint8_t *data, size_t size, bnc_error *err) {
  bnc_gguf g;
  bnc_source_list list;
  uint8_t *exact = malloc(size ? size : 1);
  assert_non_null(exact);
  memcpy(exact, data, size);
  const bnc_status s = bnc_gguf_parse(&g, &list, exact, size, err);
  if (s == BNC_OK) bnc_gguf_free(&g), bnc_source_list_free(&list);
  free(exact);
  return s;
}

static void expect_words(gguf_bytes *g, const char *words) {
  bnc_error err;
  size_t size;
  uint8_t *file = gguf_finish(g, &size);
  if (parse_bytes(file, size, &err) == BNC_OK || !strstr(err.text, words)) fail_msg("expected \"%s\", found \"%s\"", words, err.text);
  free(file);
}

static const uint64_t row[] = {32, 1};
static const uint8_t values[4096];

static gguf_bytes whole_file(void) {
  gguf_bytes g = {0};
  gguf_u32(&g, "a.size", 7);
  gguf_f32(&g, "a.number", 0.5f);
  gguf_text(&g, "a.text", "text");
  gguf_bool(&g, "a.bool", 1);
  gguf_key(&g, "a.list", BNC_GGUF_ARRAY);
  gguf_put_u32(&g.head, BNC_GGUF_STRING);
  gguf_put_u64(&g.head, 2);
  gguf_put_text(&g.head, "one");
  gguf_put_text(&g.head, "");
  gguf_tensor(&g, "second", 2, row, 8, values, 34);
  gguf_tensor(&g, "first", 2, (uint64_t[]){4, 3}, 0, values, 48);
  return g;
}

static void test_whole(void **state) {
  (void)state;
  bnc_error err;
  bnc_gguf g;
  bnc_source_list list;
  size_t size, got = 0, length;
  double number = 0;
  bool flag = false;
  const char *text;
  gguf_bytes bytes = whole_file();
  uint8_t *file = gguf_finish(&bytes, &size);
  assert_int_equal(bnc_gguf_parse(&g, &list, file, size, &err), BNC_OK);
  assert_int_equal(g.count, 5);
  assert_int_equal(bnc_gguf_get_size(&g, "a.size", 0, 10, &got, &err), BNC_OK);
  assert_int_equal(got, 7);
  assert_int_equal(bnc_gguf_get_size(&g, "a.size", 0, 6, &got, &err), BNC_ERROR_FORMAT);
  assert_int_equal(bnc_gguf_get_size(&g, "a.text", 0, 6, &got, &err), BNC_ERROR_FORMAT);
  assert_int_equal(bnc_gguf_get_double(&g, "a.number", 0, 1, &number, &err), BNC_OK);
  assert_true(number == 0.5);
  assert_int_equal(bnc_gguf_get_bool(&g, "a.bool", &flag, &err), BNC_OK);
  assert_true(flag);
  assert_int_equal(bnc_gguf_get_text(&g, "a.text", &text, &length, &err), BNC_OK);
  assert_true(length == 4 && memcmp(text, "text", 4) == 0);
  assert_int_equal(bnc_gguf_require(&g, "a.nothing", &err), BNC_ERROR_FORMAT);
  const bnc_gguf_key *key;
  assert_int_equal(bnc_gguf_get_array(&g, "a.list", BNC_GGUF_STRING, &key, &err), BNC_OK);
  bnc_gguf_strings strings = bnc_gguf_strings_of(key);
  assert_true(bnc_gguf_next_string(&strings, &text, &length) && length == 3);
  assert_true(bnc_gguf_next_string(&strings, &text, &length) && length == 0);
  assert_false(bnc_gguf_next_string(&strings, &text, &length));
  assert_int_equal(list.count, 2);
  const bnc_source_tensor *t = &list.tensors[0];
  assert_true(strcmp(t->stored, "first") == 0 && t->rank == 2 && t->shape[0] == 3 && t->shape[1] == 4 && t->dtype == BNC_SOURCE_F32);
  assert_int_equal(t->begin % 32, 0);
  assert_int_equal(t->end, size);
  bnc_gguf_free(&g);
  bnc_source_list_free(&list);
  /* Cut off anywhere, it is refused. */
  for (size_t cut = 0; cut < size; cut++) assert_int_not_equal(parse_bytes(file, cut, &err), BNC_OK);
  /* One byte changed, it is read or refused. */
  for (size_t at = 0; at < size - 128; at++)
    for (unsigned bit = 0; bit < 8; bit += 7) {
      file[at] ^= (uint8_t)(1u << bit);
      parse_bytes(file, size, &err);
      file[at] ^= (uint8_t)(1u << bit);
    }
  free(file);
}

static void test_broken_front(void **state) {
  (void)state;
  gguf_bytes g = {.version = 1};
  expect_words(&g, "version 1, expected 2 or 3");
  g = (gguf_bytes){.version = 0x03000000};
  expect_words(&g, "little-endian");
  g = (gguf_bytes){.keys = UINT64_MAX};
  expect_words(&g, "expected at most");
  g = (gguf_bytes){.tensors = 1000};
  expect_words(&g, "more than the file has room for");
}

static void test_broken_keys(void **state) {
  (void)state;
  gguf_bytes g = {0};
  gguf_u32(&g, "a", 1), gguf_u32(&g, "a", 2);
  expect_words(&g, "\"a\": found this key twice");
  gguf_u32(&g, "", 1);
  expect_words(&g, "a name of 0 bytes");
  g.keys = 1;
  gguf_put_u64(&g.head, 3), gguf_put(&g.head, "a\0b", 3), gguf_put_u32(&g.head, 0), gguf_put(&g.head, values, 1);
  expect_words(&g, "NUL inside");
  gguf_key(&g, "a", 13), gguf_put_u32(&g.head, 0);
  expect_words(&g, "type 13");
  gguf_key(&g, "a", BNC_GGUF_ARRAY), gguf_put_u32(&g.head, BNC_GGUF_ARRAY), gguf_put_u64(&g.head, 0);
  expect_words(&g, "array of arrays");
  gguf_key(&g, "a", BNC_GGUF_ARRAY), gguf_put_u32(&g.head, BNC_GGUF_U64), gguf_put_u64(&g.head, UINT64_MAX / 8 + 1);
  expect_words(&g, "more than the file has room for");
  gguf_key(&g, "a", BNC_GGUF_STRING), gguf_put_u64(&g.head, UINT64_MAX);
  expect_words(&g, "truncated");
  gguf_u32(&g, "general.alignment", 48);
  expect_words(&g, "power of two");
  gguf_u32(&g, "general.alignment", 0);
  expect_words(&g, "\"general.alignment\": found 0");
  gguf_text(&g, "general.alignment", "32");
  expect_words(&g, "found string, expected an integer");
}

static void test_broken_tensors(void **state) {
  (void)state;
  gguf_bytes g = {0};
  gguf_tensor(&g, "a", 2, row, 8, values, 34), gguf_tensor(&g, "a", 2, row, 8, values, 34);
  expect_words(&g, "\"a\": found this tensor twice");
  gguf_info(&g, "a", 1, row, 0, 0), gguf_info(&g, "b", 1, row, 0, 64), gguf_put(&g.data, values, 256);
  expect_words(&g, "overlap");
  gguf_info(&g, "a", 1, row, 0, 4), gguf_put(&g.data, values, 256);
  expect_words(&g, "expected a multiple of general.alignment (32)");
  gguf_info(&g, "a", 1, row, 0, 32), gguf_put(&g.data, values, 128);
  expect_words(&g, "truncated");
  gguf_info(&g, "a", 1, row, 0, UINT64_MAX - 31);
  expect_words(&g, "truncated");
  gguf_info(&g, "a", 1, row, 99, 0);
  expect_words(&g, "type 99");
  gguf_info(&g, "a", 5, (uint64_t[]){1, 1, 1, 1, 1}, 0, 0);
  expect_words(&g, "5 dimensions");
  gguf_info(&g, "a", 2, (uint64_t[]){0, 1}, 0, 0);
  expect_words(&g, "zero or overflows");
  gguf_info(&g, "a", 3, (uint64_t[]){UINT32_MAX, UINT32_MAX, 8}, 0, 0);
  expect_words(&g, "zero or overflows");
  gguf_info(&g, "a", 2, (uint64_t[]){16, 2}, 2, 0), gguf_put(&g.data, values, 64);
  expect_words(&g, "rows of 16 elements, expected whole blocks of 32 of Q4_0");
}

static void test_blocks(void **state) {
  (void)state;
  static const char *const names[] = {"F16",  "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1",   "Q8_0",
                                      "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"};
  bnc_error err;
  bnc_gguf g;
  bnc_shard shard = {.path = (char[]){"blocks.gguf"}};
  assert_int_equal(bnc_file_map_open(&shard.map, BINOCLE_TEST_DATA "/gguf/blocks.gguf", &err), BNC_OK);
  assert_int_equal(bnc_gguf_parse(&g, &shard.header, shard.map.data, shard.map.size, &err), BNC_OK);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    float found[512], expected[512];
    bnc_source_tensor *pair[2] = {NULL, NULL}; /* sorted: NAME, NAME.f32 */
    for (size_t k = 0; k + 1 < shard.header.count; k++)
      if (strcmp(shard.header.tensors[k].stored, names[i]) == 0)
        for (size_t p = 0; p < 2; p++) (pair[p] = &shard.header.tensors[k + p])->shard = &shard;
    assert_non_null(pair[0]);
    assert_true(pair[0]->elements == 512 && strcmp(pair[0]->dtype_name, names[i]) == 0);
    assert_int_equal(bnc_checkpoint_read_f32(pair[0], 0, 512, found, &err), BNC_OK);
    assert_int_equal(bnc_checkpoint_read_f32(pair[1], 0, 512, expected, &err), BNC_OK);
    assert_memory_equal(found, expected, sizeof found);
    /* Any part of a block can be read by itself. */
    for (size_t from = 0; from < 512; from += 37)
      for (size_t count = 0; count <= 512 - from; count += 29) {
        memset(found, 0xff, sizeof found);
        assert_int_equal(bnc_checkpoint_read_f32(pair[0], from, count, found, &err), BNC_OK);
        assert_memory_equal(found, expected + from, count * sizeof *found);
      }
  }
  bnc_gguf_free(&g);
  bnc_source_list_free(&shard.header);
  bnc_file_map_close(&shard.map);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_whole), cmocka_unit_test(test_broken_front), cmocka_unit_test(test_broken_keys),
                                     cmocka_unit_test(test_broken_tensors), cmocka_unit_test(test_blocks)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
