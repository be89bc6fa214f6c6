/* SPDX-License-Identifier: Apache-2.0 */
/* Bits that flip in a model file or in packed weights after the first start: `verify` finds every one, and none gives another answer
 * without a word. BINOCLE_FLIPS says how many in all (default 1000). */
#include <stdint.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <binocle/binocle.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "runtime/exec/packed_cache.h"
#include "tests/model/tiny_model.h"
#include "tests/unit.h"

#define CACHE "flips_cache"

static float reference[TINY_VOCABULARY];
static uint64_t random_state = 88172645463325252u;

static uint64_t next_random(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

static size_t flips(void) {
  const char *text = getenv("BINOCLE_FLIPS");
  const long n = text ? strtol(text, NULL, 10) : 0;
  return n > 0 ? (size_t)n : 1000;
}

static void flip(const char *path, off_t at, unsigned bit) {
  uint8_t byte;
  int fd = open(path, O_RDWR);
  assert_true(fd >= 0);
  assert_int_equal(pread(fd, &byte, 1, at), 1);
  byte ^= (uint8_t)(1u << bit);
  assert_int_equal(pwrite(fd, &byte, 1, at), 1);
  close(fd);
}

/* Opens and verifies, quietly. */
static bnc_status verify(const char *path, const char *cache, bnc_model_check *check) {
  bnc_context *context;
  bnc_model *model;
  bnc_context_settings settings;
  bnc_context_settings_init(&settings);
  settings.cache_dir = cache;
  settings.threads = 1;
  *check = (bnc_model_check){.size = sizeof *check};
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  bnc_status s = bnc_model_open(context, path, &model);
  if (s == BNC_OK) {
    s = bnc_model_verify(model, check);
    bnc_model_close(model);
  }
  if (s != BNC_OK) assert_true(strlen(bnc_context_error(context)) > 20);
  bnc_context_destroy(context);
  return s;
}

/* The first start packs, where there is a cache; then bits flip in `target`. Where a session starts all the same, its answer is right. */
static void flip_many(const char *model, const char *cache, const char *target, size_t count) {
  struct stat st;
  size_t answered = 0;
  bnc_model_check check;
  assert_int_equal(stat(target, &st), 0);
  assert_int_equal(verify(model, cache, &check), BNC_OK);
  for (size_t i = 0; i < count; i++) {
    const off_t at = (off_t)(next_random() % (uint64_t)st.st_size);
    const unsigned bit = (unsigned)(next_random() % 8);
    float logits[TINY_VOCABULARY];
    flip(target, at, bit);
    if (verify(model, cache, &check) == BNC_OK) fail_msg("verify does not find byte %lld of %s", (long long)at, target);
    if (i % 4 == 0 && tiny_logits(model, cache, logits) == BNC_OK) {
      answered++;
      assert_memory_equal(logits, reference, sizeof reference);
    }
    if (access(target, F_OK) == 0 && verify(model, cache, &check) != BNC_OK) flip(target, at, bit);
    assert_int_equal(verify(model, cache, &check), BNC_OK);
  }
  print_message("%zu flips in %s, all found; %zu of %zu starts answered, rightly\n", count, target, answered, (count + 3) / 4);
}

static void cache_file(char path[512]) {
  DIR *d = opendir(CACHE);
  assert_non_null(d);
  for (struct dirent *e; (e = readdir(d));)
    if (strstr(e->d_name, ".bncpack")) snprintf(path, 512, CACHE "/%s", e->d_name);
  closedir(d);
}

static void test_model_file(void **state) {
  (void)state;
  flip_many("flips.bnc", "", "flips.bnc", flips() * 2 / 5);
}

static void test_packed_section(void **state) {
  (void)state;
  flip_many("flips_packed.bnc", "", "flips_packed.bnc", flips() * 2 / 5);
}

static void test_cache_file(void **state) {
  (void)state;
  char path[512] = "";
  float logits[TINY_VOCABULARY];
  bnc_model_check check;
  assert_int_equal(tiny_logits("flips.bnc", CACHE, logits), BNC_OK);
  cache_file(path);
  assert_int_equal(verify("flips.bnc", CACHE, &check), BNC_OK);
  assert_int_equal(check.cache, BNC_PART_WHOLE);
  flip_many("flips.bnc", CACHE, path, flips() / 5);
  assert_int_equal(chmod(path, 0666), 0);
  assert_int_equal(verify("flips.bnc", CACHE, &check), BNC_ERROR_UNSUPPORTED);
  assert_int_equal(check.cache, BNC_PART_NOT_TRUSTED);
}

/* A model too large to be checked at open: what a run reads is checked when the first session starts. */
static void test_large_model(void **state) {
  (void)state;
  char *text;
  size_t size, refused = 0;
  bnc_error err;
  bnc_model_file file;
  bnc_context *context;
  bnc_context_settings settings;
  bnc_context_settings_init(&settings);
  settings.cache_dir = "";
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  assert_int_equal(bnc_file_read("flips.bnc", (size_t)1 << 30, &text, &size, &err), BNC_OK);
  assert_int_equal(bnc_model_file_parse(&file, (const uint8_t *)text, size, &err), BNC_OK);
  file.data_checked = false; /* as beyond BNC_CHECK_AT_OPEN */
  for (uint32_t i = 0; i < file.weights; i++) {
    bnc_packed_store *store;
    uint8_t *byte = (uint8_t *)text + (file.data.data - (const uint8_t *)text) + file.weight[i].data;
    *byte ^= 4;
    const bnc_status s = bnc_packed_acquire(&store, &file, NULL, context, &err);
    assert_int_equal(s, BNC_ERROR_FORMAT);
    assert_non_null(strstr(err.text, "damaged"));
    refused++;
    *byte ^= 4;
  }
  assert_true(refused > 10);
  bnc_model_file_close(&file);
  bnc_mem_free(text);
  bnc_context_destroy(context);
}

static int setup(void **state) {
  (void)state;
  if (system("rm -rf " CACHE " flips*.bnc tiny_checkpoint") != 0) return -1;
  tiny_model("flips.bnc", false);
  tiny_model("flips_packed.bnc", true);
  return tiny_logits("flips.bnc", "", reference) == BNC_OK ? 0 : -1;
}

int main(void) {
  setenv("BINOCLE_CPU", "scalar", 1); /* XNNPACK then multiplies int8 on every machine, packed */
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_model_file), cmocka_unit_test(test_packed_section),
                                     cmocka_unit_test(test_cache_file), cmocka_unit_test(test_large_model)};
  return cmocka_run_group_tests(tests, setup, NULL);
}
