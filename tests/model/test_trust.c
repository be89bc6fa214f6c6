/* SPDX-License-Identifier: Apache-2.0 */
/* Whose word counts: packed weights are named by what they were made of and taken only from where nobody else can write; every block that
 * a run reads is checked first. */
#include <stdint.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "runtime/exec/packed_cache.h"
#include "runtime/exec/packed_folder.h"
#include "runtime/model/data_blocks.h"
#include "runtime/model/weight_slabs.h"
#include "tests/model/seal.h"
#include "tests/model/tiny_model.h"
#include "tests/unit.h"

#define CACHE "trust_cache"

static float reference[TINY_VOCABULARY];
static char last_message[1200];
static size_t warnings;
static char cache_path[256];

static void remember(void *user, bnc_log_level level, const char *message) {
  (void)user;
  warnings += level == BNC_LOG_WARNING;
  snprintf(last_message, sizeof last_message, "%s", message);
}

/* Acquires packed weights of a model; *memory: bytes that did not come from a file. */
static bnc_status acquire(const char *model, const char *cache, uint64_t *memory) {
  bnc_error err = {BNC_OK, ""};
  bnc_model_file file;
  bnc_context *context;
  bnc_packed_store *store = NULL;
  bnc_context_settings settings;
  bnc_context_settings_init(&settings);
  settings.cache_dir = cache;
  settings.log = remember;
  warnings = 0;
  last_message[0] = 0;
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  bnc_status s = bnc_model_file_open(&file, model, &err);
  if (s == BNC_OK) {
    char *path;
    const bnc_packed_identity id = bnc_weight_slabs_identity(&file);
    assert_int_equal(bnc_packed_folder_path(context, &id, &path, &err), BNC_OK);
    snprintf(cache_path, sizeof cache_path, "%s", path ? path : "");
    bnc_mem_free(path);
    s = bnc_packed_acquire(&store, &file, NULL, context, &err);
    if (s == BNC_OK && memory) *memory = bnc_packed_memory_bytes(store);
    bnc_packed_destroy(store);
    bnc_model_file_close(&file);
  }
  if (s != BNC_OK) snprintf(last_message, sizeof last_message, "%s", err.text);
  bnc_context_destroy(context);
  return s;
}

static void check_answer(const char *cache) {
  float logits[TINY_VOCABULARY];
  assert_int_equal(tiny_logits("trust.bnc", cache, logits), BNC_OK);
  assert_memory_equal(logits, reference, sizeof reference);
}

/* As packed weights that others could have changed: passed over with one warning, left as they are. */
static void check_passed_over(const char *word) {
  uint64_t memory = 0;
  struct stat before, after;
  assert_int_equal(lstat(cache_path, &before), 0);
  assert_int_equal(acquire("trust.bnc", CACHE, &memory), BNC_OK);
  assert_true(memory > 0);
  assert_int_equal(warnings, 1);
  if (!strstr(last_message, word)) fail_msg("\"%s\" does not say \"%s\"", last_message, word);
  assert_int_equal(lstat(cache_path, &after), 0);
  assert_int_equal(after.st_ino, before.st_ino);
  check_answer(CACHE);
}

static void check_taken(void) {
  uint64_t memory = 1;
  assert_int_equal(acquire("trust.bnc", CACHE, &memory), BNC_OK);
  assert_int_equal(memory, 0);
  assert_int_equal(warnings, 0);
}

static int setup(void **state) {
  (void)state;
  if (system("rm -rf " CACHE " trust*.bnc tiny_checkpoint") != 0) return -1;
  tiny_model("trust.bnc", false);
  return tiny_logits("trust.bnc", "", reference) == BNC_OK ? 0 : -1;
}

static void test_hostile_owners(void **state) {
  (void)state;
  struct stat st;
  const mode_t mask = umask(0);
  check_taken();
  umask(mask);
  assert_int_equal(stat(cache_path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600); /* whatever the umask */
  check_taken();
  const mode_t wrong[] = {0666, 0620, 0602};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_int_equal(chmod(cache_path, wrong[i]), 0);
    check_passed_over("others can write");
  }
  assert_int_equal(chmod(cache_path, 0600), 0);
  const mode_t open_folders[] = {0777, 0770, 01777};
  for (size_t i = 0; i < sizeof open_folders / sizeof *open_folders; i++) {
    assert_int_equal(chmod(CACHE, open_folders[i]), 0);
    check_passed_over("others can write");
  }
  assert_int_equal(chmod(CACHE, 0700), 0);
  check_taken();
  assert_int_equal(rename(cache_path, CACHE "/elsewhere"), 0);
  assert_int_equal(symlink("elsewhere", cache_path), 0);
  check_passed_over("symbolic link");
  assert_int_equal(rename(CACHE "/elsewhere", cache_path), 0);
  check_taken();
  if (geteuid() != 0) return; /* only root gives files away */
  assert_int_equal(chown(cache_path, 1234, 0), 0);
  check_passed_over("1234");
  assert_int_equal(chown(cache_path, 0, 0), 0);
  assert_int_equal(chown(CACHE, 1234, 0), 0);
  check_passed_over("1234");
  assert_int_equal(chown(CACHE, 0, 0), 0);
  check_taken();
}

/* A model whose table of blocks is the genuine one's, so that it has its name, over other weights. */
static void test_forged_model(void **state) {
  (void)state;
  char *text;
  size_t size, changed = 0;
  bnc_error err;
  bnc_model_file genuine;
  char before[sizeof cache_path];
  check_taken();
  snprintf(before, sizeof before, "%s", cache_path);
  assert_int_equal(unlink(cache_path), 0);
  assert_int_equal(bnc_file_read("trust.bnc", (size_t)1 << 30, &text, &size, &err), BNC_OK);
  assert_int_equal(bnc_model_file_open(&genuine, "trust.bnc", &err), BNC_OK);
  const size_t data = (size_t)(genuine.data.data - genuine.map.data);
  for (size_t i = 0; i < genuine.weights; i++)
    if (genuine.weight[i].dtype == BNC_WEIGHT_QC8) {
      text[data + genuine.weight[i].data] ^= 0x40;
      changed++;
    }
  assert_true(changed > 0);
  assert_int_equal(bnc_file_save("trust_forged.bnc", text, size, &err), BNC_OK);
  assert_int_equal(acquire("trust_forged.bnc", CACHE, NULL), BNC_ERROR_FORMAT); /* at open: it is small */
  assert_non_null(strstr(last_message, "damaged"));

  /* As if it were large, or its XXH3 solved: what is packed is verified by BLAKE2b. */
  bnc_model_file forged = genuine;
  forged.data.data = (const uint8_t *)text + data;
  bnc_packed_store *store;
  assert_int_equal(bnc_packed_create(&store, &err), BNC_OK);
  assert_int_equal(bnc_weight_slabs_pack(&forged, store, NULL, &err), BNC_ERROR_FORMAT);
  assert_non_null(strstr(err.text, "damaged"));
  bnc_packed_destroy(store);

  /* An enemy who makes all hashes right gets a name of its own. */
  seal_model((uint8_t *)text, size);
  assert_int_equal(bnc_file_save("trust_forged.bnc", text, size, &err), BNC_OK);
  assert_int_equal(acquire("trust_forged.bnc", CACHE, NULL), BNC_OK);
  assert_string_not_equal(before, cache_path);
  assert_int_equal(access(before, F_OK), -1);
  check_answer(CACHE);
  check_answer(CACHE);
  bnc_model_file_close(&genuine);
  bnc_mem_free(text);
}

/* Every section takes part in the name, however it is laid out. */
static void test_content_names(void **state) {
  (void)state;
  char *text;
  size_t size;
  bnc_error err;
  bnc_model_file file;
  assert_int_equal(bnc_file_read("trust.bnc", (size_t)1 << 30, &text, &size, &err), BNC_OK);
  assert_int_equal(bnc_model_file_parse(&file, (uint8_t *)text, size, &err), BNC_OK);
  const bnc_file_section *table = (const bnc_file_section *)(const void *)(text + sizeof(bnc_file_header));
  const bnc_digest before = file.content;
  for (uint32_t i = 0; i < file.header.sections; i++) {
    uint8_t *byte = (uint8_t *)text + table[i].offset + table[i].size / 2;
    if (table[i].size == 0) continue;
    *byte ^= 1;
    if (table[i].kind == BNC_SECTION_DATA) seal_model((uint8_t *)text, size);
    const bnc_digest other = bnc_content_digest(table, file.header.sections, (const uint8_t *)text);
    assert_false(bnc_digest_equal(&before, &other));
    *byte ^= 1;
    seal_model((uint8_t *)text, size);
  }
  bnc_model_file_close(&file);
  bnc_mem_free(text);
}

/* BLAKE2b-256 of the empty text and of "abc", as RFC 7693's parameters give them. */
static void test_digest(void **state) {
  (void)state;
  char text[2 * BNC_DIGEST_BYTES + 1];
  bnc_digest d = bnc_digest_of("", 0);
  bnc_digest_text(&d, BNC_DIGEST_BYTES, text);
  assert_string_equal(text, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  d = bnc_digest_of("abc", 3);
  bnc_digest_text(&d, BNC_DIGEST_BYTES, text);
  assert_string_equal(text, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void test_nothing_to_pack(void **state) {
  (void)state;
  uint64_t memory = 1;
  assert_int_equal(tiny_compile("tiny_checkpoint", "trust_int4.bnc", BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT4, false), BNC_OK);
  bnc_error err;
  bnc_model_file file;
  assert_int_equal(bnc_model_file_open(&file, "trust_int4.bnc", &err), BNC_OK);
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++) file.program[p].head = NULL; /* no layers, nothing to pack */
  assert_false(bnc_weight_slabs_any(&file));
  bnc_context *context;
  bnc_context_settings settings;
  bnc_context_settings_init(&settings);
  settings.cache_dir = "trust_none";
  bnc_packed_store *store;
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  assert_int_equal(bnc_packed_acquire(&store, &file, NULL, context, &err), BNC_OK);
  memory = bnc_packed_bytes(store);
  assert_int_equal(memory, 0);
  assert_int_equal(access("trust_none", F_OK), -1);
  bnc_packed_destroy(store);
  bnc_context_destroy(context);
  bnc_model_file_close(&file);
}

int main(void) {
  setenv("BINOCLE_CPU", "scalar", 1); /* XNNPACK then multiplies int8 on every machine, packed */
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_hostile_owners), cmocka_unit_test(test_forged_model),
                                     cmocka_unit_test(test_content_names), cmocka_unit_test(test_digest),
                                     cmocka_unit_test(test_nothing_to_pack)};
  return cmocka_run_group_tests(tests, setup, NULL);
}
