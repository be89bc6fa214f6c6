/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "tests/unit.h"

static void blocks(void **state) {
  (void)state;
  size_t live = bnc_mem_live();
  uint64_t count = bnc_mem_count();
  for (size_t size = 0; size < 300; size++) {
    unsigned char *p = bnc_mem_alloc(size);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % BNC_ALIGNMENT, 0);
    memset(p, 0xaa, size);
    assert_int_equal(bnc_mem_live(), live + size);
    assert_true(bnc_mem_peak() >= live + size);
    bnc_mem_free(p);
  }
  assert_int_equal(bnc_mem_live(), live);
  assert_true(bnc_mem_count() == count + 300);
  unsigned char *z = bnc_mem_array(7, 9);
  for (size_t i = 0; i < 63; i++) assert_int_equal(z[i], 0);
  bnc_mem_free(z);
  bnc_mem_free(NULL);
}

/* Large blocks of zeros have pages of their own: they are dirtied, freed, and had again. */
static void large_zeros(void **state) {
  (void)state;
  const size_t live = bnc_mem_live(), size = ((size_t)8 << 20) + 5;
  for (int i = 0; i < 3; i++) {
    unsigned char *p = bnc_mem_zalloc(size);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % BNC_ALIGNMENT, 0);
    assert_int_equal(bnc_mem_live(), live + size);
    size_t dirty = 0;
    for (size_t k = 0; k < size; k++) dirty += p[k] != 0;
    assert_int_equal(dirty, 0);
    memset(p, 0xaa, size);
    p = bnc_mem_realloc(p, size / 2);
    assert_non_null(p);
    assert_int_equal(p[size / 2 - 1], 0xaa);
    bnc_mem_free(p);
  }
  assert_int_equal(bnc_mem_live(), live);
  bnc_mem_fail_after(0);
  assert_null(bnc_mem_zalloc(size));
  bnc_mem_fail_after(-1);
  assert_null(bnc_mem_zalloc(SIZE_MAX));
}

static void overflow(void **state) {
  (void)state;
  size_t out;
  assert_null(bnc_mem_alloc(SIZE_MAX));
  assert_null(bnc_mem_alloc(SIZE_MAX - 64));
  assert_null(bnc_mem_array(SIZE_MAX / 2, 3));
  assert_null(bnc_mem_strndup("x", SIZE_MAX));
  assert_false(bnc_mul_size(SIZE_MAX / 2 + 1, 2, &out));
  assert_true(bnc_mul_size(SIZE_MAX, 1, &out) && out == SIZE_MAX);
  assert_false(bnc_add_size(SIZE_MAX, 1, &out));
}

static void realloc_keeps(void **state) {
  (void)state;
  size_t live = bnc_mem_live();
  unsigned char *p = bnc_mem_realloc(NULL, 3);
  memcpy(p, "abc", 3);
  for (size_t size = 4; size < 5000; size += 777) {
    p = bnc_mem_realloc(p, size);
    assert_memory_equal(p, "abc", 3);
    assert_int_equal((uintptr_t)p % BNC_ALIGNMENT, 0);
    assert_int_equal(bnc_mem_live(), live + size);
  }
  assert_null(bnc_mem_realloc(p, SIZE_MAX));
  assert_memory_equal(p, "abc", 3);
  p = bnc_mem_realloc(p, 2);
  assert_memory_equal(p, "ab", 2);
  bnc_mem_free(p);
  char *s = bnc_mem_strndup("hello", 3);
  assert_string_equal(s, "hel");
  bnc_mem_free(s);
  s = bnc_mem_strndup(NULL, 0);
  assert_string_equal(s, "");
  bnc_mem_free(s);
  assert_int_equal(bnc_mem_live(), live);
}

static void failing(void **state) {
  (void)state;
  bnc_mem_fail_after(2);
  void *a = bnc_mem_alloc(1), *b = bnc_mem_zalloc(1);
  assert_non_null(a);
  assert_non_null(b);
  for (int i = 0; i < 3; i++) {
    assert_null(bnc_mem_alloc(1));
    assert_null(bnc_mem_array(1, 1));
    assert_null(bnc_mem_realloc(a, 100));
    assert_null(bnc_mem_strndup("x", 1));
  }
  bnc_mem_fail_after(-1);
  a = bnc_mem_realloc(a, 100);
  assert_non_null(a);
  bnc_mem_free(a);
  bnc_mem_free(b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(blocks), cmocka_unit_test(large_zeros), cmocka_unit_test(overflow),
                                     cmocka_unit_test(realloc_keeps), cmocka_unit_test(failing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
