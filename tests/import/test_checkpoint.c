/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of every kind that is understood: geometry, names, and each value read back. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "quant/import/checkpoint.h"
#include "quant/import/tensor_layout.h"
#include "tests/import/make_checkpoint.h"
#include "tests/unit.h"

static bnc_checkpoint *open_good(const char *dir, const char *tower) {
  bnc_checkpoint *c;
  bnc_error err = {0};
  if (bnc_checkpoint_open(&c, dir, tower, &err) != BNC_OK) fail_msg("%s", err.text);
  return c;
}

typedef struct comparison {
  const make_spec *spec;
  const bnc_checkpoint *checkpoint;
  size_t tensors;
} comparison;

static bnc_status compare_tensor(void *context, const char *name, size_t rank, const size_t *shape, bnc_error *err) {
  comparison *k = context;
  const bnc_source_tensor *t = bnc_checkpoint_find(k->checkpoint, name);
  assert_non_null(t);
  assert_string_equal(t->name, name);
  assert_int_equal(t->rank, rank);
  assert_memory_equal(t->shape, shape, rank * sizeof *shape);
  float *x = malloc(t->elements * sizeof *x);
  assert_non_null(x);
  /* In two pieces, cut at an odd place. */
  const size_t cut = t->elements / 3;
  assert_int_equal(bnc_checkpoint_read_f32(t, 0, cut, x, err), BNC_OK);
  assert_int_equal(bnc_checkpoint_read_f32(t, cut, t->elements - cut, x + cut, err), BNC_OK);
  for (size_t i = 0; i < t->elements; i++)
    if (x[i] != make_rounded(k->spec->dtype, make_value(k->spec, name, rank, shape, i))) fail_msg("%s [%zu]: %g", name, i, (double)x[i]);
  assert_int_equal(bnc_checkpoint_read_f32(t, 1, t->elements, x, err), BNC_ERROR_ARGUMENT);
  free(x);
  k->tensors++;
  return BNC_OK;
}

static void check_geometry(const bnc_geometry *g, const bnc_geometry *want) {
  const bnc_text_geometry *t = &g->text, *u = &want->text;
  const size_t text[] = {t->vocab,    t->hidden, t->layers,        t->heads,   t->kv_heads,
                         t->head_dim, t->ffn,    t->max_positions, t->context, t->eos_count};
  const size_t text_want[] = {u->vocab,    u->hidden, u->layers,        u->heads,   u->kv_heads,
                              u->head_dim, u->ffn,    u->max_positions, u->context, u->eos_count};
  assert_memory_equal(text, text_want, sizeof text);
  assert_true(t->rms_eps == u->rms_eps && t->rope_theta == u->rope_theta);
  assert_true(t->bos == u->bos && t->pad == u->pad && t->eos[0] == u->eos[0]);
  assert_true(t->tie_word_embeddings == u->tie_word_embeddings && t->attention_bias == u->attention_bias &&
              t->output_bias == u->output_bias);
  assert_int_equal(g->has_vision, want->has_vision);
  if (!want->has_vision) return;
  const bnc_vision_geometry *v = &g->vision, *w = &want->vision;
  const size_t vision[] = {v->width, v->layers, v->layers_used, v->heads,          v->mlp, v->patch, v->grid,
                           v->tile,  v->views,  v->input_side,  v->projector_depth};
  const size_t vision_want[] = {w->width, w->layers, w->layers_used, w->heads,          w->mlp, w->patch, w->grid,
                                w->tile,  w->views,  w->input_side,  w->projector_depth};
  assert_memory_equal(vision, vision_want, sizeof vision);
  assert_true(v->ln_eps == w->ln_eps && v->activation == w->activation && v->has_dem == w->has_dem && v->select_cls == w->select_cls);
  if (w->has_dem) assert_true(v->dem_heads == 8 && v->dem_mid == w->dem_mid && v->dem_out == w->dem_out);
  assert_true(v->pad_colour[0] == 122 && v->pad_colour[1] == 116 && v->pad_colour[2] == 104);
}

static void check(const char *dir, const make_spec *spec) {
  bnc_error err;
  char tower[128] = "";
  const size_t live = bnc_mem_live();
  if (spec->tower_apart) snprintf(tower, sizeof tower, "%s_tower", dir);
  assert_int_equal(make_checkpoint(dir, spec), 0);
  if (spec->tower_apart) assert_int_equal(make_tower(tower, spec), 0);
  comparison k = {spec, open_good(dir, *tower ? tower : NULL), 0};
  check_geometry(bnc_checkpoint_geometry(k.checkpoint), &spec->geometry);
  assert_int_equal(bnc_tensor_layout(&spec->geometry, compare_tensor, &k, &err), BNC_OK);
  assert_int_equal(k.tensors, bnc_checkpoint_tensor_count(k.checkpoint));
  bnc_checkpoint *c = NULL;
  memcpy(&c, &k.checkpoint, sizeof c);
  bnc_checkpoint_close(c);
  assert_int_equal(bnc_mem_live(), live);
}

static void test_dtypes_and_sharding(void **state) {
  (void)state;
  make_spec s = make_spec_small();
  check("bf16", &s);
  s.dtype = BNC_SOURCE_F16;
  s.shards = 3;
  check("f16", &s);
  s.dtype = BNC_SOURCE_F32;
  s.shards = 1;
  check("f32", &s);
}

static void test_tower_apart(void **state) {
  (void)state;
  make_spec s = make_spec_small();
  s.tower_apart = true;
  s.geometry.vision.heads = 4; /* not what width / 64 would say */
  s.geometry.vision.activation = BNC_VISION_GELU;
  s.geometry.vision.ln_eps = 1e-6f;
  check("apart", &s);
  /* A tower in the checkpoint gives way to the one that is named. */
  s.tower_apart = false;
  s.seed = 2;
  assert_int_equal(make_checkpoint("apart", &s), 0);
  bnc_checkpoint *c = open_good("apart", "apart_tower");
  const bnc_source_tensor *t = bnc_checkpoint_find(c, "vision_model.pre_layrnorm.weight");
  float x;
  assert_int_equal(bnc_checkpoint_read_f32(t, 5, 1, &x, NULL), BNC_OK);
  s.seed = 1;
  assert_true(x == make_rounded(s.dtype, make_value(&s, t->name, 1, t->shape, 5)));
  bnc_checkpoint_close(c);
}

static void test_geometries(void **state) {
  (void)state;
  make_spec s = make_spec_small();
  bnc_vision_geometry *v = &s.geometry.vision;
  v->views = 2;
  v->input_side = 56;
  v->layers_used = 3;
  s.geometry.text.vocab = 1025;
  s.geometry.text.kv_heads = 1;
  s.geometry.text.head_dim = 24; /* head_dim * heads != hidden */
  check("two_views", &s);
  s = make_spec_small();
  s.geometry.text.attention_bias = s.geometry.text.output_bias = s.geometry.text.tie_word_embeddings = true;
  *v = (bnc_vision_geometry){.width = 48,
                             .layers = 2,
                             .layers_used = 0,
                             .heads = 3,
                             .mlp = 40,
                             .patch = 5,
                             .grid = 5,
                             .tile = 25,
                             .views = 1,
                             .input_side = 25,
                             .ln_eps = 1e-5f,
                             .projector_depth = 1,
                             .select_cls = true};
  check("plain_llava", &s);
  s.linear_projector = true;
  check("linear_projector", &s);
  s.geometry.text.hidden = 48;
  s.linear_projector = false;
  v->projector_depth = 0;
  check("identity_projector", &s);
  s.geometry.has_vision = false;
  s.shards = 2;
  check("text_only", &s);
}

static bool drop_head(void *context, make_tensor *t) {
  (void)context;
  return strcmp(t->name, "lm_head.weight") != 0;
}

static void test_tied_where_silent(void **state) {
  (void)state;
  make_spec s = make_spec_small();
  s.edit = drop_head;
  s.config_members = "\"tie_word_embeddings\":null,";
  assert_int_equal(make_checkpoint("silent", &s), 0);
  bnc_checkpoint *c = open_good("silent", NULL);
  assert_true(bnc_checkpoint_geometry(c)->text.tie_word_embeddings);
  assert_null(bnc_checkpoint_find(c, "lm_head.weight"));
  bnc_checkpoint_close(c);
  s.edit = NULL;
  assert_int_equal(make_checkpoint("silent", &s), 0);
  c = open_good("silent", NULL);
  assert_false(bnc_checkpoint_geometry(c)->text.tie_word_embeddings);
  bnc_checkpoint_close(c);
}

/* Unused tensors of other dtypes in a second file, found without an index; and the settings that lie in other files. */
static void test_loose_files(void **state) {
  (void)state;
  make_spec s = make_spec_small();
  assert_int_equal(make_checkpoint("loose", &s), 0);
  assert_int_equal(rename("loose/model.safetensors", "loose/weights-a.safetensors"), 0);
  const char header[] =
      "{\"model.layers.0.self_attn.rotary_emb.inv_freq\":{\"dtype\":\"F32\",\"shape\":[8],\"data_offsets\":[0,32]},"
      "\"model.vision_tower.vision_tower.vision_model.post_layernorm.bias\":{\"dtype\":\"F64\",\"shape\":[],\"data_offsets\":[96,104]},"
      "\"model.vision_tower.vision_tower.vision_model.embeddings.position_ids\":{\"dtype\":\"I64\",\"shape\":[1,8],\"data_offsets\":[32,96]"
      "}}";
  assert_int_equal(make_raw_safetensors("loose/weights-b.safetensors", sizeof header - 1, header, 104), 0);
  const char generation[] = "{\"eos_token_id\": [91, 92, 93]}",
             preprocessor[] = "{\"image_mean\": [0.5, 0.5, 0], \"image_std\": [0.5, 0.25, 1]}";
  assert_int_equal(make_file("loose/generation_config.json", generation, sizeof generation - 1), 0);
  assert_int_equal(make_file("loose/preprocessor_config.json", preprocessor, sizeof preprocessor - 1), 0);
  bnc_checkpoint *c = open_good("loose", NULL);
  const bnc_geometry *g = bnc_checkpoint_geometry(c);
  assert_int_equal(g->text.eos_count, 3);
  assert_int_equal(g->text.eos[2], 93);
  assert_true(g->vision.mean[1] == 0.5f && g->vision.std[1] == 0.25f && g->vision.pad_colour[0] == 127 && g->vision.pad_colour[2] == 0);
  assert_null(bnc_checkpoint_find(c, "vision_model.post_layernorm.bias"));
  bnc_checkpoint_close(c);
}

static bnc_status find_in_list(void *context, const char *name, size_t rank, const size_t *shape, bnc_error *err) {
  char line[256];
  int n = snprintf(line, sizeof line, "\n%s%s", strncmp(name, "vision_model.", 13) == 0 ? "model.vision_tower.vision_tower." : "", name);
  for (size_t i = 0; i < rank; i++) n += snprintf(line + n, sizeof line - (size_t)n, " %zu", shape[i]);
  snprintf(line + n, sizeof line - (size_t)n, "\n");
  (void)err;
  if (!strstr(*(const char **)context, line)) fail_msg("the released layout lacks%s", line);
  return BNC_OK;
}

static bnc_status count_tensor(void *context, const char *name, size_t rank, const size_t *shape, bnc_error *err) {
  (void)name, (void)rank, (void)shape, (void)err;
  ++*(size_t *)context;
  return BNC_OK;
}

/* The maker of checkpoints and their reader share one table of tensors; this list comes from the authors' code instead. */
static void test_released_layout(void **state) {
  (void)state;
  bnc_error err = {0};
  char *list = NULL, *text;
  size_t size, lines = 0, visited = 0;
  assert_int_equal(bnc_file_read(BINOCLE_TEST_DATA "/import/reference_w128_tensors.txt", 1 << 20, &list, &size, &err), BNC_OK);
  text = malloc(size + 2);
  assert_non_null(text);
  snprintf(text, size + 2, "\n%s", list);
  bnc_mem_free(list);
  for (const char *p = text + 1; *p; p++) lines += *p == '\n';
  bnc_geometry g = make_spec_small().geometry;
  g.text.vocab = 769;
  g.text.hidden = 256;
  g.text.layers = 4;
  g.text.heads = 8;
  g.text.kv_heads = 2;
  g.text.head_dim = 32;
  g.text.ffn = 688;
  g.vision.width = 128;
  g.vision.layers = 3;
  g.vision.mlp = 512;
  g.vision.patch = 14;
  g.vision.grid = 24;
  g.vision.dem_mid = 8;
  g.vision.dem_out = 64;
  assert_int_equal(bnc_tensor_layout(&g, find_in_list, &text, &err), BNC_OK);
  assert_int_equal(bnc_tensor_layout(&g, count_tensor, &visited, &err), BNC_OK);
  assert_int_equal(lines, visited + 2); /* post_layernorm */
  free(text);
}

/* Every allocation fails once: each time an error, never a leak. */
static void test_allocation_failures(void **state) {
  (void)state;
  make_spec s = make_spec_small();
  s.tower_apart = true;
  s.shards = 2;
  assert_int_equal(make_checkpoint("failing", &s), 0);
  assert_int_equal(make_tower("failing_tower", &s), 0);
  const size_t live = bnc_mem_live();
  bnc_status status = BNC_ERROR_MEMORY;
  long long after = 0;
  for (; status != BNC_OK && after < 10000; after++) {
    bnc_checkpoint *c;
    bnc_error err;
    bnc_mem_fail_after(after);
    status = bnc_checkpoint_open(&c, "failing", "failing_tower", &err);
    bnc_mem_fail_after(-1);
    if (status != BNC_OK) assert_int_equal(status, BNC_ERROR_MEMORY);
    bnc_checkpoint_close(c);
    assert_int_equal(bnc_mem_live(), live);
  }
  assert_int_equal(status, BNC_OK);
  assert_true(after > 20);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_dtypes_and_sharding), cmocka_unit_test(test_tower_apart), cmocka_unit_test(test_geometries),
      cmocka_unit_test(test_tied_where_silent),   cmocka_unit_test(test_loose_files), cmocka_unit_test(test_allocation_failures),
      cmocka_unit_test(test_released_layout),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
