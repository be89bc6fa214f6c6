/* SPDX-License-Identifier: Apache-2.0 */
/* Where packed weights come from: every way gives the same logits, bit for bit, and trouble with the folder costs a warning, not the
 * answer. */
#include <stdint.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "runtime/exec/packed_cache.h"
#include "runtime/model/weight_slabs.h"
#include "tests/model/tiny_model.h"
#include "tests/unit.h"

static float reference[TINY_VOCABULARY];
static char last_message[512];

static void remember(void *user, bnc_log_level level, const char *message) {
  (void)user;
  (void)level;
  snprintf(last_message, sizeof last_message, "%s", message);
}

static size_t count_files(const char *folder, const char *suffix) {
  size_t count = 0, n = strlen(suffix);
  DIR *d = opendir(folder);
  if (!d) return 0;
  for (struct dirent *e; (e = readdir(d)) != NULL;) {
    size_t length = strlen(e->d_name);
    count += length >= n && strcmp(e->d_name + length - n, suffix) == 0;
  }
  closedir(d);
  return count;
}

static void check_answer(const char *model, const char *cache) {
  float logits[TINY_VOCABULARY];
  assert_int_equal(tiny_logits(model, cache, logits), BNC_OK);
  assert_memory_equal(logits, reference, sizeof reference);
}

/* Acquires for `model`; returns how many bytes lie in memory. */
static uint64_t acquire(const char *model, const char *cache) {
  bnc_error err;
  bnc_model_file file;
  bnc_context *context;
  bnc_packed_store *store;
  bnc_context_settings settings;
  bnc_context_settings_init(&settings);
  settings.cache_dir = cache;
  settings.log = remember;
  last_message[0] = 0;
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  assert_int_equal(bnc_model_file_open(&file, model, &err), BNC_OK);
  assert_int_equal(bnc_packed_acquire(&store, &file, NULL, context, &err), BNC_OK);
  assert_true(bnc_packed_bytes(store) > 0);
  uint64_t bytes = bnc_packed_memory_bytes(store);
  bnc_packed_destroy(store);
  bnc_model_file_close(&file);
  bnc_context_destroy(context);
  return bytes;
}

static char *cache_file(const char *model, const char *folder) {
  static char path[256];
  bnc_error err;
  bnc_model_file file;
  assert_int_equal(bnc_model_file_open(&file, model, &err), BNC_OK);
  const bnc_packed_identity id = bnc_weight_slabs_identity(&file);
  char content[33];
  bnc_digest_text(&id.content, 16, content);
  snprintf(path, sizeof path, "%s/%s-%016llx.bncpack", folder, content, (unsigned long long)id.machine_id);
  bnc_model_file_close(&file);
  return path;
}

static int setup(void **s) {
  (void)s;
  if (system("rm -rf cache* packed.bnc tiny.bnc tiny_checkpoint") != 0) return -1;
  unsetenv("BINOCLE_CACHE");
  tiny_model("tiny.bnc", false);
  tiny_model("packed.bnc", true);
  return tiny_logits("tiny.bnc", "", reference) == BNC_OK ? 0 : -1;
}

static void test_memory_file_section(void **s) {
  (void)s;
  struct stat st;
  check_answer("tiny.bnc", "cache/deep/er"); /* writes */
  check_answer("tiny.bnc", "cache/deep/er"); /* maps */
  assert_int_equal(count_files("cache/deep/er", ".bncpack"), 1);
  assert_int_equal(stat("cache/deep", &st), 0);
  assert_int_equal(st.st_mode & 0777, 0700);
  check_answer("packed.bnc", "");
  assert_int_equal(acquire("packed.bnc", ""), 0);
  assert_string_equal(last_message, "");
  assert_true(acquire("tiny.bnc", "") > 0);
  assert_int_equal(acquire("tiny.bnc", "cache/deep/er"), 0);
}

static void test_environment(void **s) {
  (void)s;
  setenv("BINOCLE_CACHE", "cache_env", 1);
  assert_int_equal(acquire("tiny.bnc", NULL), 0);
  assert_int_equal(count_files("cache_env", ".bncpack"), 1);
  assert_true(acquire("tiny.bnc", "") > 0); /* the context's wins */
  unsetenv("BINOCLE_CACHE");
  char here[200], below[256];
  assert_non_null(getcwd(here, sizeof here));
  snprintf(below, sizeof below, "%s/cache_xdg", here);
  setenv("XDG_CACHE_HOME", below, 1);
  assert_int_equal(acquire("tiny.bnc", NULL), 0);
  assert_int_equal(count_files("cache_xdg/binocle", ".bncpack"), 1);
  unsetenv("XDG_CACHE_HOME");
}

static void patch(const char *path, off_t at, int whence, const void *data, size_t size) {
  int fd = open(path, O_WRONLY);
  assert_true(fd >= 0);
  assert_true(lseek(fd, at, whence) >= 0);
  assert_int_equal(write(fd, data, size), (ssize_t)size);
  close(fd);
}

static void test_damaged_file_is_made_anew(void **s) {
  (void)s;
  char *path = cache_file("tiny.bnc", "cache_damage");
  struct stat st;
  check_answer("tiny.bnc", "cache_damage");
  assert_int_equal(stat(path, &st), 0);
  const off_t places[] = {0, 4096, st.st_size / 2, st.st_size - 200, st.st_size - 60};
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    patch(path, places[i], SEEK_SET, "\x5a\xa5\x5a\xa5\x5a\xa5\x5a\xa5", 8);
    assert_int_equal(acquire("tiny.bnc", "cache_damage"), 0);
    assert_non_null(strstr(last_message, "packing anew"));
    check_answer("tiny.bnc", "cache_damage");
  }
  const off_t lengths[] = {0, 1, 64, st.st_size / 2, st.st_size - 1};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    assert_int_equal(truncate(path, lengths[i]), 0);
    check_answer("tiny.bnc", "cache_damage");
    assert_int_equal(acquire("tiny.bnc", "cache_damage"), 0);
  }
}

static void test_useless_folders(void **s) {
  (void)s;
  int fd = open("cache_is_a_file", O_WRONLY | O_CREAT, 0600);
  assert_true(fd >= 0);
  close(fd);
  const char *folders[] = {"cache_is_a_file", "cache_is_a_file/below", "/proc/binocle", "/dev/null"};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    assert_true(acquire("tiny.bnc", folders[i]) > 0);
    assert_non_null(strstr(last_message, "memory"));
    check_answer("tiny.bnc", folders[i]);
  }
  if (geteuid() == 0) return; /* root writes everywhere */
  assert_int_equal(mkdir("cache_read_only", 0500), 0);
  assert_true(acquire("tiny.bnc", "cache_read_only") > 0);
}

/* A child with a small file size limit stands for a full disk. */
static void test_full_disk(void **s) {
  (void)s;
  for (rlim_t limit = 0; limit < 300000; limit += 60000) {
    int status;
    pid_t child = fork();
    if (child == 0) {
      struct rlimit small = {limit, limit};
      float logits[TINY_VOCABULARY];
      setrlimit(RLIMIT_FSIZE, &small);
      _exit(tiny_logits("tiny.bnc", "cache_full", logits) == BNC_OK && memcmp(logits, reference, sizeof reference) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(count_files("cache_full", ".partial"), 0);
  }
}

static void test_starts_at_once(void **s) {
  (void)s;
  for (int round = 0; round < 3; round++) {
    pid_t child[4];
    assert_int_equal(system("rm -rf cache_race"), 0);
    for (int i = 0; i < 4; i++)
      if ((child[i] = fork()) == 0) {
        float logits[TINY_VOCABULARY];
        _exit(tiny_logits("tiny.bnc", "cache_race", logits) == BNC_OK && memcmp(logits, reference, sizeof reference) == 0 ? 0 : 1);
      }
    for (int i = 0; i < 4; i++) {
      int status;
      assert_int_equal(waitpid(child[i], &status, 0), child[i]);
      assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_int_equal(count_files("cache_race", ".bncpack"), 1);
    assert_int_equal(count_files("cache_race", ".partial"), 0);
  }
}

static void make_left_over(const char *path, bool old, int *lock) {
  const struct timespec times[2] = {{1000000, 0}, {1000000, 0}};
  int fd = open(path, O_WRONLY | O_CREAT, 0600);
  assert_true(fd >= 0);
  if (old) assert_int_equal(futimens(fd, times), 0);
  if (lock)
    assert_int_equal(flock(*lock = fd, LOCK_EX), 0);
  else
    close(fd);
}

static void test_left_overs(void **s) {
  (void)s;
  int lock;
  assert_int_equal(mkdir("cache_left", 0700), 0);
  make_left_over("cache_left/0-1.bncpack.7-0.partial", true, NULL);  /* abandoned */
  make_left_over("cache_left/0-2.bncpack.8-0.partial", false, NULL); /* fresh: its writer may be about to lock it */
  make_left_over("cache_left/0-3.bncpack.9-0.partial", true, &lock); /* being written */
  make_left_over("cache_left/notes.partial", true, NULL);            /* not ours */
  check_answer("tiny.bnc", "cache_left");
  assert_int_equal(access("cache_left/0-1.bncpack.7-0.partial", F_OK), -1);
  assert_int_equal(count_files("cache_left", ".partial"), 3);
  close(lock);
}

/* Deleting or replacing model and cache does not touch who has them open. */
static void test_files_taken_away(void **s) {
  (void)s;
  bnc_error err;
  bnc_model_file file;
  bnc_context *context;
  bnc_packed_store *store;
  bnc_context_settings settings;
  bnc_context_settings_init(&settings);
  settings.cache_dir = "cache_away";
  assert_int_equal(system("cp tiny.bnc away.bnc"), 0);
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  assert_int_equal(bnc_model_file_open(&file, "away.bnc", &err), BNC_OK);
  assert_int_equal(bnc_packed_acquire(&store, &file, NULL, context, &err), BNC_OK);
  assert_int_equal(rename("packed.bnc", "away.bnc"), 0);
  assert_int_equal(system("rm -rf away.bnc cache_away"), 0);
  assert_int_equal(bnc_weight_slabs_pack(&file, store, NULL, &err), BNC_OK);
  assert_int_equal(bnc_model_file_validate(&file, &err), BNC_OK);
  bnc_packed_destroy(store);
  bnc_model_file_close(&file);
  bnc_context_destroy(context);
}

static int stop_at_half(void *user, const char *stage, double fraction) {
  (void)user;
  return strcmp(stage, "packing weights") == 0 && fraction >= 0.5;
}

static void test_cancel(void **s) {
  (void)s;
  bnc_error err;
  bnc_model_file file;
  bnc_context *context;
  bnc_packed_store *store;
  bnc_context_settings settings;
  bnc_context_settings_init(&settings);
  settings.progress = stop_at_half;
  assert_int_equal(bnc_model_file_open(&file, "tiny.bnc", &err), BNC_OK);
  for (int i = 0; i < 2; i++) {
    settings.cache_dir = i ? "cache_cancel" : "";
    assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
    assert_int_equal(bnc_packed_acquire(&store, &file, NULL, context, &err), BNC_ERROR_CANCELLED);
    assert_null(store);
    bnc_context_destroy(context);
  }
  assert_int_equal(count_files("cache_cancel", "k"), 0);
  bnc_model_file_close(&file);
}

int main(void) {
  setenv("BINOCLE_CPU", "scalar", 1); /* XNNPACK then multiplies int8 on every machine, packed */
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_memory_file_section), cmocka_unit_test(test_environment), cmocka_unit_test(test_damaged_file_is_made_anew),
      cmocka_unit_test(test_useless_folders),     cmocka_unit_test(test_full_disk),   cmocka_unit_test(test_starts_at_once),
      cmocka_unit_test(test_left_overs),          cmocka_unit_test(test_cancel),      cmocka_unit_test(test_files_taken_away),
  };
  return cmocka_run_group_tests(tests, setup, NULL);
}
