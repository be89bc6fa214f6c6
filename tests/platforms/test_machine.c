/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "platforms/base/mem.h"
#include "platforms/machine/machine.h"
#include "tests/platforms/fake_tree.h"
#include "tests/unit.h"

static yyjson_val *at(yyjson_doc *doc, const char *pointer) { return yyjson_ptr_get(yyjson_doc_get_root(doc), pointer); }

static yyjson_doc *describe(void) {
  char *text = NULL;
  bnc_error err;
  assert_int_equal(bnc_machine_describe(NULL, &text, true, &err), BNC_OK);
  assert_int_equal(text[strlen(text) - 1], '\n');
  yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
  assert_non_null(doc);
  bnc_mem_free(text);
  return doc;
}

static void this_machine(void **state) {
  (void)state;
  fake_tree_none();
  bnc_cpu cpu;
  assert_int_equal(bnc_cpu_detect(&cpu, NULL), BNC_OK);
  yyjson_doc *doc = describe();
  assert_string_equal(yyjson_get_str(at(doc, "/cpu/level")), bnc_cpu_level_name(cpu.level));
  assert_int_equal(yyjson_get_uint(at(doc, "/cpu/cores")), cpu.cores);
  assert_int_equal(yyjson_arr_size(at(doc, "/cpu/levels")), BNC_CPU_LEVELS);
  assert_true(yyjson_get_uint(at(doc, "/memory/total_bytes")) > 0);
  assert_true(yyjson_get_uint(at(doc, "/threads/default")) >= 1);
  assert_true(yyjson_arr_size(at(doc, "/meters")) >= 5);
  yyjson_doc_free(doc);
}

static void orin(void **state) {
  (void)state;
  fake_tree_orin();
  yyjson_doc *doc = describe();
  assert_string_equal(yyjson_get_str(at(doc, "/cpu/brand")), "NVIDIA Jetson Orin Nano Developer Kit");
  assert_string_equal(yyjson_get_str(at(doc, "/cpu/uarch")), "Cortex-A78AE");
  assert_int_equal(yyjson_get_uint(at(doc, "/cpu/clusters/0/cores")), 6);
  assert_string_equal(yyjson_get_str(at(doc, "/cpu/clusters/0/governor")), "schedutil");
  assert_string_equal(yyjson_get_str(at(doc, "/meters/0/name")), "ina3221 total input");
  assert_true(yyjson_get_bool(at(doc, "/meters/0/available")));
  assert_true(yyjson_get_bool(at(doc, "/meters/0/used")));
  assert_false(yyjson_get_bool(at(doc, "/meters/1/available")));
  assert_non_null(yyjson_get_str(at(doc, "/meters/1/reason")));
  assert_string_equal(yyjson_get_str(at(doc, "/thermals/0/type")), "cpu-thermal");
  assert_true(yyjson_is_null(at(doc, "/throttling")));
  assert_int_equal(yyjson_get_uint(at(doc, "/memory/total_bytes")), 7802316ull * 1024);
  yyjson_doc_free(doc);
}

static void pi(void **state) {
  (void)state;
  fake_tree_pi5();
  yyjson_doc *doc = describe();
  assert_string_equal(yyjson_get_str(at(doc, "/cpu/brand")), "Raspberry Pi 5 Model B Rev 1.0");
  assert_string_equal(yyjson_get_str(at(doc, "/throttling/source")), "vcgencmd");
  assert_int_equal(yyjson_arr_size(at(doc, "/throttling/now")), 0);
  assert_string_equal(yyjson_get_str(at(doc, "/throttling/since_boot/0")), "under-voltage");
  assert_string_equal(yyjson_get_str(at(doc, "/throttling/since_boot/1")), "throttled");
  yyjson_doc_free(doc);
}

/* An empty tree tells nothing at all; and hostile names must not break the JSON. */
static void poor_trees(void **state) {
  (void)state;
  fake_tree_begin("empty");
  yyjson_doc *doc = describe();
  assert_true(yyjson_is_null(at(doc, "/memory/total_bytes")));
  assert_true(yyjson_get_uint(at(doc, "/threads/default")) >= 1);
  yyjson_doc_free(doc);
  fake_tree_begin("hostile");
  fake_file("/proc/device-tree/model", "a\"b\\c\x1b[31m\xff");
  fake_file("/sys/class/thermal/thermal_zone0/temp", "99999999999999999999\n");
  fake_file("/sys/class/thermal/thermal_zone1/temp", "41000\n");
  fake_file("/sys/class/thermal/thermal_zone1/type", "x\x01y");
  fake_file("/proc/meminfo", "MemTotal: -5 kB\nMemAvailable:\n:\n");
  doc = describe();
  assert_string_equal(yyjson_get_str(at(doc, "/cpu/brand")), "a\"b\\c?[31m?");
  assert_int_equal(yyjson_arr_size(at(doc, "/thermals")), 1);
  yyjson_doc_free(doc);
}

static void human_text(void **state) {
  (void)state;
  char *text;
  fake_tree_orin();
  assert_int_equal(bnc_machine_describe(NULL, &text, false, NULL), BNC_OK);
  static const char *const parts[] = {"6 x Cortex-A78AE", "1510 MHz", "scalar", "ina3221 total input", "cpu-thermal 48.5 C", "7.99 GB"};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    if (!strstr(text, parts[i])) fail_msg("'%s' is missing in:\n%s", parts[i], text);
  size_t lines = 0;
  for (const char *c = text; *c; c++) lines += *c == '\n';
  assert_true(lines <= 40);
  bnc_mem_free(text);
}

static void without_memory(void **state) {
  (void)state;
  fake_tree_none();
  size_t live = bnc_mem_live(), good = 0;
  for (long long after = 0; after < 200 && good < 3; after++)
    for (int json = 0; json < 2; json++) {
      char *text = NULL;
      bnc_error err = {0};
      bnc_mem_fail_after(after);
      bnc_status s = bnc_machine_describe(NULL, &text, json, &err);
      bnc_mem_fail_after(-1);
      if (s == BNC_OK) {
        good++;
        if (json) {
          yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
          assert_non_null(yyjson_ptr_get(yyjson_doc_get_root(doc), "/meters/0/name"));
          yyjson_doc_free(doc);
        }
      } else {
        assert_int_equal(s, BNC_ERROR_MEMORY);
        assert_null(text);
      }
      bnc_mem_free(text);
      assert_int_equal(bnc_mem_live(), live);
    }
  assert_true(good >= 3);
}

static void wrong_level(void **state) {
  (void)state;
  char *text;
  bnc_error err;
  fake_tree_none();
  setenv("BINOCLE_CPU", "sse9", 1);
  assert_int_equal(bnc_machine_describe(NULL, &text, true, &err), BNC_ERROR_ARGUMENT);
  assert_null(text);
  assert_non_null(strstr(err.text, "sse9"));
  unsetenv("BINOCLE_CPU");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(this_machine), cmocka_unit_test(orin),           cmocka_unit_test(pi),          cmocka_unit_test(poor_trees),
      cmocka_unit_test(human_text),   cmocka_unit_test(without_memory), cmocka_unit_test(wrong_level),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
