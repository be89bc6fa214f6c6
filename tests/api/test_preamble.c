/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of template and system text that the cache folder keeps: the bits of answers are those of sessions without, and nothing that is
 * damaged, forged or open to others is believed. */
#include <binocle/binocle.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platforms/base/build_id.h"
#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "tests/api/session_case.h"
#include "tests/unit.h"

#define FOLDER "preamble_cache"
enum { HEADER = 72, HEADER_SUM = 64, BODY_SUM = 56 };

static size_t warnings;

static void count_warnings(void *user, bnc_log_level level, const char *message) {
  (void)user;
  (void)message;
  warnings += level == BNC_LOG_WARNING;
}

static bnc_context *context_with(const char *folder, unsigned threads) {
  bnc_context_settings settings;
  bnc_context *context;
  bnc_context_settings_init(&settings);
  settings.threads = threads;
  settings.cache_dir = folder;
  settings.log = count_warnings;
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  return context;
}

/* Kept rows in the folder; the name of one of them. */
static size_t kept(char name[300]) {
  DIR *folder = opendir(FOLDER);
  size_t count = 0;
  for (const struct dirent *e; (e = folder ? readdir(folder) : NULL) != NULL;)
    if (strstr(e->d_name, ".bncrows")) {
      count++;
      snprintf(name, 300, FOLDER "/%s", e->d_name);
    }
  if (folder) closedir(folder);
  return count;
}

typedef struct outcome {
  float logits[VOCABULARY];
  int32_t id[5];
  uint64_t computed;
} outcome;

typedef struct question {
  const char *system, *text;
  bool picture;
  bnc_session_settings settings;
} question;

static outcome ask(const char *folder, unsigned threads, const question *q) {
  bnc_context *context = context_with(folder, threads);
  bnc_model *model;
  bnc_session *session;
  bnc_statistics statistics = {.size = sizeof statistics};
  outcome o;
  warnings = 0;
  assert_int_equal(bnc_model_open(context, "preamble.bnc", &model), BNC_OK);
  assert_int_equal(bnc_session_create_with(model, &q->settings, &session), BNC_OK);
  must(session, bnc_session_set_system(session, q->system));
  if (q->picture) must(session, bnc_session_add_image_file(session, PICTURE));
  must(session, bnc_session_ask(session, q->text));
  assert_int_equal(bnc_session_get_statistics(session, &statistics), BNC_OK);
  o.computed = statistics.prefill_rows;
  assert_int_equal(o.computed + statistics.kept_rows, bnc_session_rows(session));
  float *logits = logits_of(session);
  memcpy(o.logits, logits, sizeof o.logits);
  free(logits);
  const answer a = generate(session, 5);
  memcpy(o.id, a.id, sizeof o.id);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
  return o;
}

static question asks(const char *system, const char *text, bool picture, uint32_t kv_cache) {
  question q = {.system = system, .text = text, .picture = picture};
  bnc_session_settings_init(&q.settings);
  q.settings.kv_cache = kv_cache;
  return q;
}

static void same(const outcome *expected, const outcome *got) {
  assert_memory_equal(expected->logits, got->logits, sizeof expected->logits);
  assert_memory_equal(expected->id, got->id, sizeof expected->id);
}

static int empty_folder(void **state) {
  (void)state;
  return system("rm -rf " FOLDER);
}

static void bits_are_those_without(void **state) {
  static const char *const systems[] = {NULL,
                                        "You are an assistant who looks closely, says what is there in few words, and never guesses."};
  static const char *const texts[] = {"What is it?", "\n\nAnd where?", "A longer question, with a number: 42"};
  char name[300];
  (void)state;
  for (uint32_t cache = BNC_CACHE_F32; cache <= BNC_CACHE_INT8; cache++)
    for (size_t k = 0; k < 2; k++) {
      const size_t before = kept(name);
      for (size_t i = 0; i < 6; i++) {
        const question q = asks(systems[k], texts[i % 3], i >= 3, cache);
        const outcome expected = ask("", 1, &q), got = ask(FOLDER, 1 + i % 2, &q);
        same(&expected, &got);
        if (i == 0) assert_int_equal(got.computed, expected.computed);
        if (i > 0) assert_true(got.computed + 16 <= expected.computed);
      }
      assert_int_equal(kept(name), before + 1);
    }
}

/* Without a preamble that is worth it, and where the caller wants none. */
static void nothing_is_kept(void **state) {
  char name[300];
  question q = asks("", "What is it?", false, 0);
  (void)state;
  ask(FOLDER, 1, &q);
  assert_int_equal(kept(name), 0);
  q = asks(NULL, "What is it?", false, 0);
  q.settings.private_preamble = 1;
  ask(FOLDER, 1, &q);
  assert_int_equal(kept(name), 0);
  q.settings.private_preamble = 0;
  const outcome first = ask(FOLDER, 1, &q);
  assert_int_equal(kept(name), 1);
  q.settings.private_preamble = 1;
  const outcome again = ask(FOLDER, 1, &q);
  same(&first, &again);
  assert_int_equal(again.computed, first.computed);
}

static void write_bytes(const char *path, const char *data, size_t size) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, size, f), size);
  assert_int_equal(fclose(f), 0);
}

/* Not believed: computed as ever, and the file is what it was before. */
static void passed_over(const question *q, const outcome *expected, const char *path, const char *data, size_t size) {
  char *now;
  size_t now_size;
  bnc_error err = {BNC_OK, ""};
  const outcome got = ask(FOLDER, 1, q);
  same(expected, &got);
  assert_int_equal(got.computed, expected->computed);
  assert_int_equal(warnings, 0);
  assert_int_equal(bnc_file_read(path, 1 << 26, &now, &now_size, &err), BNC_OK);
  assert_int_equal(now_size, size);
  assert_memory_equal(now, data, size);
  bnc_mem_free(now);
}

static void damaged_and_forged_files_are_made_anew(void **state) {
  char path[300], *data;
  size_t size;
  bnc_error err = {BNC_OK, ""};
  const question q = asks(NULL, "What is it?", false, 0);
  (void)state;
  const outcome expected = ask(FOLDER, 1, &q);
  assert_int_equal(kept(path), 1);
  assert_int_equal(bnc_file_read(path, 1 << 26, &data, &size, &err), BNC_OK);
  char *forged = malloc(size + 8);
  assert_non_null(forged);
  for (size_t at = 0; at < size; at += at < HEADER ? 5 : size / 12) {
    memcpy(forged, data, size);
    forged[at] ^= 0x10;
    write_bytes(path, forged, size);
    passed_over(&q, &expected, path, data, size);
  }
  static const size_t lengths[] = {0, 8, HEADER - 1, HEADER, HEADER + 40};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    write_bytes(path, data, lengths[i]);
    passed_over(&q, &expected, path, data, size);
  }
  /* Right sums over wild counts, and over another text's ids. */
  static const uint32_t rows[] = {0, 1, 17, 0x7fffffff, 0xffffffff};
  for (size_t i = 0; i <= sizeof rows / sizeof *rows; i++) {
    memcpy(forged, data, size);
    if (i < sizeof rows / sizeof *rows)
      memcpy(forged + 12, &rows[i], sizeof *rows);
    else
      forged[HEADER + 4] ^= 1;
    const uint64_t body = XXH3_64bits(forged + HEADER, size - HEADER);
    memcpy(forged + BODY_SUM, &body, sizeof body);
    const uint64_t head = XXH3_64bits(forged, HEADER_SUM);
    memcpy(forged + HEADER_SUM, &head, sizeof head);
    write_bytes(path, forged, size);
    passed_over(&q, &expected, path, data, size);
  }
  free(forged);
  bnc_mem_free(data);
}

static void what_others_could_write_is_not_believed(void **state) {
  char path[300];
  struct stat st;
  const question q = asks(NULL, "What is it?", false, 0);
  (void)state;
  const outcome expected = ask(FOLDER, 1, &q);
  assert_int_equal(kept(path), 1);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  assert_int_equal(chmod(path, 0660), 0);
  const outcome open_file = ask(FOLDER, 1, &q);
  same(&expected, &open_file);
  assert_int_equal(open_file.computed, expected.computed);
  assert_int_equal(warnings, 1);
  assert_int_equal(chmod(path, 0600), 0);
  assert_int_equal(chmod(FOLDER, 0777), 0);
  const outcome open_folder = ask(FOLDER, 1, &q);
  same(&expected, &open_folder);
  assert_int_equal(open_folder.computed, expected.computed);
  assert_int_equal(chmod(FOLDER, 0700), 0);
}

static void the_build_has_a_name(void **state) {
  uint8_t id[BNC_BUILD_ID_BYTES], again[BNC_BUILD_ID_BYTES];
  (void)state;
  const size_t size = bnc_build_id(id);
  assert_true(size >= 8 && size <= BNC_BUILD_ID_BYTES);
  assert_int_equal(bnc_build_id(again), size);
  assert_memory_equal(id, again, size);
}

/* Several questions of one session, and conversations that are restored and restarted. */
static void restarts_go_on(void **state) {
  bnc_context *context = context_with(FOLDER, 1), *without = context_of(1);
  bnc_model *model, *other;
  (void)state;
  bnc_session *session = session_of(context, "preamble.bnc", &model), *plain = session_of(without, "preamble.bnc", &other);
  static const char *const systems[] = {NULL, "Answer as a pirate would, with as many words of the sea as there are.", NULL};
  for (size_t i = 0; i < 3; i++) {
    must(session, bnc_session_set_system(session, systems[i]));
    must(plain, bnc_session_set_system(plain, systems[i]));
    must(session, bnc_session_ask(session, "What is it?"));
    must(plain, bnc_session_ask(plain, "What is it?"));
    (void)generate(session, 3);
    (void)generate(plain, 3);
    must(session, bnc_session_ask(session, "And now?"));
    must(plain, bnc_session_ask(plain, "And now?"));
    float *x = logits_of(session), *y = logits_of(plain);
    assert_memory_equal(x, y, VOCABULARY * sizeof *x);
    free(x);
    free(y);
    bnc_session_restart(session);
    bnc_session_restart(plain);
  }
  bnc_session_destroy(session);
  bnc_session_destroy(plain);
  bnc_model_close(model);
  bnc_model_close(other);
  bnc_context_destroy(context);
  bnc_context_destroy(without);
}

int main(void) {
  make_model("preamble.bnc", true, true, 0);
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_build_has_a_name),
                                     cmocka_unit_test_setup(bits_are_those_without, empty_folder),
                                     cmocka_unit_test_setup(nothing_is_kept, empty_folder),
                                     cmocka_unit_test_setup(damaged_and_forged_files_are_made_anew, empty_folder),
                                     cmocka_unit_test_setup(what_others_could_write_is_not_believed, empty_folder),
                                     cmocka_unit_test_setup(restarts_go_on, empty_folder)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
