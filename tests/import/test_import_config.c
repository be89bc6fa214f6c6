/* SPDX-License-Identifier: Apache-2.0 */
/* config.json and its companions, from memory: defaults, each refusal and its words; the rotary frequencies. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "quant/import/config.h"
#include "tests/import/first_wins.h"
#include "tests/unit.h"

#define SIZES                                                                                                                              \
  "\"model_type\":\"llava_llama\",\"vocab_size\":100,\"hidden_size\":64,\"num_hidden_layers\":2,\"num_attention_heads\":4,\"intermediate_" \
  "size\":96"

/* The members win over those of SIZES. */
static bnc_status parse_with(bnc_import_config *config, const char *members, bnc_error *err) {
  char text[2048];
  const int n = snprintf(text, sizeof text, "{%s%s" SIZES "}", members, *members ? "," : "");
  assert_true(n > 0 && (size_t)n < sizeof text);
  char *merged = first_wins(text);
  if (!merged) fail_msg("%s is no JSON", text);
  const bnc_status s = bnc_import_config_parse(config, merged, strlen(merged), err);
  free(merged);
  return s;
}

static void test_defaults(void **state) {
  (void)state;
  bnc_import_config c;
  bnc_error err = {0};
  if (parse_with(&c, "", &err) != BNC_OK) fail_msg("%s", err.text);
  assert_int_equal(c.text.kv_heads, 4);
  assert_int_equal(c.text.head_dim, 16);
  assert_true(c.text.rms_eps == 1e-6f && c.text.rope_theta == 10000);
  assert_int_equal(c.text.max_positions, 2048);
  assert_int_equal(c.text.context, 2048);
  assert_true(c.text.bos == -1 && c.text.pad == -1 && c.text.eos_count == 0 && !c.text.attention_bias && !c.tie_given && !c.has_vision);
  assert_true(c.select_layer == -2 && !c.select_cls && c.projector_depth == 1 && c.tower.heads == 0);
  assert_int_equal(bnc_mem_live(), 0);
}

static void test_values(void **state) {
  (void)state;
  bnc_import_config c;
  bnc_error err = {0};
  assert_int_equal(
      parse_with(&c,
                 "\"eos_token_id\":[7,9,7],\"bos_token_id\":3,\"pad_token_id\":-1,\"max_position_embeddings\":4096,"
                 "\"tokenizer_model_max_length\":1000000000000000019884624838656,\"rope_scaling\":{\"type\":\"linear\",\"factor\":2},"
                 "\"mm_projector_type\":\"mlp3x_gelu\",\"mm_vision_tower\":\"a/b\",\"mm_vision_select_layer\":-1,"
                 "\"vision_config\":{\"hidden_act\":\"gelu\",\"num_attention_heads\":5},\"attention_bias\":true",
                 &err),
      BNC_OK);
  assert_true(c.text.eos_count == 2 && c.text.eos[1] == 9 && c.text.bos == 3 && c.text.pad == -1 && c.text.attention_bias);
  assert_int_equal(c.text.context, 4096);
  assert_true(c.text.rope.kind == BNC_ROPE_LINEAR && c.text.rope.factor == 2);
  assert_true(c.projector_depth == 3 && c.has_vision && c.select_layer == -1 && c.tower.heads == 5 &&
              c.tower.activation == BNC_VISION_GELU);
  assert_string_equal(c.tower_name, "a/b");
  const char *generation = "{\"eos_token_id\":[9,11]}";
  assert_int_equal(bnc_generation_config_parse(&c, generation, strlen(generation), &err), BNC_OK);
  assert_true(c.text.eos_count == 3 && c.text.eos[2] == 11);
  /* transformers 5 */
  assert_int_equal(parse_with(&c, "\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":500000.0},\"pad_token_id\":100", &err),
                   BNC_OK);
  assert_true(c.text.rope.kind == BNC_ROPE_PLAIN && c.text.rope_theta == 500000 && c.text.pad == -1);
}

static const struct {
  const char *members;
  bnc_status status;
  const char *words;
} refused[] = {
    {"\"model_type\":\"gemma\"", BNC_ERROR_UNSUPPORTED, "\"model_type\": found \"gemma\""},
    {"\"model_type\":null", BNC_ERROR_FORMAT, "\"model_type\": found null"},
    {"\"text_config\":{}", BNC_ERROR_UNSUPPORTED, "text_config"},
    {"\"quantization_config\":{}", BNC_ERROR_UNSUPPORTED, "quantization_config"},
    {"\"hidden_act\":\"relu\"", BNC_ERROR_UNSUPPORTED, "\"hidden_act\": found \"relu\""},
    {"\"mlp_bias\":true", BNC_ERROR_UNSUPPORTED, "mlp_bias"},
    {"\"hidden_size\":-64", BNC_ERROR_FORMAT, "\"hidden_size\": found -64"},
    {"\"hidden_size\":\"64\"", BNC_ERROR_FORMAT, "\"hidden_size\": found \"64\""},
    {"\"hidden_size\":64.5", BNC_ERROR_FORMAT, "\"hidden_size\": found 64.5"},
    {"\"hidden_size\":null", BNC_ERROR_FORMAT, "\"hidden_size\": found null"},
    {"\"hidden_size\":0", BNC_ERROR_FORMAT, "\"hidden_size\": found 0"},
    {"\"hidden_size\":18446744073709551615", BNC_ERROR_FORMAT, "found 18446744073709551615"},
    {"\"hidden_size\":66", BNC_ERROR_FORMAT, "\"hidden_size\": found 66, expected a multiple of \"num_attention_heads\" (4)"},
    {"\"hidden_size\":60", BNC_ERROR_FORMAT, "head size: found 15"},
    {"\"num_hidden_layers\":100000", BNC_ERROR_FORMAT, "\"num_hidden_layers\": found 100000"},
    {"\"num_key_value_heads\":3", BNC_ERROR_FORMAT, "multiple of \"num_key_value_heads\" (3)"},
    {"\"head_dim\":7", BNC_ERROR_FORMAT, "head size: found 7"},
    {"\"rms_norm_eps\":\"small\"", BNC_ERROR_FORMAT, "\"rms_norm_eps\""},
    {"\"rms_norm_eps\":null", BNC_ERROR_FORMAT, "\"rms_norm_eps\": found null"},
    {"\"rope_theta\":null", BNC_ERROR_FORMAT, "\"rope_theta\": found null"},
    {"\"max_position_embeddings\":null", BNC_ERROR_FORMAT, "\"max_position_embeddings\": found null"},
    {"\"vision_config\":{\"num_attention_heads\":null}", BNC_ERROR_FORMAT, "\"num_attention_heads\": found null"},
    {"\"rope_scaling\":{\"type\":\"linear\",\"factor\":2,\"type\":\"default\"}", BNC_ERROR_FORMAT, "\"type\": found twice"},
    {"\"x\":[[{\"a\":1,\"b\":2,\"a\":1}]]", BNC_ERROR_FORMAT, "\"a\": found twice"},
    {"\"x\":{\"\":1,\"\\u0000\":1,\"\":2}", BNC_ERROR_FORMAT, "\"\": found twice"},
    {"\"rms_norm_eps\":-1", BNC_ERROR_FORMAT, "\"rms_norm_eps\": found -1"},
    {"\"rope_theta\":0", BNC_ERROR_FORMAT, "\"rope_theta\": found 0"},
    {"\"partial_rotary_factor\":0.5", BNC_ERROR_UNSUPPORTED, "partial_rotary_factor"},
    {"\"rope_scaling\":4", BNC_ERROR_FORMAT, "rope_scaling: found 4"},
    {"\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2}", BNC_ERROR_UNSUPPORTED, "\"rope_scaling\": found the type \"dynamic\""},
    {"\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":2}", BNC_ERROR_UNSUPPORTED, "found the type \"yarn\""},
    {"\"rope_scaling\":{\"type\":\"linear\"}", BNC_ERROR_FORMAT, "\"factor\": found nothing"},
    {"\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_factor\":4,\"high_freq_factor\":4}", BNC_ERROR_FORMAT,
     "\"high_freq_factor\": found 4"},
    {"\"eos_token_id\":100", BNC_ERROR_FORMAT, "\"eos_token_id\": found 100"},
    {"\"eos_token_id\":[1,\"x\"]", BNC_ERROR_FORMAT, "\"eos_token_id\": found \"x\""},
    {"\"eos_token_id\":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", BNC_ERROR_LIMIT, "\"eos_token_id\": found more than"},
    {"\"bos_token_id\":100", BNC_ERROR_FORMAT, "\"bos_token_id\": found 100"},
    {"\"tokenizer_model_max_length\":0", BNC_ERROR_FORMAT, "\"tokenizer_model_max_length\": found 0"},
    {"\"tie_word_embeddings\":1", BNC_ERROR_FORMAT, "\"tie_word_embeddings\": found 1"},
    {"\"mm_projector_type\":\"resampler\"", BNC_ERROR_UNSUPPORTED, "\"mm_projector_type\": found \"resampler\""},
    {"\"mm_projector_type\":\"mlpx_gelu\"", BNC_ERROR_UNSUPPORTED, "found \"mlpx_gelu\""},
    {"\"mm_projector_type\":\"mlp0x_gelu\"", BNC_ERROR_UNSUPPORTED, "found \"mlp0x_gelu\""},
    {"\"mm_projector_type\":\"mlp99999999999999999999x_gelu\"", BNC_ERROR_UNSUPPORTED, "mm_projector_type"},
    {"\"mm_vision_select_feature\":\"all\"", BNC_ERROR_UNSUPPORTED, "\"mm_vision_select_feature\": found \"all\""},
    {"\"mm_vision_select_layer\":[-2,-5]", BNC_ERROR_FORMAT, "\"mm_vision_select_layer\": found a list"},
    {"\"image_aspect_ratio\":\"anyres\"", BNC_ERROR_UNSUPPORTED, "\"image_aspect_ratio\": found \"anyres\", expected \"pad\""},
    {"\"mm_patch_merge_type\":\"spatial_unpad\"", BNC_ERROR_UNSUPPORTED, "mm_patch_merge_type"},
    {"\"mm_resampler_type\":\"perceiver\"", BNC_ERROR_UNSUPPORTED, "mm_resampler_type"},
    {"\"mm_use_im_start_end\":true", BNC_ERROR_UNSUPPORTED, "mm_use_im_start_end"},
    {"\"mm_tiles_per_side\":17", BNC_ERROR_FORMAT, "\"mm_tiles_per_side\": found 17"},
    {"\"mm_vision_tower\":\"a\\u0000b\"", BNC_ERROR_FORMAT, "NUL"},
    {"\"vision_config\":{\"hidden_act\":\"relu\"}", BNC_ERROR_UNSUPPORTED, "\"vision_config\": \"hidden_act\": found \"relu\""},
    {"\"vision_config\":{\"num_channels\":1}", BNC_ERROR_UNSUPPORTED, "num_channels"},
};

static void test_refusals(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    bnc_import_config c;
    bnc_error err = {0};
    const bnc_status s = parse_with(&c, refused[i].members, &err);
    if (s != refused[i].status || !strstr(err.text, refused[i].words)) fail_msg("%s: %d \"%s\"", refused[i].members, s, err.text);
  }
  assert_int_equal(bnc_mem_live(), 0);
}

static void test_not_a_config(void **state) {
  static const char *const texts[] = {"", "{", "null", "[]", "{}", "{\"model_type\":\"llama\"}", "\xff\xfe{}", "{\"a\":NaN}", "{} {}"};
  (void)state;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    bnc_import_config c;
    bnc_tower_config tower;
    bnc_error err = {0};
    assert_int_equal(bnc_import_config_parse(&c, texts[i], strlen(texts[i]), &err), BNC_ERROR_FORMAT);
    assert_true(strlen(err.text) > 10);
    bnc_tower_config_default(&tower);
    if (texts[i][0] != '{') assert_int_equal(bnc_tower_config_parse(&tower, texts[i], strlen(texts[i]), &err), BNC_ERROR_FORMAT);
  }
  bnc_tower_config tower;
  bnc_tower_config_default(&tower);
  const char *siglip = "{\"model_type\":\"siglip\"}", *mean = "{\"image_mean\":[1,2,3]}", *std = "{\"image_std\":[0.5,0.5,0]}",
             *two = "{\"image_std\":[1,1]}";
  assert_int_equal(bnc_tower_config_parse(&tower, siglip, strlen(siglip), NULL), BNC_ERROR_UNSUPPORTED);
  assert_int_equal(bnc_preprocessor_config_parse(&tower, mean, strlen(mean), NULL), BNC_ERROR_FORMAT);
  assert_int_equal(bnc_preprocessor_config_parse(&tower, std, strlen(std), NULL), BNC_ERROR_FORMAT);
  assert_int_equal(bnc_preprocessor_config_parse(&tower, two, strlen(two), NULL), BNC_ERROR_FORMAT);
}

static void check_frequencies(const char *members, const float want[8]) {
  bnc_import_config c;
  bnc_error err = {0};
  float found[8];
  if (parse_with(&c, members, &err) != BNC_OK) fail_msg("%s", err.text);
  assert_int_equal(c.text.head_dim, 16);
  bnc_geometry_rope_frequencies(&c.text, found);
  for (size_t i = 0; i < 8; i++)
    if (fabsf(found[i] - want[i]) > 1.2e-7f * want[i])
      fail_msg("%s: frequency %zu is %.9g, expected %.9g", members, i, (double)found[i], (double)want[i]);
}

/* Expected: numpy, float32, as transformers' modeling_rope_utils computes them. */
static void test_rope_frequencies(void **state) {
  (void)state;
  check_frequencies("\"rope_theta\":500000", (float[]){1, 0.193922758f, 0.0376060307f, 0.00729266508f, 0.00141421345f, 0.000274248188f,
                                                       5.31829573e-05f, 1.03133852e-05f});
  check_frequencies(
      "\"rope_theta\":500000,\"rope_scaling\":{\"type\":\"linear\",\"factor\":4}",
      (float[]){0.25f, 0.0484806895f, 0.00940150768f, 0.00182316627f, 0.000353553362f, 6.8562047e-05f, 1.32957393e-05f, 2.5783463e-06f});
  check_frequencies(
      "\"rope_theta\":500000,\"max_position_embeddings\":131072,\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8,\"low_freq_"
      "factor\":1,"
      "\"high_freq_factor\":4,\"original_max_position_embeddings\":8192}",
      (float[]){1, 0.193922758f, 0.0376060307f, 0.00729266508f, 0.000524846022f, 3.42810235e-05f, 6.64786967e-06f, 1.28917316e-06f});
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_defaults),     cmocka_unit_test(test_values),           cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_not_a_config), cmocka_unit_test(test_rope_frequencies),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
