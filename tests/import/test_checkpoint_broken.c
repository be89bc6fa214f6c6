/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints that are broken in each way: the error names what and where, and nothing leaks. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "quant/import/checkpoint.h"
#include "tests/import/make_checkpoint.h"
#include "tests/unit.h"

#define DIR "broken"
#define SHARD1 DIR "/model-00001-of-00002.safetensors"
#define SHARD2 DIR "/model-00002-of-00002.safetensors"
#define INDEX DIR "/model.safetensors.index.json"
#define CLIP "model.vision_tower.vision_tower.vision_model."

static void expect_failure(const char *tower, bnc_status status, const char *const words[3]) {
  bnc_checkpoint *c;
  bnc_error err = {0};
  const size_t live = bnc_mem_live();
  const bnc_status s = bnc_checkpoint_open(&c, DIR, tower, &err);
  if (s != status) fail_msg("status %d (%s), expected %d", s, err.text, status);
  for (size_t i = 0; i < 3 && words[i]; i++)
    if (!strstr(err.text, words[i])) fail_msg("\"%s\" lacks \"%s\"", err.text, words[i]);
  assert_null(c);
  assert_int_equal(bnc_mem_live(), live);
}

typedef struct change {
  const char *name;     /* of the tensor */
  const char *new_name; /* NULL: as it was; "": left out */
  const char *dtype;    /* NULL: as it was */
  int grow;             /* rows added */
} change;

static bool apply(void *context, make_tensor *t) {
  const change *c = context;
  if (strcmp(t->name, c->name) != 0) return true;
  if (c->new_name) snprintf(t->name, sizeof t->name, "%s", c->new_name);
  if (c->dtype) snprintf(t->dtype, sizeof t->dtype, "%s", c->dtype);
  if (c->grow) {
    const size_t row = t->bytes / t->shape[0];
    t->shape[0] = (size_t)((int)t->shape[0] + c->grow);
    t->bytes = row * t->shape[0];
    t->data = realloc(t->data, t->bytes);
    if (c->grow > 0) memset(t->data + t->bytes - row * (size_t)c->grow, 0, row * (size_t)c->grow);
  }
  return t->name[0] != 0;
}

static void test_tensors(void **state) {
  static const struct {
    change change;
    const char *words[3];
  } cases[] = {
      {{"model.layers.1.mlp.up_proj.weight", "", NULL, 0}, {DIR ": missing tensor \"model.layers.1.mlp.up_proj.weight\"", "[96, 64]"}},
      {{"lm_head.weight", "", NULL, 0}, {"missing tensor \"lm_head.weight\""}},
      {{"model.norm.weight", "model.norm.weights", NULL, 0}, {"missing tensor \"model.norm.weight\""}},
      {{"model.layers.0.self_attn.k_proj.weight", NULL, NULL, 1},
       {"model.safetensors: \"model.layers.0.self_attn.k_proj.weight\"", "found shape [33, 64]", "expected [32, 64]"}},
      {{"model.layers.1.input_layernorm.weight", NULL, NULL, -1}, {"found shape [63], expected [64]"}},
      {{"model.norm.weight", NULL, "I16", 0}, {"\"model.norm.weight\": found dtype I16, expected BF16, F16 or F32"}},
      {{"model.embed_tokens.weight", NULL, NULL, 1}, {"config.json: \"vocab_size\": found 97, expected 98"}},
      {{"model.mm_projector.2.bias", "", NULL, 0}, {"missing tensor \"model.mm_projector.2.bias\"", "[64]"}},
      {{"model.spatial_embed.ffn_crop.0.weight", "", NULL, 0}, {"missing tensor \"model.spatial_embed.ffn_crop.0.weight\""}},
      {{"model.spatial_embed.ffn_crop.2.weight", NULL, NULL, 2},
       {"ffn_crop.2.weight\": found 34 rows, expected half the vision width (64)"}},
      {{"model.spatial_embed.ffn_stride.2.weight", NULL, NULL, 2}, {"ffn_stride.2.weight\": found shape [34, 4], expected [32, 4]"}},
      {{"model.spatial_embed.attention.ln.bias", "model.spatial_embed.attention.ln.beta", NULL, 0},
       {"missing tensor \"model.spatial_embed.attention.ln.bias\""}},
      {{CLIP "embeddings.position_embedding.weight", NULL, NULL, 1}, {"position_embedding.weight\": found 18 rows, expected a square"}},
      {{CLIP "embeddings.patch_embedding.weight", "", NULL, 0}, {"missing tensor \"vision_model.embeddings.patch_embedding.weight\""}},
      {{CLIP "encoder.layers.1.mlp.fc1.bias", "", NULL, 0}, {"missing tensor \"vision_model.encoder.layers.1.mlp.fc1.bias\""}},
      {{CLIP "encoder.layers.0.mlp.fc1.weight", NULL, NULL, 3}, {"fc1.bias", "found shape [128], expected [131]"}},
      {{CLIP "pre_layrnorm.bias", CLIP "encoder.layers.999999999999999999999.x", NULL, 0}, {"missing tensor"}},
      {{CLIP "pre_layrnorm.bias", "vision_model.pre_layrnorm.bias", NULL, 0}, {"missing tensor \"vision_model.pre_layrnorm.bias\""}},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    make_spec s = make_spec_small();
    change c = cases[i].change;
    s.edit = apply;
    s.context = &c;
    assert_int_equal(make_checkpoint(DIR, &s), 0);
    expect_failure(NULL, cases[i].change.dtype ? BNC_ERROR_UNSUPPORTED : BNC_ERROR_FORMAT, cases[i].words);
  }
}

static void test_configs_against_tensors(void **state) {
  static const struct {
    const char *members;
    const char *words[3];
  } cases[] = {
      {"\"num_hidden_layers\":1,", {"unknown tensor \"model.layers.1.input_layernorm.weight\" of shape [64]"}},
      {"\"num_hidden_layers\":3,", {"missing tensor \"model.layers.2."}},
      {"\"intermediate_size\":97,", {"\"model.layers.0.mlp.gate_proj.weight\"", "found shape [96, 64], expected [97, 64]"}},
      {"\"num_key_value_heads\":4,", {"k_proj.weight\": found shape [32, 64], expected [64, 64]"}},
      {"\"attention_bias\":true,", {"missing tensor \"model.layers.0.self_attn.q_proj.bias\""}},
      {"\"mm_projector_type\":\"mlp3x_gelu\",", {"missing tensor \"model.mm_projector.4.weight\""}},
      {"\"mm_projector_type\":\"linear\",", {"unknown tensor \"model.mm_projector.2."}},
      {"\"mm_hidden_size\":32,", {"\"mm_hidden_size\" is 32, but", "64"}},
      {"\"mm_vision_select_layer\":-5,", {"\"mm_vision_select_layer\": found -5, expected -4 to 3", "3 layers"}},
      {"\"mm_vision_select_layer\":4,", {"\"mm_vision_select_layer\": found 4"}},
      {"\"mm_vision_select_feature\":\"cls_patch\",", {"cls_patch", "spatial_embed"}},
      {"\"vision_config\":{\"num_attention_heads\":3},", {"found 64, expected a multiple of \"num_attention_heads\" (3)"}},
      {"\"vision_config\":{\"num_hidden_layers\":24},", {"\"num_hidden_layers\" is 24", "3"}},
      {"\"vision_config\":{\"image_size\":336},", {"\"image_size\" is 336", "28"}},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    make_spec s = make_spec_small();
    s.config_members = cases[i].members;
    assert_int_equal(make_checkpoint(DIR, &s), 0);
    expect_failure(NULL, strstr(cases[i].members, "cls_patch") ? BNC_ERROR_UNSUPPORTED : BNC_ERROR_FORMAT, cases[i].words);
  }
}

static void make_sharded(void) {
  make_spec s = make_spec_small();
  s.shards = 2;
  remove(DIR "/model.safetensors");
  assert_int_equal(make_checkpoint(DIR, &s), 0);
}

static void expect_index_failure(const char *index, bnc_status status, const char *const words[3]) {
  make_sharded();
  assert_int_equal(make_file(INDEX, index, strlen(index)), 0);
  expect_failure(NULL, status, words);
}

#define WORDS(...) ((const char *const[3]){__VA_ARGS__})

static void test_shards(void **state) {
  (void)state;
  struct stat st;
  make_sharded();
  assert_int_equal(stat(SHARD2, &st), 0);
  assert_int_equal(truncate(SHARD2, st.st_size - 1), 0);
  expect_failure(NULL, BNC_ERROR_FORMAT, WORDS(SHARD2, "truncated"));
  assert_int_equal(truncate(SHARD2, 100), 0);
  expect_failure(NULL, BNC_ERROR_FORMAT, WORDS(SHARD2, "header length", "truncated"));
  assert_int_equal(truncate(SHARD2, 0), 0);
  expect_failure(NULL, BNC_ERROR_FORMAT, WORDS(SHARD2, "found 0 bytes"));
  make_sharded();
  assert_int_equal(make_raw_safetensors(SHARD1, 2, "{}", 0), 0);
  expect_failure(NULL, BNC_ERROR_FORMAT, WORDS(SHARD1, "is missing, though model.safetensors.index.json says"));
  make_sharded();
  remove(SHARD1);
  expect_failure(NULL, BNC_ERROR_IO, WORDS(INDEX " names a shard that cannot be opened", SHARD1));
  expect_index_failure("{\"weight_map\":{\"a\":\"../model-00001-of-00002.safetensors\"}}", BNC_ERROR_FORMAT,
                       WORDS(INDEX, "out of the folder"));
  expect_index_failure("{\"weight_map\":{\"a\":\"model.safetensors.index.json\"}}", BNC_ERROR_FORMAT, WORDS(INDEX, "ends in .safetensors"));
  expect_index_failure("{", BNC_ERROR_FORMAT, WORDS(INDEX, "not valid JSON"));
  /* A link in a circle, and a folder where a shard should be. */
  make_sharded();
  remove(SHARD1);
  assert_int_equal(symlink("model-00001-of-00002.safetensors", SHARD1), 0);
  expect_failure(NULL, BNC_ERROR_IO, WORDS(SHARD1));
  remove(SHARD1);
  assert_int_equal(mkdir(SHARD1, 0777), 0);
  expect_failure(NULL, BNC_ERROR_IO, WORDS(SHARD1, "a directory"));
  rmdir(SHARD1);
  /* Without the index both files are read: a tensor in both is one too many. */
  make_sharded();
  remove(INDEX);
  remove(SHARD2);
  assert_int_equal(link(SHARD1, SHARD2), 0);
  expect_failure(NULL, BNC_ERROR_FORMAT, WORDS("found twice", SHARD1, SHARD2));
  remove(SHARD1);
  remove(SHARD2);
  expect_failure(NULL, BNC_ERROR_FORMAT, WORDS("found no weights"));
  assert_int_equal(make_file(DIR "/pytorch_model.bin", "", 0), 0);
  expect_failure(NULL, BNC_ERROR_FORMAT, WORDS("found no weights", "safetensors first"));
  remove(DIR "/pytorch_model.bin");
}

static void test_folders(void **state) {
  (void)state;
  make_spec s = make_spec_small();
  assert_int_equal(make_checkpoint(DIR, &s), 0);
  expect_failure("nowhere", BNC_ERROR_IO, WORDS("nowhere"));
  assert_int_equal(make_file(DIR "/generation_config.json", "[]", 2), 0);
  expect_failure(NULL, BNC_ERROR_FORMAT, WORDS("generation_config.json"));
  remove(DIR "/generation_config.json");
  assert_int_equal(make_file(DIR "/config.json", "", 0), 0);
  expect_failure(NULL, BNC_ERROR_FORMAT, WORDS(DIR "/config.json: found nothing"));
  remove(DIR "/config.json");
  expect_failure(NULL, BNC_ERROR_IO, WORDS(DIR "/config.json"));
  s.tower_apart = true;
  assert_int_equal(make_checkpoint(DIR, &s), 0);
  expect_failure(NULL, BNC_ERROR_FORMAT, WORDS("holds no vision tower", "--vision-tower DIR", "\"test/tower\""));
  expect_failure(DIR, BNC_ERROR_UNSUPPORTED, WORDS(DIR "/config.json", "\"model_type\": found \"llava_llama\""));
  s.geometry.has_vision = false;
  assert_int_equal(make_tower("broken_tower", &(make_spec){.geometry = make_spec_small().geometry, .dtype = BNC_SOURCE_F32, .seed = 1}), 0);
  assert_int_equal(make_checkpoint(DIR, &s), 0);
  expect_failure("broken_tower", BNC_ERROR_ARGUMENT, WORDS("no use for the vision tower"));
}

static void test_values(void **state) {
  static const struct {
    const uint32_t bits;
    const bnc_source_dtype dtype;
    const char *words;
  } cases[] = {{0x7fc00000, BNC_SOURCE_F32, "NaN"},   {0xff800000, BNC_SOURCE_F32, "infinite"}, {0x7fc1, BNC_SOURCE_BF16, "NaN"},
               {0xff80, BNC_SOURCE_BF16, "infinite"}, {0x7c00, BNC_SOURCE_F16, "infinite"},     {0xfe01, BNC_SOURCE_F16, "NaN"}};
  static float values[64];
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    make_spec s = make_spec_small();
    bnc_checkpoint *c;
    bnc_error err = {0};
    s.dtype = cases[i].dtype;
    assert_int_equal(make_checkpoint(DIR, &s), 0);
    assert_int_equal(bnc_checkpoint_open(&c, DIR, NULL, &err), BNC_OK);
    bnc_checkpoint_close(c);
    /* mm_projector.2.bias is written last; its last but two element. */
    FILE *f = fopen(DIR "/model.safetensors", "rb+");
    const size_t size = bnc_source_dtype_size(s.dtype);
    assert_non_null(f);
    fseek(f, -(long)(3 * size), SEEK_END);
    fwrite(&cases[i].bits, size, 1, f);
    fclose(f);
    assert_int_equal(bnc_checkpoint_open(&c, DIR, NULL, &err), BNC_OK);
    const bnc_source_tensor *t = bnc_checkpoint_find(c, "model.mm_projector.2.bias");
    assert_int_equal(bnc_checkpoint_read_f32(t, 0, 61, values, &err), BNC_OK);
    assert_int_equal(bnc_checkpoint_read_f32(t, 60, 4, values, &err), BNC_ERROR_FORMAT);
    if (!strstr(err.text, cases[i].words) || !strstr(err.text, "\"model.mm_projector.2.bias\": element 61")) fail_msg("%s", err.text);
    bnc_checkpoint_close(c);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_tensors), cmocka_unit_test(test_configs_against_tensors),
      cmocka_unit_test(test_folders), cmocka_unit_test(test_values),
      cmocka_unit_test(test_shards),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
