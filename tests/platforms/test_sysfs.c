/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "platforms/file/sysfs.h"
#include "tests/platforms/fake_tree.h"
#include "tests/unit.h"

static void numbers(void **state) {
  (void)state;
  int64_t v;
  fake_tree_begin("numbers");
  static const struct {
    const char *text;
    bnc_sysfs_result result;
    int64_t value;
  } cases[] = {{"42\n", BNC_SYSFS_OK, 42},
               {" -7 \n", BNC_SYSFS_OK, -7},
               {"0x1f\n", BNC_SYSFS_OK, 31},
               {"0010\n", BNC_SYSFS_OK, 10},
               {"", BNC_SYSFS_MALFORMED, 0},
               {"4 2\n", BNC_SYSFS_MALFORMED, 0},
               {"max\n", BNC_SYSFS_MALFORMED, 0},
               {"99999999999999999999", BNC_SYSFS_MALFORMED, 0},
               {"9223372036854775807", BNC_SYSFS_OK, INT64_MAX}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    fake_file("/sys/n", cases[i].text);
    assert_int_equal(bnc_sysfs_int(&v, "/sys/%c", 'n'), cases[i].result);
    assert_true(v == cases[i].value);
  }
  assert_int_equal(bnc_sysfs_int(&v, "/sys/absent"), BNC_SYSFS_ABSENT);
  assert_int_equal(bnc_sysfs_int(&v, "/sys"), BNC_SYSFS_ABSENT); /* a folder */
  assert_int_equal(bnc_sysfs_int(&v, "/sys/%0600d", 1), BNC_SYSFS_ABSENT);
}

static void strings(void **state) {
  (void)state;
  char text[8], path[600];
  fake_tree_begin("strings");
  fake_file("/sys/s", "\t abc \r\nsecond\n");
  assert_int_equal(bnc_sysfs_string(text, sizeof text, "/sys/s"), BNC_SYSFS_OK);
  assert_string_equal(text, "abc");
  fake_file("/sys/s", "0123456789");
  assert_int_equal(bnc_sysfs_string(text, sizeof text, "/sys/s"), BNC_SYSFS_OK);
  assert_string_equal(text, "0123456");
  snprintf(path, sizeof path, "%s/sys/fifo", fake_root());
  assert_int_equal(mkfifo(path, 0600), 0);
  bnc_sysfs_string(text, sizeof text, "/sys/fifo"); /* returns at once */
  assert_string_equal(text, "");
}

static void lists(void **state) {
  (void)state;
  char names[3][BNC_SYSFS_NAME];
  fake_tree_begin("lists");
  assert_int_equal(bnc_sysfs_list("/sys/class/hwmon", "*", names, 3), 0);
  fake_file("/sys/class/hwmon/hwmon10/name", "");
  fake_file("/sys/class/hwmon/hwmon9/name", "");
  fake_file("/sys/class/hwmon/.hwmon1/name", "");
  fake_file("/sys/class/hwmon/other/name", "");
  assert_int_equal(bnc_sysfs_list("/sys/class/hwmon", "hwmon[0-9]*", names, 3), 2);
  assert_string_equal(names[0], "hwmon9");
  assert_string_equal(names[1], "hwmon10");
  assert_int_equal(bnc_sysfs_list("/sys/class/hwmon", "*", names, 1), 1);
  uint8_t set[16] = {0};
  assert_int_equal(bnc_sysfs_cpu_list("0-3,8,10-99999999999", set, 16), 4 + 1 + 6);
  assert_true(set[3] && !set[4] && set[8] && !set[9] && set[15]);
  assert_int_equal(bnc_sysfs_cpu_list("5-2", set, 16), 0);
  assert_int_equal(bnc_sysfs_cpu_list("x", set, 16), 0);
}

static void lines(void **state) {
  (void)state;
  bnc_sysfs_reader r;
  char line[8], long_text[1000], *key, *value;
  fake_tree_begin("lines");
  assert_false(bnc_sysfs_reader_open(&r, "/proc/absent"));
  memset(long_text, 'y', sizeof long_text);
  memcpy(long_text + 900, "\nk : v\n\nend", 12);
  fake_file("/proc/text", long_text);
  assert_true(bnc_sysfs_reader_open(&r, "/proc/text"));
  assert_true(bnc_sysfs_reader_line(&r, line, sizeof line));
  assert_string_equal(line, "yyyyyyy");
  assert_true(bnc_sysfs_reader_line(&r, line, sizeof line));
  assert_true(bnc_sysfs_key_value(line, &key, &value));
  assert_string_equal(key, "k");
  assert_string_equal(value, "v");
  assert_true(bnc_sysfs_reader_line(&r, line, sizeof line));
  assert_string_equal(line, "");
  assert_false(bnc_sysfs_key_value(line, &key, &value));
  assert_true(bnc_sysfs_reader_line(&r, line, sizeof line));
  assert_string_equal(line, "end");
  assert_false(bnc_sysfs_reader_line(&r, line, sizeof line));
  bnc_sysfs_reader_close(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(numbers), cmocka_unit_test(strings), cmocka_unit_test(lists),
                                     cmocka_unit_test(lines)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
