/* SPDX-License-Identifier: Apache-2.0 */
/* Made-up models: the same bytes every time and for any number of threads; they open and compute; the KV cache's types differ by what their
 * precision costs. */
#include <binocle/binocle.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "tests/unit.h"

#define VOCABULARY 641u
#define PROMPT 200u

static bnc_context *make_context(unsigned threads) {
  bnc_context_settings settings;
  bnc_context *context;
  bnc_context_settings_init(&settings);
  settings.threads = threads;
  settings.cache_dir = "";
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  return context;
}

static bnc_compile_options int4_options(const char *output) {
  bnc_compile_options o;
  bnc_compile_options_init(&o);
  o.output = output;
  o.text_weights = BNC_WEIGHTS_INT4;
  return o;
}

static void make(unsigned threads, const char *preset, const bnc_compile_options *o) {
  bnc_context *context = make_context(threads);
  if (bnc_synth(context, preset, o) != BNC_OK) fail_msg("%s", bnc_context_error(context));
  bnc_context_destroy(context);
}

static void the_same_for_any_threads(void **state) {
  char *a, *b;
  size_t a_size, b_size;
  bnc_compile_options one = int4_options("one.bnc"), three = int4_options("three.bnc");
  (void)state;
  make(1, "pocket", &one);
  make(3, "pocket", &three);
  assert_int_equal(bnc_file_read("one.bnc", 1u << 28, &a, &a_size, NULL), BNC_OK);
  assert_int_equal(bnc_file_read("three.bnc", 1u << 28, &b, &b_size, NULL), BNC_OK);
  assert_int_equal(a_size, b_size);
  assert_memory_equal(a, b, a_size);
  bnc_mem_free(a);
  bnc_mem_free(b);
  unlink("three.bnc");
}

static void wrong_wishes_are_refused(void **state) {
  bnc_context *context = make_context(1);
  bnc_compile_options o = int4_options("never.bnc");
  (void)state;
  assert_int_equal(bnc_synth(context, "inf-llava-9b", &o), BNC_ERROR_ARGUMENT);
  assert_non_null(strstr(bnc_context_error(context), "inf-llava-8b"));
  o.kv_cache = (bnc_cache_type)9;
  assert_int_equal(bnc_synth(context, "pocket", &o), BNC_ERROR_ARGUMENT);
  o = int4_options(NULL);
  assert_int_equal(bnc_synth(context, "pocket", &o), BNC_ERROR_ARGUMENT);
  assert_int_equal(bnc_synth(context, NULL, &o), BNC_ERROR_ARGUMENT);
  assert_int_equal(access("never.bnc", F_OK), -1);
  bnc_context_destroy(context);
}

static void every_preset_has_a_name(void **state) {
  const char *description = NULL;
  unsigned n = 0;
  (void)state;
  for (; bnc_synth_preset_name(n, &description); n++) assert_true(strlen(description) > 10);
  assert_true(n >= 5);
}

/* Logits behind a prompt, then behind one more token: both programs read the cache. */
static void compute(bnc_weights weights, bnc_cache_type type, float *logits) {
  bnc_context *context = make_context(2);
  bnc_compile_options o = int4_options("cache.bnc");
  bnc_model *model;
  bnc_session *session;
  int32_t ids[PROMPT];
  const float *out;
  size_t count;
  o.text_weights = weights;
  o.kv_cache = type;
  assert_int_equal(bnc_synth(context, "pocket", &o), BNC_OK);
  assert_int_equal(bnc_model_open(context, "cache.bnc", &model), BNC_OK);
  assert_int_equal(bnc_session_create(model, &session), BNC_OK);
  for (size_t i = 0; i < PROMPT; i++) ids[i] = (int32_t)(i * 37 % VOCABULARY);
  assert_int_equal(bnc_session_append(session, ids, PROMPT), BNC_OK);
  assert_int_equal(bnc_session_append(session, ids + 7, 1), BNC_OK);
  assert_int_equal(bnc_session_logits(session, &out, &count), BNC_OK);
  assert_int_equal(count, VOCABULARY);
  memcpy(logits, out, count * sizeof *out);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

static double distance(const float *a, const float *b) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < VOCABULARY; i++) {
    difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    size += (double)b[i] * (double)b[i];
  }
  assert_true(size > 0);
  return sqrt(difference / size);
}

static void the_cache_keeps_its_precision(void **state) {
  static float f32[VOCABULARY], f16[VOCABULARY], i8[VOCABULARY], usual[VOCABULARY];
  (void)state;
  compute(BNC_WEIGHTS_F32, BNC_CACHE_F32, f32);
  compute(BNC_WEIGHTS_F32, BNC_CACHE_F16, f16);
  compute(BNC_WEIGHTS_F32, BNC_CACHE_INT8, i8);
  compute(BNC_WEIGHTS_F32, BNC_CACHE_DEFAULT, usual);
  double half = distance(f16, f32), byte = distance(i8, f32);
  print_message("relative L2 of logits: f16 cache %.2e, int8 cache %.2e\n", half, byte);
  assert_true(half > 0 && half < 1e-3);
  assert_true(byte > 0 && byte < 0.05);
  assert_memory_equal(usual, f32, sizeof f32);
  compute(BNC_WEIGHTS_INT4, BNC_CACHE_F16, f16);
  compute(BNC_WEIGHTS_INT4, BNC_CACHE_DEFAULT, usual);
  assert_memory_equal(usual, f16, sizeof f16);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_same_for_any_threads),
      cmocka_unit_test(wrong_wishes_are_refused),
      cmocka_unit_test(every_preset_has_a_name),
      cmocka_unit_test(the_cache_keeps_its_precision),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
