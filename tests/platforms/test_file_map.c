/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "platforms/file/map_advice.h"
#include "tests/unit.h"

static void put(const char *path, const char *text, size_t size) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(text, 1, size, f), size);
  fclose(f);
}

static void maps(void **state) {
  (void)state;
  bnc_file_map map;
  char text[10000];
  memset(text, 'm', sizeof text);
  put("map", text, sizeof text);
  assert_int_equal(bnc_file_map_open(&map, "map", NULL), BNC_OK);
  assert_int_equal(map.size, sizeof text);
  unlink("map"); /* stays readable */
  bnc_file_map_will_need(&map, 5000, 100);
  bnc_file_map_release(&map, 4097, SIZE_MAX);
  bnc_file_map_release(&map, SIZE_MAX, 1);
  assert_memory_equal(map.data, text, sizeof text);
  bnc_file_map_close(&map);
  bnc_file_map_close(&map);
  put("empty", "", 0);
  assert_int_equal(bnc_file_map_open(&map, "empty", NULL), BNC_OK);
  assert_non_null(map.data);
  assert_int_equal(map.size, 0);
  bnc_file_map_will_need(&map, 0, 1);
  bnc_file_map_close(&map);
}

static size_t resident_pages(void) {
  unsigned long size = 0, resident = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (!f) return 0;
  assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
  fclose(f);
  return resident;
}

/* Whole pages leave the process, the rest of their neighbours stays, and what comes back is what was there. */
static void advice(void **state) {
  enum { SIZE = 8 << 20 };
  static uint8_t text[SIZE];
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  bnc_file_map map;
  (void)state;
  for (size_t i = 0; i < SIZE; i++) text[i] = (uint8_t)(i * 7 + (i >> 12));
  put("advised", (const char *)text, SIZE);
  assert_int_equal(bnc_file_map_open(&map, "advised", NULL), BNC_OK);
  bnc_map_fetch(map.data + 5000, SIZE - 5000);
  for (int way = 0; way < 2; way++) {
    assert_memory_equal(map.data, text, SIZE);
    const size_t before = resident_pages();
    (way ? bnc_map_give_up : bnc_map_put_away)(map.data + 1, SIZE - 2);
    if (before && access("/proc/self/smaps", R_OK) == 0) assert_true(resident_pages() + SIZE / page / 2 < before);
    bnc_map_put_away(map.data + 1, page - 2); /* no whole page */
  }
  assert_memory_equal(map.data, text, SIZE);
  bnc_file_map_close(&map);
}

static void refuses(void **state) {
  (void)state;
  bnc_file_map map;
  bnc_error err;
  char *data;
  size_t size;
  static const char *const names[] = {"absent", ".", "fifo", "/dev/zero", "", "empty/below"};
  unlink("fifo");
  put("empty", "", 0);
  assert_int_equal(mkfifo("fifo", 0600), 0);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    assert_int_equal(bnc_file_map_open(&map, names[i], &err), BNC_ERROR_IO);
    assert_non_null(strstr(err.text, names[i]));
    bnc_file_map_close(&map);
    assert_int_equal(bnc_file_read(names[i], 100, &data, &size, &err), BNC_ERROR_IO);
    assert_null(data);
  }
  bnc_file_map_open(&map, ".", &err);
  assert_string_equal(err.text, ".: found a directory, expected a regular file");
}

static void reads(void **state) {
  (void)state;
  char *data;
  size_t size;
  bnc_error err;
  put("small", "a\0b", 3);
  assert_int_equal(bnc_file_read("small", 3, &data, &size, &err), BNC_OK);
  assert_int_equal(size, 3);
  assert_memory_equal(data, "a\0b\0", 4);
  bnc_mem_free(data);
  assert_int_equal(bnc_file_read("small", 2, &data, &size, &err), BNC_ERROR_LIMIT);
  assert_string_equal(err.text, "small: 3 bytes, expected at most 2");
  bnc_mem_fail_after(0);
  assert_int_equal(bnc_file_read("small", 3, &data, &size, &err), BNC_ERROR_MEMORY);
  bnc_mem_fail_after(-1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(maps), cmocka_unit_test(advice), cmocka_unit_test(refuses), cmocka_unit_test(reads)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
