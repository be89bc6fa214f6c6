/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions in files: what follows a restored one, and what is refused. */
#include <binocle/binocle.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "tests/api/session_case.h"
#include "tests/unit.h"

enum { HEADER = 144, BODY_SUM = 128, HEADER_SUM = 136 };

static void converse(bnc_session *session) {
  must(session, bnc_session_set_system(session, "Be brief."));
  must(session, bnc_session_add_image_file(session, PICTURE));
  must(session, bnc_session_ask(session, "What is it?"));
  (void)generate(session, 5);
  must(session, bnc_session_add_image_file(session, PICTURE)); /* waits for the next question */
}

static void expect_same_future(bnc_session *a, bnc_session *b) {
  assert_int_equal(bnc_session_rows(a), bnc_session_rows(b));
  must(a, bnc_session_ask(a, "And now?"));
  must(b, bnc_session_ask(b, "And now?"));
  float *x = logits_of(a), *y = logits_of(b);
  assert_memory_equal(x, y, VOCABULARY * sizeof *x);
  free(x);
  free(y);
  const answer left = generate(a, 5), right = generate(b, 5);
  assert_memory_equal(left.id, right.id, 5 * sizeof *left.id);
  bnc_session_restart(a);
  bnc_session_restart(b);
  must(a, bnc_session_ask(a, "Another question"));
  must(b, bnc_session_ask(b, "Another question"));
  x = logits_of(a);
  y = logits_of(b);
  assert_memory_equal(x, y, VOCABULARY * sizeof *x);
  free(x);
  free(y);
}

static void a_restored_session_goes_on(void **state) {
  bnc_context *context = context_of(1), *elsewhere = context_of(2);
  bnc_model *model, *again;
  (void)state;
  bnc_session *session = session_of(context, "state.bnc", &model), *restored = session_of(elsewhere, "state.bnc", &again);
  converse(session);
  must(session, bnc_session_save(session, "talk.state"));
  must(restored, bnc_session_restore(restored, "talk.state"));
  expect_same_future(session, restored);
  /* Just behind a prompt its logits are there; and a session may be saved before anything was said. */
  bnc_session_reset(session);
  must(session, bnc_session_ask(session, "Hello"));
  must(session, bnc_session_save(session, "asked.state"));
  must(restored, bnc_session_restore(restored, "asked.state"));
  const answer left = generate(session, 5), right = generate(restored, 5);
  assert_memory_equal(left.id, right.id, 5 * sizeof *left.id);
  bnc_session_reset(session);
  must(session, bnc_session_save(session, "empty.state"));
  must(restored, bnc_session_restore(restored, "empty.state"));
  assert_int_equal(bnc_session_rows(restored), 0);
  expect_same_future(session, restored);
  bnc_session_destroy(session);
  bnc_session_destroy(restored);
  bnc_model_close(model);
  bnc_model_close(again);
  bnc_context_destroy(context);
  bnc_context_destroy(elsewhere);
}

static void write_file(const char *path, const void *data, size_t size) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(data, 1, size, f), size);
  assert_int_equal(fclose(f), 0);
}

/* A damaged file is refused, and the session answers as if it had never been offered. */
static void refuse_bytes(bnc_session *session, const char *data, size_t size) {
  write_file("broken.state", data, size);
  const size_t rows = bnc_session_rows(session);
  const bnc_status status = bnc_session_restore(session, "broken.state");
  assert_true(status == BNC_ERROR_FORMAT || status == BNC_ERROR_UNSUPPORTED);
  assert_non_null(strstr(bnc_session_error(session), "broken.state: "));
  assert_int_equal(bnc_session_rows(session), rows);
}

static void damaged_files_are_refused(void **state) {
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_error err = {0};
  char *data;
  size_t size;
  (void)state;
  bnc_session *session = session_of(context, "state.bnc", &model);
  converse(session);
  must(session, bnc_session_save(session, "whole.state"));
  assert_int_equal(bnc_file_read("whole.state", 1 << 26, &data, &size, &err), BNC_OK);
  for (size_t at = 0; at < size; at += at < HEADER ? 1 : size / 40) {
    data[at] ^= 0x10;
    refuse_bytes(session, data, size);
    data[at] ^= 0x10;
  }
  refuse_bytes(session, data, 0);
  refuse_bytes(session, data, HEADER - 1);
  refuse_bytes(session, data, size - 1);
  must(session, bnc_session_ask(session, "And now?"));
  float *before = logits_of(session);
  must(session, bnc_session_restore(session, "whole.state"));
  must(session, bnc_session_ask(session, "And now?"));
  float *after = logits_of(session);
  assert_memory_equal(before, after, VOCABULARY * sizeof *before);
  free(before);
  free(after);
  bnc_mem_free(data);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

/* Checksums are no defence against whoever writes them: each field in turn takes wild values under right sums. */
static void forged_files_are_refused(void **state) {
  static const uint64_t wild[] = {0, 1, 2, 0x7fffffff, 0x80000000u, 0xffffffffu, 0x100000000u, UINT64_MAX / 2, UINT64_MAX};
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_error err = {0};
  char *data;
  size_t size, refused = 0;
  (void)state;
  bnc_session *session = session_of(context, "state.bnc", &model);
  converse(session);
  must(session, bnc_session_save(session, "forged.state"));
  assert_int_equal(bnc_file_read("forged.state", 1 << 26, &data, &size, &err), BNC_OK);
  char *forged = malloc(size);
  assert_non_null(forged);
  for (size_t at = 0; at < BODY_SUM; at += 4)
    for (size_t k = 0; k < sizeof wild / sizeof *wild; k++) {
      memcpy(forged, data, size);
      memcpy(forged + at, &wild[k], at >= 80 && at % 8 == 0 ? 8 : 4);
      const uint64_t sum = XXH3_64bits(forged, HEADER_SUM);
      memcpy(forged + HEADER_SUM, &sum, sizeof sum);
      write_file("forged.state", forged, size);
      const bnc_status status = bnc_session_restore(session, "forged.state");
      refused += status != BNC_OK;
      if (status == BNC_OK) (void)bnc_session_ask(session, "And?"); /* fields that may be anything within the model's bounds */
    }
  assert_true(refused > 200);
  /* An id beyond the vocabulary in the body. */
  memcpy(forged, data, size);
  memset(forged + HEADER + strlen("Be brief."), 0x7f, 4);
  uint64_t sum = XXH3_64bits(forged + HEADER, size - HEADER);
  memcpy(forged + BODY_SUM, &sum, sizeof sum);
  sum = XXH3_64bits(forged, HEADER_SUM);
  memcpy(forged + HEADER_SUM, &sum, sizeof sum);
  refuse_bytes(session, forged, size);
  free(forged);
  bnc_mem_free(data);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static void another_model_s_session_is_refused(void **state) {
  bnc_context *context = context_of(1);
  bnc_model *model, *other;
  (void)state;
  bnc_session *session = session_of(context, "state.bnc", &model), *stranger = session_of(context, "stranger.bnc", &other);
  must(session, bnc_session_ask(session, "Hello"));
  must(session, bnc_session_save(session, "mine.state"));
  refuses(stranger, bnc_session_restore(stranger, "mine.state"), BNC_ERROR_FORMAT, "belong to the model");
  refuses(stranger, bnc_session_restore(stranger, "absent.state"), BNC_ERROR_IO, "absent.state");
  refuses(session, bnc_session_save(session, "no/such/folder/x.state"), BNC_ERROR_IO, "no/such/folder");
  assert_int_equal(access("no", F_OK), -1);
  bnc_session_destroy(session);
  bnc_session_destroy(stranger);
  bnc_model_close(model);
  bnc_model_close(other);
  bnc_context_destroy(context);
}

static char *bytes_of(const char *path, size_t *size) {
  FILE *f = fopen(path, "rb");
  assert_non_null(f);
  assert_int_equal(fseek(f, 0, SEEK_END), 0);
  *size = (size_t)ftell(f);
  rewind(f);
  char *bytes = malloc(*size);
  assert_non_null(bytes);
  assert_int_equal(fread(bytes, 1, *size, f), *size);
  fclose(f);
  return bytes;
}

/* Keys lie in blocks of 16 tokens: behind the last of a conversation the block still has what was said before it. */
static void a_saved_session_shows_nothing_said_before(void **state) {
  bnc_context *context = context_of(1);
  bnc_model *model, *again;
  (void)state;
  bnc_session *used = session_of(context, "state.bnc", &model), *fresh = session_of(context, "state.bnc", &again);
  must(used, bnc_session_ask(used, "Something long that nobody else should ever get to read, and a number: 4711 0815"));
  (void)generate(used, 40);
  const size_t before = bnc_session_rows(used);
  bnc_session_reset(used);
  bnc_session *both[] = {used, fresh};
  const char *path[] = {"used.state", "fresh.state"};
  for (unsigned i = 0; i < 2; i++) {
    must(both[i], bnc_session_ask(both[i], "Hello"));
    (void)generate(both[i], 3);
    must(both[i], bnc_session_save(both[i], path[i]));
  }
  const size_t rows = bnc_session_rows(used), block = 16;
  assert_int_not_equal(rows % block, 0);
  assert_true((rows / block + 1) * block <= before);
  size_t size, fresh_size;
  char *a = bytes_of(path[0], &size), *b = bytes_of(path[1], &fresh_size);
  assert_int_equal(size, fresh_size);
  assert_memory_equal(a, b, size);
  free(a);
  free(b);
  bnc_session_destroy(used);
  bnc_session_destroy(fresh);
  bnc_model_close(model);
  bnc_model_close(again);
  bnc_context_destroy(context);
}

int main(void) {
  make_model("state.bnc", true, true, 0);
  make_model("stranger.bnc", true, true, 200);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_restored_session_goes_on),
      cmocka_unit_test(damaged_files_are_refused),
      cmocka_unit_test(forged_files_are_refused),
      cmocka_unit_test(another_model_s_session_is_refused),
      cmocka_unit_test(a_saved_session_shows_nothing_said_before),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
