/* SPDX-License-Identifier: Apache-2.0 */
/* Files that NumPy wrote (tests/data/npy/make.py), and headers that nobody should write. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "runtime/npy/npy.h"
#include "tests/unit.h"

static const char *file(char path[512], const char *name) {
  snprintf(path, 512, "%s/npy/%s", BINOCLE_TEST_DATA, name);
  return path;
}

static void reads_ids(void **state) {
  (void)state;
  static const char *const names[] = {"ids_i4.npy", "ids_i8.npy", "ids_v2.npy", "ids_v3.npy"};
  static const int64_t expected[] = {128000, -200, 0, 2147483647, -2147483648ll, 1ll << 40, INT64_MIN};
  for (size_t i = 0; i < 4; i++) {
    char path[512];
    int64_t *ids;
    size_t count;
    bnc_error err = {0};
    if (bnc_npy_load_ids(file(path, names[i]), &ids, &count, &err) != BNC_OK) fail_msg("%s", err.text);
    assert_int_equal(count, i == 1 ? 7 : 5);
    assert_memory_equal(ids, expected, count * sizeof *ids);
    bnc_mem_free(ids);
  }
}

static void reads_no_ids(void **state) {
  (void)state;
  char path[512];
  int64_t *ids;
  size_t count = 1;
  assert_int_equal(bnc_npy_load_ids(file(path, "empty_i8.npy"), &ids, &count, NULL), BNC_OK);
  assert_int_equal(count, 0);
  assert_non_null(ids);
  bnc_mem_free(ids);
}

static void reads_arrays(void **state) {
  (void)state;
  char path[512], *data;
  size_t size;
  bnc_npy array;
  float value;
  assert_int_equal(bnc_file_read(file(path, "matrix_f4.npy"), 4096, &data, &size, NULL), BNC_OK);
  assert_int_equal(bnc_npy_parse(&array, (uint8_t *)data, size, NULL), BNC_OK);
  assert_int_equal(array.type, BNC_NPY_F32);
  assert_int_equal(array.rank, 3);
  assert_true(array.shape[0] == 2 && array.shape[1] == 3 && array.shape[2] == 4 && array.count == 24);
  memcpy(&value, array.data + 4 * 23, 4);
  assert_true(value == 23 / 8.0f);
  bnc_mem_free(data);
  assert_int_equal(bnc_file_read(file(path, "scalar_f4.npy"), 4096, &data, &size, NULL), BNC_OK);
  assert_int_equal(bnc_npy_parse(&array, (uint8_t *)data, size, NULL), BNC_OK);
  assert_true(array.rank == 0 && array.count == 1);
  bnc_mem_free(data);
}

static void refuses_files(void **state) {
  (void)state;
  static const struct {
    const char *name;
    bnc_status status;
    const char *says;
  } cases[] = {{"bad_matrix_i4.npy", BNC_ERROR_FORMAT, "2 dimensions, expected ids in 1"},
               {"scalar_f4.npy", BNC_ERROR_FORMAT, "float32, expected int32 or int64"},
               {"matrix_f8.npy", BNC_ERROR_FORMAT, "float64, expected int32 or int64"},
               {"bad_big_endian.npy", BNC_ERROR_UNSUPPORTED, "'>i4'"},
               {"bad_fortran.npy", BNC_ERROR_UNSUPPORTED, "Fortran"},
               {"bad_records.npy", BNC_ERROR_UNSUPPORTED, "records"},
               {"bad_u2.npy", BNC_ERROR_UNSUPPORTED, "'<u2'"},
               {"make.py", BNC_ERROR_FORMAT, "other than a .npy"},
               {"absent.npy", BNC_ERROR_IO, "No such file"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char path[512];
    int64_t *ids;
    size_t count;
    bnc_error err = {0};
    const bnc_status s = bnc_npy_load_ids(file(path, cases[i].name), &ids, &count, &err);
    if (s != cases[i].status || !strstr(err.text, cases[i].says) || !strstr(err.text, path))
      fail_msg("%s: found status %d, \"%s\", expected %d with \"%s\"", cases[i].name, (int)s, err.text, (int)cases[i].status,
               cases[i].says);
    assert_null(ids);
  }
}

static bnc_status parse_header(const char *header, size_t item_bytes, bnc_error *err) {
  uint8_t data[512] = "\x93NUMPY\1";
  const size_t length = strlen(header);
  bnc_npy array;
  data[8] = (uint8_t)length;
  memcpy(data + 10, header, length);
  return bnc_npy_parse(&array, data, 10 + length + item_bytes, err);
}

static void headers(void **state) {
  (void)state;
  static const struct {
    const char *header;
    size_t bytes;
    bnc_status status;
  } cases[] = {
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }\n", 12, BNC_OK},
      {"{\"shape\":(3L,),\"descr\":\"<i4\",\"fortran_order\":True}", 12, BNC_OK},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': ()}", 4, BNC_OK},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (2,3)}", 24, BNC_OK},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (0,99999999999999999999)}", 0, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (4611686018427387904,)}", 0, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (4294967296,4294967296)}", 0, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (3,)}", 11, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (3,)}", 13, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (3)}", 12, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (-3,)}", 12, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (,)}", 4, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (3 3)}", 12, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", 4, BNC_ERROR_UNSUPPORTED},
      {"{'descr': '<i4', 'fortran_order': False}", 4, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'descr': '<i4', 'shape': (1,)}", 4, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'fortran_order': Maybe, 'shape': (1,)}", 4, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (1,), 'x': 1}", 4, BNC_ERROR_FORMAT},
      {"{'descr': '<i4' 'fortran_order': False, 'shape': (1,)}", 4, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (1,)} x", 4, BNC_ERROR_FORMAT},
      {"{'descr': '<i4, 'fortran_order': False, 'shape': (1,)}", 4, BNC_ERROR_UNSUPPORTED},
      {"{'descr': None, 'fortran_order': False, 'shape': (1,)}", 4, BNC_ERROR_FORMAT},
      {"{'descr': '<i4', 'fortran_order': False, 'shape': (1,)", 4, BNC_ERROR_FORMAT},
      {"{'descr", 4, BNC_ERROR_FORMAT},
      {"", 4, BNC_ERROR_FORMAT},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    bnc_error err = {0};
    const bnc_status s = parse_header(cases[i].header, cases[i].bytes, &err);
    if (s != cases[i].status) fail_msg("%s: found status %d, \"%s\", expected %d", cases[i].header, (int)s, err.text, (int)cases[i].status);
  }
}

static void truncated(void **state) {
  (void)state;
  static const char *const names[] = {"ids_i4.npy", "ids_v2.npy", "ids_v3.npy"};
  for (size_t i = 0; i < 3; i++) {
    char path[512], *data;
    size_t size, count;
    int64_t *ids;
    assert_int_equal(bnc_file_read(file(path, names[i]), 4096, &data, &size, NULL), BNC_OK);
    for (size_t n = 0; n < size; n++) {
      uint8_t *part = bnc_mem_alloc(n);
      memcpy(part, data, n);
      assert_int_not_equal(bnc_npy_parse_ids(part, n, &ids, &count, NULL), BNC_OK);
      bnc_mem_free(part);
    }
    bnc_mem_free(data);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(reads_ids),     cmocka_unit_test(reads_no_ids), cmocka_unit_test(reads_arrays),
                                     cmocka_unit_test(refuses_files), cmocka_unit_test(headers),      cmocka_unit_test(truncated)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
