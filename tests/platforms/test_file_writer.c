/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "tests/unit.h"

/* Each test works in a fresh folder. */
static int fresh(void **state) {
  (void)state;
  return system("rm -rf d && mkdir d");
}

static size_t entries(const char *folder) {
  size_t count = 0;
  DIR *dir = opendir(folder);
  assert_non_null(dir);
  for (struct dirent *e; (e = readdir(dir));) count += e->d_name[0] != '.';
  closedir(dir);
  return count;
}

static void expect_content(const char *path, const char *text) {
  char *data;
  size_t size;
  assert_int_equal(bnc_file_read(path, 1 << 24, &data, &size, NULL), BNC_OK);
  assert_string_equal(data, text);
  bnc_mem_free(data);
}

static void write_text(const char *path, const char *text) {
  bnc_file_writer *w;
  bnc_error err = {0};
  if (bnc_file_writer_open(&w, path, &err) != BNC_OK) fail_msg("%s", err.text);
  assert_int_equal(bnc_file_writer_write(w, text, strlen(text), &err), BNC_OK);
  if (bnc_file_writer_commit(w, &err) != BNC_OK) fail_msg("%s", err.text);
}

static void large(void **state) {
  (void)state;
  enum { SIZE = 5 << 20 };
  unsigned char *want = bnc_mem_alloc(SIZE);
  bnc_file_writer *w;
  bnc_file_map map;
  for (size_t i = 0; i < SIZE; i++) want[i] = (unsigned char)(i * 7 + i / 251);
  assert_int_equal(bnc_file_writer_open(&w, "d/large", NULL), BNC_OK);
  size_t at = 0;
  for (size_t step = 1; at < SIZE; step = step * 3 + 1) { /* from single bytes to more than the buffer */
    size_t n = step < SIZE - at ? step : SIZE - at;
    assert_int_equal(bnc_file_writer_write(w, want + at, n, NULL), BNC_OK);
    at += n;
    assert_true(bnc_file_writer_size(w) == at);
  }
  assert_int_equal(entries("d"), 0); /* nothing to be mistaken for a result */
  for (size_t k = 0; k < 3; k++) {
    static const size_t places[] = {0, 3 << 20, SIZE - 4};
    memcpy(want + places[k], "PATC", 4);
    assert_int_equal(bnc_file_writer_patch(w, places[k], "PATC", 4, NULL), BNC_OK);
  }
  assert_int_equal(bnc_file_writer_patch(w, SIZE - 3, "PATC", 4, NULL), BNC_ERROR_INTERNAL);
  assert_int_equal(bnc_file_writer_write(w, "x", 1, NULL), BNC_OK);
  assert_int_equal(bnc_file_writer_patch(w, SIZE - 1, "yz", 2, NULL), BNC_OK); /* across file and buffer */
  want[SIZE - 1] = 'y';
  assert_int_equal(bnc_file_writer_align(w, 4096, NULL), BNC_OK);
  assert_int_equal(bnc_file_writer_align(w, 64, NULL), BNC_OK);
  assert_int_equal(bnc_file_writer_commit(w, NULL), BNC_OK);
  assert_int_equal(bnc_file_map_open(&map, "d/large", NULL), BNC_OK);
  assert_int_equal(map.size, SIZE + 4096);
  assert_memory_equal(map.data, want, SIZE);
  assert_int_equal(map.data[SIZE], 'z');
  for (size_t i = SIZE + 1; i < map.size; i++) assert_int_equal(map.data[i], 0);
  bnc_file_map_close(&map);
  bnc_mem_free(want);
  assert_int_equal(entries("d"), 1);
}

static void abort_keeps_old(void **state) {
  (void)state;
  bnc_file_writer *w, *other;
  write_text("d/f", "old");
  assert_int_equal(chmod("d/f", 0640), 0);
  assert_int_equal(bnc_file_writer_open(&w, "d/f", NULL), BNC_OK);
  assert_int_equal(bnc_file_writer_open(&other, "d/f", NULL), BNC_OK);
  bnc_file_writer_write(w, "half", 4, NULL);
  bnc_file_writer_abort(w);
  bnc_file_writer_abort(NULL);
  expect_content("d/f", "old");
  bnc_file_writer_write(other, "new", 3, NULL);
  expect_content("d/f", "old");
  assert_int_equal(bnc_file_writer_commit(other, NULL), BNC_OK);
  expect_content("d/f", "new");
  struct stat st;
  assert_int_equal(stat("d/f", &st), 0);
  assert_int_equal(st.st_mode & 0777, 0640); /* replaced content, same rights */
  assert_int_equal(entries("d"), 1);
}

static void bad_names(void **state) {
  (void)state;
  bnc_file_writer *w;
  bnc_error err;
  write_text("d/file", "x");
  assert_int_equal(symlink("nowhere/x", "d/dangling"), 0);
  static const char *const names[] = {"", "d", "d/", "d/absent/f", "d/file/f", "d/new/", "d/dangling"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    assert_int_equal(bnc_file_writer_open(&w, names[i], &err), BNC_ERROR_IO);
    assert_null(w);
    assert_true(err.text[0] && (!names[i][0] || strstr(err.text, names[i])));
  }
  assert_int_equal(entries("d"), 2);
  if (geteuid() != 0) {
    assert_int_equal(chmod("d", 0555), 0);
    assert_int_equal(bnc_file_writer_open(&w, "d/f", &err), BNC_ERROR_IO);
    chmod("d", 0755);
  }
}

static void symlink_stays(void **state) {
  (void)state;
  struct stat st;
  write_text("d/real", "old");
  assert_int_equal(symlink("real", "d/link"), 0);
  write_text("d/link", "new");
  assert_int_equal(lstat("d/link", &st), 0);
  assert_true(S_ISLNK(st.st_mode));
  expect_content("d/real", "new");
}

static void streams(void **state) {
  (void)state;
  bnc_file_writer *w;
  bnc_error err;
  struct stat st;
  char name[32], got[8] = {0};
  int ends[2];
  write_text("/dev/null", "gone");
  assert_int_equal(stat("/dev/null", &st), 0);
  assert_true(S_ISCHR(st.st_mode));
  assert_int_equal(pipe(ends), 0);
  snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
  assert_int_equal(bnc_file_writer_open(&w, name, &err), BNC_OK);
  assert_int_equal(bnc_file_writer_write(w, "....piped", 4, &err), BNC_OK);
  assert_int_equal(bnc_file_writer_patch(w, 0, "pipe", 4, &err), BNC_OK); /* still buffered */
  assert_int_equal(bnc_file_writer_commit(w, &err), BNC_OK);
  assert_int_equal(read(ends[0], got, 8), 4);
  assert_string_equal(got, "pipe");
  close(ends[0]);
  close(ends[1]);
  int fd = open("/dev/full", O_WRONLY); /* the full disk that every Linux has */
  if (fd < 0) skip();
  close(fd);
  assert_int_equal(bnc_file_writer_open(&w, "/dev/full", &err), BNC_OK);
  assert_int_equal(bnc_file_writer_write(w, "x", 1, &err), BNC_OK);
  assert_int_equal(bnc_file_writer_commit(w, &err), BNC_ERROR_IO);
  assert_string_equal(err.text, "/dev/full: cannot write: No space left on device");
}

/* Pieces of every size around the 2 MiB that are written at a time, with a patch that ends one early, are the same bytes in the file. */
static void chunks(void **state) {
  (void)state;
  enum { CHUNK = 2 << 20, MOST = 7 * CHUNK };
  static const size_t sizes[] = {1, CHUNK - 1, CHUNK, 3, 2 * CHUNK + 5, CHUNK - 8, 1};
  uint8_t *expected = bnc_mem_alloc(MOST);
  bnc_file_writer *w;
  bnc_file_map map;
  bnc_error err;
  size_t size = 0;
  assert_non_null(expected);
  for (size_t i = 0; i < MOST; i++) expected[i] = (uint8_t)(i * 2654435761u >> 13);
  assert_int_equal(bnc_file_writer_open(&w, "d/f", &err), BNC_OK);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    assert_int_equal(bnc_file_writer_write(w, expected + size, sizes[i], &err), BNC_OK);
    size += sizes[i];
    if (i != 3) continue;
    memcpy(expected + CHUNK - 2, "edge", 4);
    assert_int_equal(bnc_file_writer_patch(w, CHUNK - 2, "edge", 4, &err), BNC_OK);
  }
  assert_int_equal(bnc_file_writer_commit(w, &err), BNC_OK);
  assert_int_equal(bnc_file_map_open(&map, "d/f", &err), BNC_OK);
  assert_int_equal(map.size, size);
  assert_memory_equal(map.data, expected, size);
  bnc_file_map_close(&map);
  bnc_mem_free(expected);
}

/* No SIGXFSZ handling here: the writer must find the limit itself. */
static void size_limit(void **state) {
  (void)state;
  bnc_file_writer *w;
  bnc_error err;
  struct rlimit old, small;
  char *block = bnc_mem_zalloc(3 << 20);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  small = (struct rlimit){1 << 20, old.rlim_max};
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  assert_int_equal(bnc_file_writer_open(&w, "d/f", &err), BNC_OK);
  bnc_status s = bnc_file_writer_write(w, block, 3 << 20, &err);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  assert_int_equal(s, BNC_ERROR_IO);
  assert_string_equal(err.text, "d/f: cannot write: File too large");
  bnc_file_writer_abort(w);
  assert_int_equal(entries("d"), 0);
  bnc_mem_free(block);
}

static void killed(void **state) {
  (void)state;
  pid_t child = fork();
  if (child == 0) {
    bnc_file_writer *w;
    static char block[2 << 20];
    if (bnc_file_writer_open(&w, "d/f", NULL) == BNC_OK) bnc_file_writer_write(w, block, sizeof block, NULL);
    raise(SIGKILL);
  }
  int status;
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status));
  assert_int_equal(access("d/f", F_OK), -1);
  /* Where the file system has no nameless files, one *.partial may stay; it is never the name itself. */
  DIR *dir = opendir("d");
  for (struct dirent *e; (e = readdir(dir));)
    if (e->d_name[0] != '.') assert_non_null(strstr(e->d_name, ".partial"));
  closedir(dir);
}

static void without_memory(void **state) {
  (void)state;
  size_t live = bnc_mem_live();
  for (long long after = 0; after < 12; after++) {
    bnc_file_writer *w;
    bnc_error err;
    bnc_mem_fail_after(after);
    bnc_status s = bnc_file_writer_open(&w, "d/f", &err);
    if (s == BNC_OK) s = bnc_file_writer_write(w, "x", 1, &err) == BNC_OK ? bnc_file_writer_commit(w, &err) : BNC_ERROR_INTERNAL;
    bnc_mem_fail_after(-1);
    assert_true(s == BNC_OK || s == BNC_ERROR_MEMORY);
    assert_int_equal(bnc_mem_live(), live);
    assert_int_equal(entries("d"), s == BNC_OK || access("d/f", F_OK) == 0);
  }
}

#define T(f) cmocka_unit_test_setup(f, fresh)
int main(void) {
  const struct CMUnitTest tests[] = {T(large),  T(abort_keeps_old), T(bad_names), T(symlink_stays), T(streams),
                                     T(chunks), T(size_limit),      T(killed),    T(without_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
