/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of safetensors files and shard indices, broken in each way: a clear error, never a read outside. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "quant/import/safetensors.h"
#include "quant/import/shard_index.h"
#include "tests/unit.h"

/* In a block of exactly that size, so that a sanitizer sees a read behind its end. */
static bnc_status parse(bnc_source_list *st, uint64_t header_length, const char *header, size_t data_bytes, bnc_error *err) {
  const size_t text = strlen(header), size = 8 + text + data_bytes;
  uint8_t *file = calloc(size, 1);
  assert_non_null(file);
  for (unsigned i = 0; i < 8; i++) file[i] = (uint8_t)(header_length >> 8 * i);
  memcpy(file + 8, header, text);
  const bnc_status s = bnc_safetensors_parse(st, file, size, err);
  free(file);
  return s;
}

static const struct {
  const char *header;
  size_t data_bytes;
  const char *words;
} broken[] = {
    {"", 0, "found nothing"},
    {"{", 0, "not valid JSON"},
    {"[1]", 0, "expected an object"},
    {"{\"a\":1}", 0, "\"a\": found 1"},
    {"{\"\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "empty name"},
    {"{\"a\\u0000b\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", 0, "NUL"},
    {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype: found nothing"},
    {"{\"a\":{\"dtype\":\"Q4\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype: found \"Q4\""},
    {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "dtype: found 7"},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "shape: found nothing"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "shape: found -1"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, "shape: found 1.5"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "a longer list"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, "overflows"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0, "overflows"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets: expected two integers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "data_offsets: expected two integers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, "data_offsets: expected two integers"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,18446744073709551615]}}", 4, "truncated"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "truncated"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,2]}}", 4, "found 2 bytes, expected 4"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, "behind the last tensor"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "no hole"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
     "overlap"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8,
     "twice"},
};

static void test_broken_headers(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    bnc_source_list st;
    bnc_error err = {0};
    assert_int_equal(parse(&st, strlen(broken[i].header), broken[i].header, broken[i].data_bytes, &err), BNC_ERROR_FORMAT);
    if (!strstr(err.text, broken[i].words)) fail_msg("\"%s\" lacks \"%s\"", err.text, broken[i].words);
    assert_null(st.tensors);
  }
}

static void test_header_lengths(void **state) {
  static const struct {
    uint64_t length;
    const char *words;
  } cases[] = {{UINT64_MAX, "at most"}, {100000001, "at most"}, {100000000, "truncated"}, {3, "truncated"}, {0, "found nothing"}};
  (void)state;
  bnc_source_list st;
  bnc_error err = {0};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    assert_int_equal(parse(&st, cases[i].length, "{}", 0, &err), BNC_ERROR_FORMAT);
    if (!strstr(err.text, cases[i].words)) fail_msg("\"%s\" lacks \"%s\"", err.text, cases[i].words);
  }
  for (size_t size = 0; size < 8; size++) {
    uint8_t *file = calloc(size + 1, 1);
    assert_int_equal(bnc_safetensors_parse(&st, file, size, &err), BNC_ERROR_FORMAT);
    free(file);
  }
}

static void test_good_header(void **state) {
  (void)state;
  bnc_source_list st;
  bnc_error err = {0};
  const char *header = "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
                       "\"e\":{\"dtype\":\"F16\",\"shape\":[0],\"data_offsets\":[12,12]},\"a\":{\"dtype\":\"I64\",\"shape\":[],\"data_"
                       "offsets\":[12,20]}}   ";
  assert_int_equal(parse(&st, strlen(header), header, 20, &err), BNC_OK);
  assert_int_equal(st.count, 3);
  assert_string_equal(st.tensors[0].name, "a");
  assert_int_equal(st.tensors[0].dtype, BNC_SOURCE_OTHER);
  assert_int_equal(st.tensors[0].elements, 1);
  assert_string_equal(st.tensors[1].name, "b");
  assert_int_equal(st.tensors[1].elements, 6);
  assert_int_equal(st.tensors[1].begin, 8 + strlen(header));
  assert_int_equal(st.tensors[2].elements, 0);
  bnc_source_list_free(&st);
  assert_int_equal(parse(&st, 2, "{}", 0, &err), BNC_OK);
  bnc_source_list_free(&st);
}

static const struct {
  const char *index, *words;
} broken_indices[] = {
    {"", "found nothing"},
    {"nonsense", "not valid JSON"},
    {"[]", "expected an object"},
    {"{}", "weight_map: found nothing"},
    {"{\"weight_map\":[]}", "weight_map: found a list"},
    {"{\"weight_map\":{}}", "found no tensor"},
    {"{\"weight_map\":{\"a\":3}}", "found 3"},
    {"{\"weight_map\":{\"a\":\"\"}}", "ends in .safetensors"},
    {"{\"weight_map\":{\"a\":\"../x.safetensors\"}}", "out of the folder"},
    {"{\"weight_map\":{\"a\":\"/etc/x.safetensors\"}}", "out of the folder"},
    {"{\"weight_map\":{\"a\":\"b\\\\x.safetensors\"}}", "out of the folder"},
    {"{\"weight_map\":{\"a\":\"model.safetensors.index.json\"}}", "ends in .safetensors"},
    {"{\"weight_map\":{\"a\":\"x\\u0000.safetensors\"}}", "expected the name"},
    {"{\"weight_map\":{\"\":\"x.safetensors\"}}", "empty name"},
    {"{\"weight_map\":{\"a\":\"x.safetensors\",\"a\":\"y.safetensors\"}}", "\"a\": found twice"},
};

static void test_indices(void **state) {
  (void)state;
  bnc_shard_index index;
  bnc_error err = {0};
  for (size_t i = 0; i < sizeof broken_indices / sizeof *broken_indices; i++) {
    assert_int_equal(bnc_shard_index_parse(&index, broken_indices[i].index, strlen(broken_indices[i].index), &err), BNC_ERROR_FORMAT);
    if (!strstr(err.text, broken_indices[i].words)) fail_msg("\"%s\" lacks \"%s\"", err.text, broken_indices[i].words);
  }
  const char *good =
      "{\"metadata\":{\"total_size\":1},\"weight_map\":{\"t2\":\"b.safetensors\",\"t1\":\"a.safetensors\",\"t3\":\"b.safetensors\"}}";
  assert_int_equal(bnc_shard_index_parse(&index, good, strlen(good), &err), BNC_OK);
  assert_int_equal(index.file_count, 2);
  assert_int_equal(index.count, 3);
  assert_string_equal(index.entries[1].tensor, "t2");
  assert_string_equal(index.files[index.entries[1].file], "b.safetensors");
  bnc_shard_index_free(&index);
  assert_int_equal(bnc_mem_live(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_broken_headers),
      cmocka_unit_test(test_header_lengths),
      cmocka_unit_test(test_good_header),
      cmocka_unit_test(test_indices),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
