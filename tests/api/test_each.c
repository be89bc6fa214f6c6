/* SPDX-License-Identifier: Apache-2.0 */
/* Logits behind every id of a text, computed many at a time: the bits of ids that come one by one. */
#include <stdlib.h>
#include <string.h>

#include "tests/api/session_case.h"
#include "tests/import/make_checkpoint.h"
#include "tests/unit.h"

#define MODEL "each.bnc"
#define CONTEXT 800u /* more than one chunk */

enum { IDS = 700, FEW = 70 };

typedef struct row_log {
  float *row;                  /* [capacity, columns] */
  size_t count, columns, stop; /* stop: rows after which the callback asks to; 0: never */
} row_log;

static int take(void *user, size_t first, size_t count, const float *logits, size_t stride) {
  row_log *log = user;
  assert_int_equal(first, log->count);
  assert_true(count > 0 && stride >= log->columns);
  for (size_t i = 0; i < count; i++, log->count++)
    memcpy(log->row + log->count * log->columns, logits + i * stride, log->columns * sizeof *logits);
  return log->stop && log->count >= log->stop;
}

static row_log log_of(size_t rows, size_t columns) {
  row_log log = {.row = calloc(rows * columns, sizeof(float)), .columns = columns};
  assert_non_null(log.row);
  return log;
}

static void fill(int32_t *ids, size_t count) {
  for (size_t i = 0; i < count; i++) ids[i] = (int32_t)((i * 37 + i / 7) % 500);
}

/* Rows one by one against all at once, and both sessions go on alike. */
static void compare(const char *path, unsigned threads, size_t count) {
  bnc_context *context = context_of(threads);
  bnc_model *model;
  bnc_model_info info = {.size = sizeof info};
  bnc_session *one = session_of(context, path, &model), *all;
  int32_t ids[IDS];
  fill(ids, IDS);
  assert_int_equal(bnc_session_create(model, &all), BNC_OK);
  assert_int_equal(bnc_model_get_info(model, &info), BNC_OK);
  row_log log = log_of(count + 5, info.vocabulary);
  must(all, bnc_session_append_each(all, ids, count, take, &log));
  assert_int_equal(log.count, count);
  for (size_t i = 0; i < count; i++) {
    const float *last;
    size_t columns;
    must(one, bnc_session_append(one, ids + i, 1));
    must(one, bnc_session_logits(one, &last, &columns));
    assert_int_equal(columns, log.columns);
    if (memcmp(last, log.row + i * columns, columns * sizeof *last) != 0) fail_msg("%s: row %zu of %zu differs", path, i, count);
  }
  assert_int_equal(bnc_session_rows(one), bnc_session_rows(all));
  const answer a = generate(one, 12), b = generate(all, 12);
  assert_int_equal(a.count, 12);
  assert_memory_equal(a.id, b.id, a.count * sizeof *a.id);
  must(one, bnc_session_append(one, ids, 5)); /* the answer's last token, which waits, comes in front of either */
  log.count = 0;
  must(all, bnc_session_append_each(all, ids, 5, take, &log));
  const float *last;
  size_t columns;
  must(one, bnc_session_logits(one, &last, &columns));
  assert_memory_equal(last, log.row + 4 * columns, columns * sizeof *last);
  free(log.row);
  bnc_session_destroy(one);
  bnc_session_destroy(all);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static void rows_have_the_bits_of_single_ones(void **state) {
  (void)state;
  static const size_t counts[] = {1, 2, 63, 64, 65, FEW};
  for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) compare(MODEL, 1, counts[i]);
  compare(MODEL, 2, IDS);
}

static void quantised_rows_too(void **state) {
  (void)state;
  compare(BINOCLE_TEST_DATA "/../../quant/pocket/pocket.bnc", 2, FEW);
  compare("each_int4.bnc", 2, FEW);
}

static void a_stopped_text_leaves_no_trace(void **state) {
  (void)state;
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_session *session = session_of(context, MODEL, &model);
  int32_t ids[FEW];
  fill(ids, FEW);
  must(session, bnc_session_append(session, ids, 3));
  float *before = logits_of(session);
  row_log log = log_of(FEW, VOCABULARY);
  log.stop = 1;
  must(session, bnc_session_append(session, ids + 3, 1));
  refuses(session, bnc_session_append_each(session, ids + 4, FEW - 4, take, &log), BNC_ERROR_CANCELLED, "cancelled");
  assert_int_equal(bnc_session_rows(session), 4);
  bnc_session_restart(session);
  must(session, bnc_session_append(session, ids, 3));
  float *after = logits_of(session);
  assert_memory_equal(before, after, VOCABULARY * sizeof *before);
  /* What a restart would use again is gone where other rows took its place. */
  bnc_session_restart(session);
  log.count = log.stop = 0;
  must(session, bnc_session_append_each(session, ids + 9, 8, take, &log));
  bnc_session_restart(session);
  must(session, bnc_session_append(session, ids, 3));
  free(after);
  after = logits_of(session);
  assert_memory_equal(before, after, VOCABULARY * sizeof *before);
  free(before);
  free(after);
  free(log.row);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static void wrong_calls_are_refused(void **state) {
  (void)state;
  bnc_context *context = context_of(1);
  bnc_model *model;
  bnc_session *session = session_of(context, MODEL, &model);
  static int32_t ids[8 * CONTEXT];
  row_log log = log_of(1, VOCABULARY);
  refuses(session, bnc_session_append_each(session, ids, 0, take, &log), BNC_ERROR_ARGUMENT, "needs ids");
  refuses(session, bnc_session_append_each(session, ids, 1, NULL, NULL), BNC_ERROR_ARGUMENT, "callback");
  refuses(session, bnc_session_append_each(session, ids, 8 * CONTEXT, take, &log), BNC_ERROR_LIMIT, "6400 more do not fit");
  ids[1] = BNC_IMAGE_TOKEN;
  refuses(session, bnc_session_append_each(session, ids, 2, take, &log), BNC_ERROR_ARGUMENT, "id -200 at position 1");
  ids[1] = VOCABULARY;
  refuses(session, bnc_session_append_each(session, ids, 2, take, &log), BNC_ERROR_ARGUMENT, "expected 0 to 1999");
  assert_int_equal(log.count, 0);
  assert_int_equal(bnc_session_rows(session), 0);
  free(log.row);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static void compile(bnc_weights type, const char *output, unsigned context) {
  bnc_context *c = context_of(1);
  bnc_compile_options options;
  bnc_compile_options_init(&options);
  options.checkpoint = "each_checkpoint";
  options.output = output;
  options.text_weights = type;
  options.context = context;
  if (bnc_compile(c, &options) != BNC_OK) fail_msg("%s", bnc_context_error(c));
  bnc_context_destroy(c);
}

static int setup(void **state) {
  (void)state;
  make_spec spec = make_spec_small();
  spec.geometry.text.vocab = VOCABULARY;
  spec.geometry.text.max_positions = spec.geometry.text.context = CONTEXT;
  spec.geometry.has_vision = false;
  assert_int_equal(make_checkpoint("each_checkpoint", &spec), 0);
  compile(BNC_WEIGHTS_F32, MODEL, CONTEXT);
  compile(BNC_WEIGHTS_INT4, "each_int4.bnc", 200);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(rows_have_the_bits_of_single_ones), cmocka_unit_test(quantised_rows_too),
                                     cmocka_unit_test(a_stopped_text_leaves_no_trace), cmocka_unit_test(wrong_calls_are_refused)};
  return cmocka_run_group_tests(tests, setup, NULL);
}
