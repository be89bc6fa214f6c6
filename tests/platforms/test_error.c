/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "platforms/base/error.h"
#include "tests/unit.h"

static void texts(void **state) {
  (void)state;
  bnc_error err;
  assert_int_equal(bnc_fail(&err, BNC_ERROR_FORMAT, "found %d, expected %s", 3, "4"), BNC_ERROR_FORMAT);
  assert_int_equal(err.status, BNC_ERROR_FORMAT);
  assert_string_equal(err.text, "found 3, expected 4");
  assert_int_equal(bnc_error_prefix(&err, "%s", "model.bnc"), BNC_ERROR_FORMAT);
  assert_string_equal(err.text, "model.bnc: found 3, expected 4");
  errno = ENOSPC;
  assert_int_equal(bnc_fail_errno(&err, "%s", "out"), BNC_ERROR_IO);
  assert_string_equal(err.text, "out: No space left on device");
  assert_int_equal(bnc_fail_memory(&err, 12), BNC_ERROR_MEMORY);
  assert_non_null(strstr(err.text, "12 bytes"));
  assert_int_equal(bnc_fail(NULL, BNC_ERROR_LIMIT, "x"), BNC_ERROR_LIMIT);
  assert_int_equal(bnc_fail_errno(NULL, "x"), BNC_ERROR_IO);
}

/* Outside data in messages: no control characters reach a terminal, nothing overflows. */
static void hostile_texts(void **state) {
  (void)state;
  bnc_error err;
  char big[3 * BNC_ERROR_TEXT_SIZE];
  memset(big, 'b', sizeof big);
  big[sizeof big - 1] = 0;
  bnc_fail(&err, BNC_ERROR_FORMAT, "a\n\x1b[2J\x7f\xc3\xa9");
  assert_string_equal(err.text, "a??[2J?\xc3\xa9");
  bnc_fail(&err, BNC_ERROR_FORMAT, "%s", big);
  assert_int_equal(strlen(err.text), BNC_ERROR_TEXT_SIZE - 1);
  bnc_error_prefix(&err, "%s", big);
  assert_int_equal(strlen(err.text), BNC_ERROR_TEXT_SIZE - 1);
  errno = EIO;
  bnc_fail_errno(&err, "%s", big);
  assert_int_equal(strlen(err.text), BNC_ERROR_TEXT_SIZE - 1);
  bnc_fail(&err, BNC_ERROR_FORMAT, "end");
  bnc_error_prefix(&err, "p\nq");
  assert_string_equal(err.text, "p?q: end");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(hostile_texts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
