/* SPDX-License-Identifier: Apache-2.0 */
/* Large ops run in rounds, between which a run can be stopped; rounds change no bit. */
#include <stdint.h>

#include <stdlib.h>
#include <string.h>

#include "runtime/exec/links.h"
#include "runtime/exec/packed_cache.h"
#include "tests/model/tiny_model.h"
#include "tests/unit.h"

static bnc_error err;

typedef struct counter {
  size_t steps, stop_after;
} counter;

static bool count(void *context, size_t done, size_t total) {
  counter *c = context;
  assert_true(done <= total);
  return ++c->steps == c->stop_after;
}

static void open_model(bnc_executor **ex, bnc_model_file *file, bnc_pool **pool, bnc_kernels *kernels, bnc_packed_store **store,
                       bnc_context *context) {
  bnc_cpu_level level;
  assert_int_equal(bnc_model_file_open(file, "rounds.bnc", &err), BNC_OK);
  assert_int_equal(bnc_cpu_detect_level(&level, &err), BNC_OK);
  bnc_kernels_init(kernels, level);
  assert_int_equal(bnc_pool_create(pool, 2, &err), BNC_OK);
  assert_int_equal(bnc_packed_acquire(store, file, *pool, context, &err), BNC_OK);
  assert_int_equal(bnc_executor_create(ex, file, *pool, kernels, *store, NULL, &err), BNC_OK);
}

/* A picture of noise, then a chunk of rows; the results of both. Returns how often the run was asked whether to go on. */
static size_t run(bnc_executor *ex, const bnc_model_file *file, float *features, float *logits) {
  counter c = {0, 0};
  const bnc_run_hooks hooks = {.context = &c, .step = count};
  const size_t pixels = file->program[BNC_PROGRAM_VISION].head->input.rows, rows = file->program[BNC_PROGRAM_PREFILL].head->input.rows;
  const bnc_operand *out = &file->program[BNC_PROGRAM_VISION].head->output;
  uint8_t *picture = bnc_executor_input(ex, BNC_PROGRAM_VISION);
  uint32_t random = 1;
  for (size_t i = 0; i < 3 * pixels; i++) picture[i] = (uint8_t)((random = random * 1664525u + 1013904223u) >> 24);
  assert_int_equal(bnc_executor_run(ex, BNC_PROGRAM_VISION, 0, 0, &hooks, &err), BNC_OK);
  for (size_t r = 0; r < out->rows; r++)
    memcpy(features + r * out->cols, bnc_executor_output(ex, BNC_PROGRAM_VISION) + r * out->stride, out->cols * sizeof *features);
  float *x = bnc_executor_input(ex, BNC_PROGRAM_PREFILL);
  for (size_t i = 0; i < rows * file->meta.hidden; i++) x[i] = (float)((random = random * 1664525u + 1013904223u) >> 24) * 0.01f - 1.28f;
  assert_int_equal(bnc_executor_run(ex, BNC_PROGRAM_PREFILL, rows, 0, &hooks, &err), BNC_OK);
  memcpy(logits, bnc_executor_output(ex, BNC_PROGRAM_PREFILL), file->meta.vocabulary * sizeof *logits);
  return c.steps;
}

static void check(bnc_weights vision, bnc_weights text) {
  bnc_executor *ex;
  bnc_model_file file;
  bnc_pool *pool;
  bnc_kernels kernels;
  bnc_packed_store *store;
  bnc_context *context;
  bnc_context_settings settings;
  bnc_context_settings_init(&settings);
  settings.cache_dir = "";
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  assert_int_equal(tiny_compile("tiny_checkpoint", "rounds.bnc", vision, text, false), BNC_OK);
  open_model(&ex, &file, &pool, &kernels, &store, context);
  const bnc_operand *out = &file.program[BNC_PROGRAM_VISION].head->output;
  const size_t values = (size_t)out->rows * out->cols;
  float *features = calloc(2 * values, sizeof *features), *logits = calloc(2 * (size_t)file.meta.vocabulary, sizeof *logits);
  assert_true(features && logits);
  const size_t ops = file.program[BNC_PROGRAM_VISION].head->ops + file.program[BNC_PROGRAM_PREFILL].head->ops;
  assert_int_equal(run(ex, &file, features, logits), ops);
  ex->round_macs = 20000;
  bnc_links_destroy(ex);
  assert_int_equal(bnc_links_create(ex, &err), BNC_OK);
  const size_t asked = run(ex, &file, features + values, logits + file.meta.vocabulary);
  if (asked < ops + 20) fail_msg("%zu ops were asked for only %zu times", ops, asked);
  assert_memory_equal(features, features + values, values * sizeof *features);
  assert_memory_equal(logits, logits + file.meta.vocabulary, file.meta.vocabulary * sizeof *logits);
  for (size_t after = 1; after <= 40; after += 3) {
    counter c = {0, after};
    const bnc_run_hooks hooks = {.context = &c, .step = count};
    assert_int_equal(bnc_executor_run(ex, BNC_PROGRAM_PREFILL, 8, 0, &hooks, &err), BNC_ERROR_CANCELLED);
    assert_int_equal(c.steps, after);
  }
  free(features);
  free(logits);
  bnc_executor_destroy(ex);
  bnc_packed_destroy(store);
  bnc_pool_destroy(pool);
  bnc_model_file_close(&file);
  bnc_context_destroy(context);
}

static void rounds_change_no_bit(void **state) {
  (void)state;
  assert_int_equal(system("rm -rf rounds.bnc tiny_checkpoint"), 0);
  tiny_checkpoint("tiny_checkpoint");
  check(BNC_WEIGHTS_F32, BNC_WEIGHTS_F32);
  check(BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT4);
  check(BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT8);
}

static void a_round_is_never_empty(void **state) {
  (void)state;
  assert_int_equal(bnc_round_items(10, 100, 100), 10);
  assert_int_equal(bnc_round_items(10, 101, 100), 9);
  assert_int_equal(bnc_round_items(10, 1000, 100), 1);
  assert_int_equal(bnc_round_items(10, UINT64_MAX, 1), 1);
  assert_int_equal(bnc_round_items(1, UINT64_MAX, 1), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(rounds_change_no_bit), cmocka_unit_test(a_round_is_never_empty)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
