/* SPDX-License-Identifier: Apache-2.0 */
/* Which packed weights go when others come: what is unused for long, what is beyond the folder's limit, what a full disk needs; never what
 * is in use. */
#include <stdint.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/exec/packed_cache.h"
#include "runtime/exec/packed_folder.h"
#include "runtime/model/weight_slabs.h"
#include "tests/model/tiny_model.h"
#include "tests/unit.h"

#define FOLDER "room"
#define DAY 86400
#define KIB 1024u
static const char own[] = FOLDER "/00000000000000ff-0000000000000001.bncpack";

static char *named(int i) {
  static char path[96];
  snprintf(path, sizeof path, FOLDER "/%016x-%016x.bncpack", i, 1);
  return path;
}

/* File i: 256 KiB, last used `days` ago. */
static void make(int i, int days) {
  static const char zeros[4 * KIB] = {1};
  const struct timespec times[2] = {{time(NULL) - days * DAY, 0}, {time(NULL) - days * DAY, 0}};
  int fd = open(named(i), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  for (int k = 0; k < 64; k++) assert_int_equal(write(fd, zeros, sizeof zeros), sizeof zeros);
  assert_int_equal(fsync(fd), 0);
  assert_int_equal(futimens(fd, times), 0);
  close(fd);
}

static bool there(int i) { return access(named(i), F_OK) == 0; }

static int setup(void **state) {
  (void)state;
  if (system("rm -rf " FOLDER " && mkdir " FOLDER) != 0) return -1;
  for (int i = 1; i <= 4; i++) make(i, 10 * i); /* 4 is the longest unused */
  return 0;
}

static bnc_status make_room(uint64_t needed, uint64_t seconds, uint64_t bytes, bnc_error *err) {
  const bnc_packed_limits limits = {seconds, bytes};
  return bnc_packed_folder_make_room(own, needed, &limits, NULL, err);
}

static void test_age(void **state) {
  bnc_error err;
  (void)state;
  assert_int_equal(make_room(KIB, 25 * DAY, UINT64_MAX, &err), BNC_OK);
  assert_true(there(1) && there(2) && !there(3) && !there(4));
}

static void test_limit(void **state) {
  bnc_error err;
  (void)state;
  assert_int_equal(make_room(100 * KIB, UINT64_MAX, 1200 * KIB, &err), BNC_OK);
  assert_true(there(1) && there(2) && there(3) && there(4));
  assert_int_equal(make_room(300 * KIB, UINT64_MAX, 1200 * KIB, &err), BNC_OK);
  assert_true(there(1) && there(2) && there(3) && !there(4));
  assert_int_equal(make_room(5000 * KIB, UINT64_MAX, 1200 * KIB, &err),
                   BNC_OK); /* one model larger than the limit is packed all the same */
  assert_true(!there(1) && !there(2) && !there(3));
}

static void test_strangers_stay(void **state) {
  bnc_error err;
  static const char *const names[] = {FOLDER "/notes.txt", FOLDER "/00000000000000FF-0000000000000001.bncpack", FOLDER "/1-2.bncpack",
                                      FOLDER "/00000000000000aa-0000000000000001.bncpack"};
  (void)state;
  for (int i = 0; i < 3; i++) assert_int_equal(close(open(names[i], O_WRONLY | O_CREAT, 0600)), 0);
  assert_int_equal(symlink("notes.txt", names[3]), 0);
  make(0xff, 100); /* what is to be replaced stays until its successor is whole */
  assert_int_equal(make_room(KIB, 0, 0, &err), BNC_OK);
  for (int i = 0; i < 4; i++) assert_int_equal(access(names[i], F_OK), 0);
  assert_true(there(0xff) && !there(1) && !there(4));
}

static void test_disk(void **state) {
  bnc_error err;
  (void)state;
  assert_int_equal(make_room((uint64_t)1 << 60, UINT64_MAX, UINT64_MAX, &err), BNC_ERROR_IO);
  assert_non_null(strstr(err.text, "packing needs 11529215046"));
  assert_non_null(strstr(err.text, FOLDER));
  for (int i = 1; i <= 4; i++) assert_true(there(i)); /* nothing goes in vain */
}

/* A process that has its weights mapped keeps them; when it ends they may go, and it never notices in between. */
static void test_in_use(void **state) {
  bnc_error err;
  bnc_model_file file;
  bnc_context *context;
  bnc_packed_store *store;
  bnc_context_settings settings;
  (void)state;
  tiny_model("room.bnc", false);
  bnc_context_settings_init(&settings);
  settings.cache_dir = FOLDER;
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  assert_int_equal(bnc_model_file_open(&file, "room.bnc", &err), BNC_OK);
  const bnc_packed_identity id = bnc_weight_slabs_identity(&file);
  char path[128], content[33];
  bnc_digest_text(&id.content, 16, content);
  snprintf(path, sizeof path, FOLDER "/%s-%016llx.bncpack", content, (unsigned long long)id.machine_id);
  assert_int_equal(bnc_packed_acquire(&store, &file, NULL, context, &err), BNC_OK);
  uint64_t bytes;
  struct stat st;
  assert_int_equal(bnc_weight_slabs_packed_bytes(&file, &bytes, &err), BNC_OK);
  assert_int_equal(stat(path, &st), 0);
  assert_in_range((uint64_t)st.st_size, bytes * 9 / 10, bytes);
  for (int i = 0; i < 2; i++) { /* from here, and from another process */
    int status = 0;
    pid_t child = i ? fork() : 0;
    if (child == 0 && i) _exit(make_room(KIB, 0, 0, &err) == BNC_OK ? 0 : 1);
    if (!i) assert_int_equal(make_room(KIB, 0, 0, &err), BNC_OK);
    if (i) assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(access(path, F_OK), 0);
    assert_false(there(1));
  }
  bnc_packed_destroy(store);
  /* Used again: the time says so, however old the file was. */
  const struct timespec old[2] = {{1000000, 0}, {1000000, 0}};
  assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
  assert_int_equal(bnc_packed_acquire(&store, &file, NULL, context, &err), BNC_OK);
  bnc_packed_destroy(store);
  assert_int_equal(make_room(KIB, DAY, UINT64_MAX, &err), BNC_OK);
  assert_int_equal(access(path, F_OK), 0);
  assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
  assert_int_equal(make_room(KIB, DAY, UINT64_MAX, &err), BNC_OK);
  assert_int_equal(access(path, F_OK), -1);
  bnc_model_file_close(&file);
  bnc_context_destroy(context);
}

int main(void) {
  setenv("BINOCLE_CPU", "scalar", 1); /* XNNPACK then multiplies int8 on every machine, packed */
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_age, setup),
      cmocka_unit_test_setup(test_limit, setup),
      cmocka_unit_test_setup(test_strangers_stay, setup),
      cmocka_unit_test_setup(test_disk, setup),
      cmocka_unit_test_setup(test_in_use, setup),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
