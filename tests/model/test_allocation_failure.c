/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out at any point ends in BNC_ERROR_MEMORY, without a crash and without a leak. BINOCLE_ALLOCATIONS=all tries every
   single allocation; by default compiling is sampled. */
#include <stdint.h>

#include <binocle/binocle.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "tests/model/tiny_model.h"
#include "tests/unit.h"

static bool all(void) {
  const char *text = getenv("BINOCLE_ALLOCATIONS");
  return text && strcmp(text, "all") == 0;
}

static const char *cache_dir;

static bnc_status compile(void) {
  bnc_context *context;
  bnc_compile_options options;
  bnc_compile_options_init(&options);
  options.checkpoint = "tiny_checkpoint";
  options.output = "memory_out.bnc";
  options.text_weights = BNC_WEIGHTS_INT4;
  options.packed = 1;
  bnc_status s = bnc_context_create(NULL, &context);
  if (s != BNC_OK) return s;
  s = bnc_compile(context, &options);
  bnc_context_destroy(context);
  return s;
}

static int ignore(void *user, size_t first, size_t count, const float *logits, size_t stride) {
  (void)user, (void)first, (void)count, (void)logits, (void)stride;
  return 0;
}

static bnc_status use(bnc_model *model) {
  static const char picture[] = BINOCLE_TEST_DATA "/image/png_2x3.png";
  static const int32_t ids[] = {90, 5, BNC_IMAGE_TOKEN, 7, 42};
  bnc_session *session;
  const float *logits;
  size_t count;
  bnc_sampling sampling;
  bnc_finish finish;
  bnc_sampling_init(&sampling);
  sampling.max_tokens = 2;
  bnc_status s = bnc_session_create(model, &session);
  if (s != BNC_OK) return s;
  s = bnc_session_add_image_file(session, picture);
  if (s == BNC_OK) s = bnc_session_append(session, ids, sizeof ids / sizeof *ids);
  if (s == BNC_OK) s = bnc_session_logits(session, &logits, &count);
  if (s == BNC_OK) s = bnc_session_generate(session, &sampling, NULL, NULL, &finish);
  if (s == BNC_OK) s = bnc_session_append_each(session, ids, 2, ignore, NULL);
  bnc_session_destroy(session);
  return s;
}

static bnc_status open_and_use(void) {
  bnc_context *context;
  bnc_context_settings settings;
  bnc_model *model;
  char *text = NULL;
  bnc_context_settings_init(&settings);
  settings.threads = 1;
  settings.cache_dir = cache_dir;
  bnc_status s = bnc_context_create(&settings, &context);
  if (s != BNC_OK) return s;
  s = bnc_model_open(context, "memory.bnc", &model);
  if (s == BNC_OK) {
    s = use(model);
    if (s == BNC_OK) s = bnc_model_describe(model, BNC_DESCRIBE_JSON, &text);
    bnc_string_free(text);
    bnc_model_close(model);
  }
  bnc_context_destroy(context);
  return s;
}

/* step(n): the distance to the next allocation that is tried. */
static void try_all(bnc_status (*work)(void), size_t dense, size_t step) {
  assert_int_equal(work(), BNC_OK); /* what is allocated once per process */
  for (size_t n = 0, tried = 0;; n += n < dense || all() ? 1 : step, tried++) {
    size_t before = bnc_mem_live();
    bnc_mem_fail_after((long long)n);
    bnc_status s = work();
    bnc_mem_fail_after(-1);
    if (bnc_mem_live() != before) fail_msg("allocation %zu: %zu bytes leaked (status %d)", n, bnc_mem_live() - before, (int)s);
    if (s == BNC_OK) {
      print_message("%zu of %zu allocations tried\n", tried, n);
      return;
    }
    if (s != BNC_ERROR_MEMORY) fail_msg("allocation %zu: status %d, expected %d", n, (int)s, (int)BNC_ERROR_MEMORY);
  }
}

static void test_compile(void **s) {
  (void)s;
  try_all(compile, 60, 31);
  unlink("memory_out.bnc");
}

static void test_use_from_memory(void **s) {
  (void)s;
  cache_dir = "";
  try_all(open_and_use, 4000, 7);
}

static void test_use_from_cache(void **s) {
  (void)s;
  cache_dir = "memory_cache";
  try_all(open_and_use, 4000, 7);
}

static bnc_status pack_and_use(void) {
  if (system("rm -rf memory_cache") != 0) return BNC_ERROR_INTERNAL;
  return open_and_use();
}

static void test_packing(void **s) {
  (void)s;
  cache_dir = "memory_cache";
  try_all(pack_and_use, 40, 5);
}

static int setup(void **s) {
  (void)s;
  if (system("rm -rf memory_cache memory.bnc tiny_checkpoint") != 0) return -1;
  tiny_model("memory.bnc", false);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_use_from_memory), cmocka_unit_test(test_use_from_cache),
                                     cmocka_unit_test(test_packing), cmocka_unit_test(test_compile)};
  return cmocka_run_group_tests(tests, setup, NULL);
}
