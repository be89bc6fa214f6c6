/* SPDX-License-Identifier: Apache-2.0 */
/* Column slabs: what may be tried, and what is picked for the machines that have names. */
#include <stdint.h>
#include <stdio.h>

#include "quant/schedule/slab_cost.h"
#include "tests/unit.h"

static void test_candidates(void **state) {
  (void)state;
  for (size_t n = 1; n < 3000; n += 37) {
    const bnc_slab_layer layer = {BNC_WEIGHT_QC8, 100, 64, n, false};
    size_t i = 0, cols, last = n + 1;
    for (; (cols = bnc_slab_candidate(&layer, i)) != 0; i++) {
      assert_true(cols < last);
      assert_true(i == 0 ? cols == n : cols % 64 == 0);
      last = cols;
    }
    assert_true(i > 0 && last <= (n > 64 ? 64 : n));
  }
}

/* Columns per slab for ViT-L's up and down, and LLaMA's gate and down, in each type; 0: the matrix stays whole. */
static void test_picks(void **state) {
  static const bnc_slab_layer layers[] = {{BNC_WEIGHT_QC8, 577, 1024, 4096, false}, {BNC_WEIGHT_QC8, 577, 4096, 1024, false},
                                          {BNC_WEIGHT_QC8, 640, 4096, 28672, true}, {BNC_WEIGHT_F32, 577, 1024, 4096, false},
                                          {BNC_WEIGHT_F32, 577, 4096, 1024, false}, {BNC_WEIGHT_F32, 640, 4096, 28672, true}};
  static const struct {
    const char *target;
    size_t cols[6];
  } expected[] = {
      {"pi4", {0, 0, 0, 128, 0, 0}},
      {"pi5", {0, 0, 0, 64, 64, 64}},
      {"jetson-nano", {0, 0, 0, 256, 64, 64}},
      {"jetson-orin", {0, 0, 0, 128, 0, 0}},
      {"phone-i8mm", {0, 0, 0, 256, 64, 64}},
      {"x86-avx2", {0, 0, 0, 64, 64, 64}},
      {"x86-avx512vnni", {0, 0, 0, 0, 0, 128}}, /* vision's f32 is ours there */
  };
  (void)state;
  for (size_t t = 0; t < sizeof expected / sizeof *expected; t++) {
    const bnc_target *target = bnc_target_find(expected[t].target);
    assert_non_null(target);
    for (size_t i = 0; i < 6; i++) {
      size_t cols = bnc_slab_choose(target, &layers[i]), found = cols == layers[i].n ? 0 : cols;
      if (found != expected[t].cols[i])
        fail_msg("%s, layer %zu: picks %zu, expected %zu", expected[t].target, i, found, expected[t].cols[i]);
    }
  }
  assert_null(bnc_target_at(sizeof expected / sizeof *expected));
}

/* The pick is no worse than any candidate by the model's own account, and never for a single row, or for what our own kernels multiply. */
static void test_properties(void **state) {
  (void)state;
  for (size_t t = 0; bnc_target_at(t); t++) {
    const bnc_target *target = bnc_target_at(t);
    for (size_t n = 64; n < 6000; n += 448) {
      bnc_slab_layer layer = {n % 128 ? BNC_WEIGHT_F32 : BNC_WEIGHT_QC8, 600, 1024, n, n % 3 == 0};
      double pick = bnc_slab_cycles(target, &layer, bnc_slab_choose(target, &layer));
      if (!bnc_slab_helps(target, &layer)) assert_int_equal(bnc_slab_choose(target, &layer), n);
      for (size_t i = 0, cols; (cols = bnc_slab_candidate(&layer, i)) != 0; i++)
        if (bnc_slab_helps(target, &layer)) assert_true(bnc_slab_cycles(target, &layer, cols) > pick * 0.96);
      assert_true(bnc_slab_weight_reads(target, &layer, n) >= bnc_slab_weight_reads(target, &layer, 64));
      layer.rows = 1;
      assert_int_equal(bnc_slab_choose(target, &layer), n);
      layer = (bnc_slab_layer){BNC_WEIGHT_QG4, 600, 4096, n, true};
      assert_int_equal(bnc_slab_choose(target, &layer), n);
    }
  }
}

static void test_this_machine(void **state) {
  bnc_target target;
  bnc_error err;
  (void)state;
  assert_int_equal(bnc_target_detect(&target, &err), BNC_OK);
  assert_true(target.name[0] && target.cores > 0 && target.l2_bytes > 0 && target.memory_rate > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_candidates), cmocka_unit_test(test_picks), cmocka_unit_test(test_properties),
                                     cmocka_unit_test(test_this_machine)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
