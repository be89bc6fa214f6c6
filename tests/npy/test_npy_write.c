/* SPDX-License-Identifier: Apache-2.0 */
/* What is written reads back, in one piece or in many; an incomplete file never appears. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "runtime/npy/npy.h"
#include "tests/unit.h"

static void reads_back_as(const char *path, const float *items, const size_t *shape, size_t rank) {
  char *data;
  size_t size;
  bnc_npy array;
  bnc_error err = {0};
  if (bnc_file_read(path, 1u << 20, &data, &size, &err) != BNC_OK) fail_msg("%s", err.text);
  if (bnc_npy_parse(&array, (uint8_t *)data, size, &err) != BNC_OK) fail_msg("%s", err.text);
  assert_int_equal(array.type, BNC_NPY_F32);
  assert_int_equal(array.rank, rank);
  for (size_t i = 0; i < rank; i++) assert_int_equal(array.shape[i], shape[i]);
  assert_int_equal((size_t)(array.data - (uint8_t *)data) % 64, 0);
  if (array.count > 0) assert_memory_equal(array.data, items, array.count * sizeof *items);
  bnc_mem_free(data);
}

static void every_rank(void **state) {
  (void)state;
  static const size_t shape[] = {2, 3, 1, 4, 1, 2, 1, 1};
  float items[48];
  for (size_t i = 0; i < 48; i++) items[i] = (float)i / 3.0f;
  for (size_t rank = 0; rank <= BNC_NPY_MAX_RANK; rank++) {
    assert_int_equal(bnc_npy_save_f32("rank.npy", items, shape, rank, NULL), BNC_OK);
    reads_back_as("rank.npy", items, shape, rank);
  }
  static const size_t none[] = {3, 0}, widest[] = {0, 0, 0, 0, 0, 0, 0, SIZE_MAX / 4};
  assert_int_equal(bnc_npy_save_f32("rank.npy", items, none, 2, NULL), BNC_OK);
  reads_back_as("rank.npy", items, none, 2);
  assert_int_equal(bnc_npy_save_f32("rank.npy", items, widest, 8, NULL), BNC_OK);
  reads_back_as("rank.npy", items, widest, 8);
}

static void the_exact_bytes(void **state) {
  (void)state;
  static const char expected[128] = "\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
                                    "                                                            \n";
  const float items[] = {1, -2};
  const size_t shape[] = {2};
  char *data;
  size_t size;
  assert_int_equal(bnc_npy_save_f32("exact.npy", items, shape, 1, NULL), BNC_OK);
  assert_int_equal(bnc_file_read("exact.npy", 4096, &data, &size, NULL), BNC_OK);
  assert_int_equal(size, 128 + 8);
  assert_memory_equal(data, expected, sizeof expected);
  assert_memory_equal(data + 128, "\0\0\x80\x3f\0\0\0\xc0", 8);
  bnc_mem_free(data);
}

static void streams(void **state) {
  (void)state;
  static const size_t shape[] = {10, 7};
  float items[70];
  bnc_npy_writer *w;
  for (size_t i = 0; i < 70; i++) items[i] = -(float)i;
  unlink("stream.npy");
  assert_int_equal(bnc_npy_writer_open(&w, "stream.npy", shape, 2, NULL), BNC_OK);
  for (size_t row = 0; row < 10; row++) assert_int_equal(bnc_npy_writer_append(w, items + row * 7, 7, NULL), BNC_OK);
  assert_int_equal(bnc_npy_writer_append(w, items, 1, NULL), BNC_ERROR_ARGUMENT);
  assert_int_not_equal(access("stream.npy", F_OK), 0);
  assert_int_equal(bnc_npy_writer_commit(w, NULL), BNC_OK);
  reads_back_as("stream.npy", items, shape, 2);
}

static void incomplete_leaves_nothing(void **state) {
  (void)state;
  static const size_t shape[] = {2};
  const float one = 1;
  bnc_npy_writer *w;
  unlink("partial.npy");
  const size_t live = bnc_mem_live();
  assert_int_equal(bnc_npy_writer_open(&w, "partial.npy", shape, 1, NULL), BNC_OK);
  assert_int_equal(bnc_npy_writer_append(w, &one, 1, NULL), BNC_OK);
  assert_int_equal(bnc_npy_writer_commit(w, NULL), BNC_ERROR_ARGUMENT);
  assert_int_equal(bnc_npy_writer_open(&w, "partial.npy", shape, 1, NULL), BNC_OK);
  bnc_npy_writer_abort(w);
  bnc_npy_writer_abort(NULL);
  assert_int_not_equal(access("partial.npy", F_OK), 0);
  assert_int_equal(bnc_mem_live(), live);
}

static void refuses(void **state) {
  (void)state;
  static const size_t huge[] = {SIZE_MAX, 2}, wide[BNC_NPY_MAX_RANK + 1] = {0}, one[] = {1};
  bnc_npy_writer *w;
  bnc_error err = {0};
  assert_int_equal(bnc_npy_writer_open(&w, "x.npy", huge, 2, NULL), BNC_ERROR_ARGUMENT);
  assert_int_equal(bnc_npy_writer_open(&w, "x.npy", huge, 1, NULL), BNC_ERROR_ARGUMENT);
  assert_int_equal(bnc_npy_writer_open(&w, "x.npy", wide, BNC_NPY_MAX_RANK + 1, NULL), BNC_ERROR_ARGUMENT);
  assert_int_equal(bnc_npy_writer_open(&w, "no/such/folder/x.npy", one, 1, &err), BNC_ERROR_IO);
  assert_non_null(strstr(err.text, "no/such/folder/x.npy"));
  assert_null(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_rank), cmocka_unit_test(the_exact_bytes), cmocka_unit_test(streams),
                                     cmocka_unit_test(refuses), cmocka_unit_test(incomplete_leaves_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
