/* SPDX-License-Identifier: Apache-2.0 */
/* BINOCLE_LINEAR and bnc_context_settings.linear: every linear layer of every program runs where they say, and the answers agree. */
#include <binocle/binocle.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/exec/executor_private.h"
#include "tests/model/tiny_model.h"
#include "tests/unit.h"

enum { AUTO, OWN, XNNPACK, CHOICES };
static const char *const names[CHOICES] = {"auto", "own", "xnnpack"};

/* What XNNPACK computes of int8 has our bits on x86; its kernels for SDOT scale in another order. */
#define X86 (BNC_CPU_ARCH == BNC_ARCH_X86_64)

static const struct {
  const char *path;
  bnc_weights vision, text;
  unsigned group;
  double bound; /* relative L2 between the logits of two choices */
} models[] = {
    {"linear_f32.bnc", BNC_WEIGHTS_F32, BNC_WEIGHTS_F32, 0, 1e-5},
    {"linear_bf16.bnc", BNC_WEIGHTS_BF16, BNC_WEIGHTS_BF16, 0, 0.02}, /* beside f32, where the CPU multiplies bf16 */
    {"linear_vision_f32.bnc", BNC_WEIGHTS_F32, BNC_WEIGHTS_INT8, 0, 0.02},
    {"linear_int8.bnc", BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT8, 0, X86 ? 0.0 : 0.02},
    {"linear_int4.bnc", BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT4, 32, 0.02},
    {"linear_int4_steps.bnc", BNC_WEIGHTS_INT8, BNC_WEIGHTS_INT4, 16, X86 ? 0.0 : 0.02}, /* int8 to XNNPACK */
};
enum { MODELS = sizeof models / sizeof *models };

static bnc_error err;

static int compile_all(void **state) {
  (void)state;
  tiny_checkpoint("linear_checkpoint");
  for (int m = 0; m < MODELS; m++)
    if (tiny_compile_group("linear_checkpoint", models[m].path, models[m].vision, models[m].text, models[m].group, false) != BNC_OK)
      return -1;
  return 0;
}

static int forget(void **state) {
  (void)state;
  return unsetenv("BINOCLE_LINEAR");
}

static double distance(const float *a, const float *b) {
  double error = 0, size = 0;
  for (size_t i = 0; i < TINY_VOCABULARY; i++) {
    error += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    size += (double)b[i] * (double)b[i];
  }
  return sqrt(error / size);
}

static void test_answers_agree(void **state) {
  (void)state;
  for (int m = 0; m < MODELS; m++) {
    float logits[CHOICES][TINY_VOCABULARY];
    for (int c = 0; c < CHOICES; c++) {
      setenv("BINOCLE_LINEAR", names[c], 1);
      assert_int_equal(tiny_logits(models[m].path, "", logits[c]), BNC_OK);
    }
    for (int c = OWN; c < CHOICES; c++) {
      const double d = distance(logits[c], logits[AUTO]);
      print_message("%s: %s to auto, relative L2 %.3g\n", models[m].path, names[c], d);
      assert_true(d <= models[m].bound);
    }
  }
}

/* The layers that XNNPACK runs are those that were made for it, and the rest is ours: none is left out. */
static void count_layers(const char *path, size_t *own, size_t *xnnpack) {
  bnc_model_file file;
  bnc_pool *pool;
  bnc_packed_store *store;
  bnc_executor *ex;
  bnc_kernels kernels;
  bnc_cpu_level level;
  *own = *xnnpack = 0;
  assert_int_equal(bnc_model_file_open(&file, path, &err), BNC_OK);
  assert_int_equal(bnc_cpu_detect_level(&level, &err), BNC_OK);
  bnc_kernels_init(&kernels, level);
  assert_int_equal(bnc_pool_create(&pool, 1, &err), BNC_OK);
  assert_int_equal(bnc_packed_create(&store, &err), BNC_OK);
  assert_int_equal(bnc_executor_create(&ex, &file, pool, &kernels, store, NULL, &err), BNC_OK);
  for (bnc_program_id p = 0; p < BNC_PROGRAMS; p++)
    for (uint32_t i = 0; i < file.program[p].head->ops; i++) {
      if (file.program[p].op[i].kind != BNC_OP_LINEAR) continue;
      const bool is_own = bnc_op_is_own(ex, &file.program[p].op[i]);
      assert_int_equal(is_own, ex->linear_of[p][i] == UINT32_MAX);
      ++*(is_own ? own : xnnpack);
    }
  assert_int_equal(*xnnpack == 0, bnc_packed_bytes(store) == 0);
  bnc_executor_destroy(ex);
  bnc_packed_destroy(store);
  bnc_pool_destroy(pool);
  bnc_model_file_close(&file);
}

static void test_every_layer(void **state) {
  (void)state;
  for (int m = 0; m < MODELS; m++) {
    size_t own, xnnpack, all;
    setenv("BINOCLE_LINEAR", "xnnpack", 1);
    count_layers(models[m].path, &own, &all);
    assert_int_equal(own, 0);
    assert_true(all > 20);
    setenv("BINOCLE_LINEAR", "own", 1);
    count_layers(models[m].path, &own, &xnnpack);
    assert_int_equal(xnnpack, 0);
    assert_int_equal(own, all);
  }
}

/* With AVX-512 f32 is ours by itself in vision, whose rows are many, and XNNPACK's in text, which has rows alone. */
static void test_vision_f32(void **state) {
  size_t own, xnnpack;
  bnc_cpu_level level;
  (void)state;
  setenv("BINOCLE_LINEAR", "auto", 1);
  assert_int_equal(bnc_cpu_detect_level(&level, &err), BNC_OK);
  if (!bnc_cpu_level_includes(level, BNC_CPU_AVX512VNNI)) return;
  count_layers("linear_f32.bnc", &own, &xnnpack);
  assert_true(own > 20 && xnnpack > 10);
  count_layers("linear_vision_f32.bnc", &own, &xnnpack);
  assert_int_equal(xnnpack, 0);
  assert_true(own > 20);
}

/* What one choice left in the cache folder serves the others, which then find all that they need or pack anew. */
static void test_cache(void **state) {
  float logits[TINY_VOCABULARY], again[TINY_VOCABULARY];
  static const int order[] = {AUTO, XNNPACK, OWN, XNNPACK, AUTO};
  (void)state;
  for (int m = 0; m < MODELS; m++) {
    float first[CHOICES][TINY_VOCABULARY];
    for (int c = 0; c < CHOICES; c++) {
      setenv("BINOCLE_LINEAR", names[c], 1);
      assert_int_equal(tiny_logits(models[m].path, "", first[c]), BNC_OK);
    }
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
      setenv("BINOCLE_LINEAR", names[order[i]], 1);
      assert_int_equal(tiny_logits(models[m].path, "linear_cache", logits), BNC_OK);
      assert_int_equal(tiny_logits(models[m].path, "linear_cache", again), BNC_OK);
      assert_memory_equal(logits, first[order[i]], sizeof logits);
      assert_memory_equal(again, logits, sizeof logits);
    }
  }
}

static void test_setting(void **state) {
  (void)state;
  setenv("BINOCLE_LINEAR", "nonsense", 1);
  for (int wrong = 0; wrong < 2; wrong++) {
    bnc_context_settings settings;
    bnc_context *context;
    bnc_model *model;
    bnc_context_settings_init(&settings);
    settings.cache_dir = "";
    settings.linear = wrong ? "fastest" : NULL;
    if (wrong) unsetenv("BINOCLE_LINEAR");
    assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
    assert_int_equal(bnc_model_open(context, models[0].path, &model), BNC_ERROR_ARGUMENT);
    assert_null(model);
    assert_non_null(strstr(bnc_context_error(context),
                           wrong ? "linear: found 'fastest', expected one of: auto, own, xnnpack" : "BINOCLE_LINEAR: found 'nonsense'"));
    bnc_context_destroy(context);
  }
}

/* A setting goes before the environment, and sessions say what was chosen. */
static void test_setting_wins(void **state) {
  (void)state;
  bnc_statistics statistics = {.size = sizeof statistics};
  bnc_context_settings settings;
  bnc_context *context;
  bnc_model *model;
  bnc_session *session;
  bnc_context_settings_init(&settings);
  settings.cache_dir = "";
  settings.linear = "xnnpack";
  setenv("BINOCLE_LINEAR", "own", 1);
  assert_int_equal(bnc_context_create(&settings, &context), BNC_OK);
  assert_int_equal(bnc_model_open(context, models[4].path, &model), BNC_OK);
  assert_int_equal(bnc_session_create(model, &session), BNC_OK);
  assert_int_equal(bnc_session_get_statistics(session, &statistics), BNC_OK);
  assert_string_equal(statistics.linear, "xnnpack");
  assert_true(statistics.packed_bytes > 0);
  bnc_session_destroy(session);
  bnc_model_close(model);
  bnc_context_destroy(context);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(test_answers_agree, forget),
                                     cmocka_unit_test_teardown(test_every_layer, forget), cmocka_unit_test_teardown(test_setting, forget),
                                     cmocka_unit_test_teardown(test_vision_f32, forget),
                                     cmocka_unit_test_teardown(test_setting_wins, forget)},
                          slow[] = {cmocka_unit_test_teardown(test_cache, forget)}; /* the same on every CPU: not under emulation */
  const int failed = cmocka_run_group_tests(tests, compile_all, NULL);
  return X86 ? failed + cmocka_run_group_tests(slow, NULL, NULL) : failed;
}
