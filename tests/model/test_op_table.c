/* SPDX-License-Identifier: Apache-2.0 */
/* The op table says of each kind what is true of it, and sizes of the KV cache are those of its parts. */
#include <stdint.h>
#include <string.h>

#include "runtime/model/kv_layout.h"
#include "runtime/model/program_format.h"
#include "tests/unit.h"

static void kinds_have_names_of_their_own(void **state) {
  (void)state;
  for (uint32_t a = 0; a < BNC_OP_KINDS; a++)
    for (uint32_t b = 0; b < a; b++) assert_string_not_equal(bnc_op_info_of(a)->name, bnc_op_info_of(b)->name);
  assert_string_equal(bnc_op_info_of(BNC_OP_ADD_RMS_NORM)->name, "add_rms_norm");
  assert_string_equal(bnc_op_info_of(BNC_OP_KINDS)->name, "?");
  assert_string_equal(bnc_op_info_of(UINT32_MAX)->name, "?");
}

/* Files of format 2 hold these numbers; another order would read every one of them wrongly. */
static void numbers_are_those_of_the_format(void **state) {
  static const char *const names[] = {"normalize", "resample",   "patches",         "patches_u8", "gather",         "copy",
                                      "linear",    "layer_norm", "rms_norm",        "add",        "add_layer_norm", "add_rms_norm",
                                      "mean",      "gelu",       "quick_gelu",      "silu_mul",   "quantize",       "attention",
                                      "rope",      "kv_append",  "cache_attention", "last_row",   "attention_i8",   "hadamard"};
  (void)state;
  assert_true(sizeof names / sizeof *names <= BNC_OP_KINDS);
  for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) assert_string_equal(bnc_op_info_of(i)->name, names[i]);
}

static bool is_input(bnc_role role) { return role < BNC_ROLE_RESULT; }

/* Inputs stand among the inputs, results among the results, without gaps; a twin follows what it is the twin of. */
static void roles_are_where_they_belong(void **state) {
  (void)state;
  for (uint32_t kind = 0; kind < BNC_OP_KINDS; kind++) {
    const bnc_op_info *info = bnc_op_info_of(kind);
    assert_true(info->in[0] != BNC_ROLE_NONE);
    for (int i = 0; i < BNC_OP_INPUTS; i++) {
      assert_true(is_input(info->in[i]));
      if (i && info->in[i] != BNC_ROLE_NONE) assert_true(info->in[i - 1] != BNC_ROLE_NONE);
      if (info->in[i] == BNC_ROLE_INPLACE) assert_true(info->out[0] == BNC_ROLE_RESULT || info->out[0] == BNC_ROLE_SUM);
    }
    for (int i = 0; i < BNC_OP_OUTPUTS; i++) {
      assert_true(info->out[i] == BNC_ROLE_NONE || !is_input(info->out[i]));
      if (info->out[i] == BNC_ROLE_QD8_TWIN) assert_true(i > 0 && info->out[i - 1] == BNC_ROLE_F32);
    }
  }
}

static void macs_follow_the_rules(void **state) {
  const bnc_op_sizes s = {.rows = 3, .cols = 5, .depth = 7, .taps = {11, 13}};
  (void)state;
  assert_int_equal(bnc_op_macs(BNC_OP_LINEAR, &s), 3 * 5 * 7);
  assert_int_equal(bnc_op_macs(BNC_OP_ATTENTION, &s), 2 * 3 * 5 * 7);
  assert_int_equal(bnc_op_macs(BNC_OP_ATTENTION_I8, &s), 2 * 3 * 5 * 7);
  assert_int_equal(bnc_op_macs(BNC_OP_CACHE_ATTENTION, &s), 2 * 3 * 5 * 7);
  assert_int_equal(bnc_op_macs(BNC_OP_GATHER, &s), 11 * 5);
  assert_int_equal(bnc_op_macs(BNC_OP_RESAMPLE, &s), 11 * 13 * 5);
  assert_int_equal(bnc_op_macs(BNC_OP_GELU, &s), 0);
  assert_int_equal(bnc_op_macs(BNC_OP_KINDS, &s), 0);
}

static void attributes_lie_where_files_have_them(void **state) {
  bnc_op_attributes attr;
  const uint32_t words[4] = {1, 2, 3, 4};
  const float f = 0.5f;
  (void)state;
  memcpy(&attr, words, sizeof words);
  memcpy((uint8_t *)&attr + sizeof words, &f, sizeof f);
  assert_int_equal(attr.linear.from, 1);
  assert_int_equal(attr.linear.count, 2);
  assert_int_equal(attr.attention.heads, 1);
  assert_int_equal(attr.attention.kv_heads, 2);
  assert_int_equal(attr.attention.layer, 3);
  assert_true(attr.attention.scale == f && attr.norm.eps == f);
  assert_int_equal(attr.patches.patch, 1);
  assert_int_equal(attr.rope.heads, 1);
  assert_int_equal(attr.kv_append.layer, 1);
  assert_int_equal(attr.kv_append.kv_heads, 2);
}

/* By hand: 3 layers of 2 heads of 8, 17 rows in blocks of 16. */
static void caches_are_as_large_as_their_parts(void **state) {
  bnc_file_meta m = {.layers = 3, .kv_heads = 2, .head_dim = 8, .context = 100, .kv_dtype = BNC_KV_F16};
  (void)state;
  bnc_kv_layout l = bnc_kv_layout_of(&m, 17);
  assert_int_equal(l.capacity, 32);
  assert_int_equal(l.values, 32 * 2 * 8 * 2);
  assert_int_equal(l.scales, 0);
  assert_int_equal(l.total, 3 * 2 * (32 * 2 * 8 * 2));
  m.kv_dtype = BNC_KV_F32;
  assert_int_equal(bnc_kv_layout_of(&m, 17).total, 3 * 2 * (32 * 2 * 8 * 4));
  m.kv_dtype = BNC_KV_INT8;
  l = bnc_kv_layout_of(&m, 17);
  assert_int_equal(l.scales, 32 * 2 * 4);
  assert_int_equal(l.total, 3 * 2 * (32 * 2 * 8 + 32 * 2 * 4));
  static _Alignas(64) uint8_t block[3 * 2 * (32 * 2 * 8 + 32 * 2 * 4)];
  const bnc_kv_cache c = bnc_kv_layer(&m, &l, block, 2);
  assert_ptr_equal(c.k, block + 2 * l.layer);
  assert_ptr_equal(c.v, block + 2 * l.layer + l.values);
  assert_ptr_equal(c.v_scale, block + 3 * l.layer - l.scales);
  assert_int_equal(c.capacity, 32);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kinds_have_names_of_their_own),        cmocka_unit_test(numbers_are_those_of_the_format),
      cmocka_unit_test(roles_are_where_they_belong),          cmocka_unit_test(macs_follow_the_rules),
      cmocka_unit_test(attributes_lie_where_files_have_them), cmocka_unit_test(caches_are_as_large_as_their_parts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
