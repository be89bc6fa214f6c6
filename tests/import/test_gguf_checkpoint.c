/* SPDX-License-Identifier: Apache-2.0 */
/* GGUF files as checkpoints: the same geometry and the same values as the folders of safetensors that they stand for. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quant/import/checkpoint.h"
#include "quant/import/tensor_layout.h"
#include "tests/import/make_gguf.h"
#include "tests/unit.h"

#define TEXT "text.gguf"
#define VISION "vision.gguf"

typedef struct comparison {
  bnc_checkpoint *checkpoint;
  const make_spec *spec;
  size_t tensors;
} comparison;

static bnc_status check_tensor(void *context, const char *name, size_t rank, const size_t *shape, bnc_error *err) {
  comparison *k = context;
  const bnc_source_tensor *t = bnc_checkpoint_find(k->checkpoint, name);
  if (!t) fail_msg("%s is missing", name);
  assert_int_equal(t->rank, rank);
  float *x = malloc(t->elements * sizeof *x);
  assert_non_null(x);
  const size_t cut = t->elements / 3; /* in the middle of a row */
  assert_int_equal(bnc_checkpoint_read_f32(t, 0, cut, x, err), BNC_OK);
  assert_int_equal(bnc_checkpoint_read_f32(t, cut, t->elements - cut, x + cut, err), BNC_OK);
  for (size_t i = 0; i < t->elements; i++)
    if (x[i] != make_rounded(k->spec->dtype, make_value(k->spec, name, rank, shape, i))) fail_msg("%s [%zu]: %g", name, i, (double)x[i]);
  free(x);
  k->tensors++;
  return BNC_OK;
}

static make_spec small(void) {
  make_spec s = make_spec_small();
  s.geometry.vision = (bnc_vision_geometry){.width = 48,
                                            .layers = 2,
                                            .layers_used = 2,
                                            .heads = 3,
                                            .mlp = 80,
                                            .patch = 5,
                                            .grid = 5,
                                            .tile = 25,
                                            .views = 1,
                                            .input_side = 25,
                                            .ln_eps = 1e-6f,
                                            .activation = BNC_VISION_GELU,
                                            .mean = {0.25f, 0.5f, 0.75f},
                                            .std = {0.5f, 0.25f, 1},
                                            .projector_depth = 2};
  s.geometry.text.context = s.geometry.text.max_positions; /* GGUF knows one limit */
  return s;
}

static void check_text(const bnc_text_geometry *t, const bnc_text_geometry *u) {
  const size_t found[] = {t->vocab,    t->hidden, t->layers,        t->heads,   t->kv_heads,
                          t->head_dim, t->ffn,    t->max_positions, t->context, t->eos_count};
  const size_t want[] = {u->vocab,    u->hidden, u->layers,        u->heads,   u->kv_heads,
                         u->head_dim, u->ffn,    u->max_positions, u->context, u->eos_count};
  assert_memory_equal(found, want, sizeof found);
  assert_true(t->rms_eps == u->rms_eps && t->rope_theta == u->rope_theta && t->bos == u->bos && t->pad == u->pad);
  assert_true(t->eos[0] == u->eos[0] && t->tie_word_embeddings == u->tie_word_embeddings);
  assert_true(t->attention_bias == u->attention_bias && t->output_bias == u->output_bias);
}

static void check_vision(const bnc_vision_geometry *v, const bnc_vision_geometry *w) {
  const size_t found[] = {v->width, v->layers, v->layers_used, v->heads,          v->mlp, v->patch, v->grid,
                          v->tile,  v->views,  v->input_side,  v->projector_depth};
  const size_t want[] = {w->width, w->layers, w->layers_used, w->heads,          w->mlp, w->patch, w->grid,
                         w->tile,  w->views,  w->input_side,  w->projector_depth};
  assert_memory_equal(found, want, sizeof found);
  assert_true(v->ln_eps == w->ln_eps && v->activation == w->activation && !v->has_dem && !v->select_cls);
  assert_memory_equal(v->mean, w->mean, sizeof v->mean);
  assert_memory_equal(v->std, w->std, sizeof v->std);
}

static void check(const make_gguf_spec *g) {
  bnc_error err;
  comparison k = {.spec = g->spec};
  const bnc_geometry *want = &g->spec->geometry;
  assert_int_equal(make_gguf_text(TEXT, g), 0);
  if (want->has_vision) assert_int_equal(make_gguf_vision(VISION, g), 0);
  if (bnc_checkpoint_open(&k.checkpoint, TEXT, want->has_vision ? VISION : NULL, &err) != BNC_OK) fail_msg("%s", err.text);
  check_text(&bnc_checkpoint_geometry(k.checkpoint)->text, &want->text);
  assert_int_equal(bnc_checkpoint_geometry(k.checkpoint)->has_vision, want->has_vision);
  if (want->has_vision) check_vision(&bnc_checkpoint_geometry(k.checkpoint)->vision, &want->vision);
  assert_int_equal(bnc_tensor_layout(want, check_tensor, &k, &err), BNC_OK);
  assert_int_equal(bnc_checkpoint_tensor_count(k.checkpoint), k.tensors);
  assert_non_null(bnc_checkpoint_gguf(k.checkpoint));
  bnc_checkpoint_close(k.checkpoint);
}

static void test_same(void **state) {
  (void)state;
  make_spec s = small();
  make_gguf_spec g = {.spec = &s, .architecture = "llama"};
  check(&g);
  g.old_names = true;
  s.geometry.vision.projector_depth = 1;
  check(&g);
  s.geometry.has_vision = false;
  s.dtype = BNC_SOURCE_F32;
  s.geometry.text.attention_bias = s.geometry.text.output_bias = s.geometry.text.tie_word_embeddings = true;
  s.geometry.text.head_dim = 24; /* heads * head_dim is not hidden */
  check(&g);
  s.geometry.text.output_bias = false;
  g.architecture = "qwen2";
  check(&g);
}

static void expect_failure(const make_gguf_spec *g, const char *vision, const char *words) {
  bnc_error err;
  bnc_checkpoint *c;
  if (g) assert_int_equal(make_gguf_text(TEXT, g), 0);
  if (bnc_checkpoint_open(&c, TEXT, vision, &err) == BNC_OK || !strstr(err.text, words))
    fail_msg("expected \"%s\", found \"%s\"", words, err.text);
  assert_null(c);
}

static void add_scaling(gguf_bytes *g) { gguf_text(g, "llama.rope.scaling.type", "yarn"); }
static void add_experts(gguf_bytes *g) { gguf_u32(g, "llama.expert_count", 8); }
static void add_split(gguf_bytes *g) { gguf_u32(g, "split.count", 3); }
static void add_stray(gguf_bytes *g) { gguf_tensor(g, "blk.0.attn_q_norm.weight", 1, (uint64_t[]){8}, 0, (float[8]){0}, 32); }
static void add_zero(gguf_bytes *g) { gguf_tensor(g, "rope_freqs.weight", 1, (uint64_t[]){8}, 0, (float[8]){0}, 32); }

static void test_refused(void **state) {
  (void)state;
  make_spec s = small();
  make_gguf_spec g = {.spec = &s, .architecture = "mamba"};
  expect_failure(&g, NULL, "\"general.architecture\": found \"mamba\", expected \"llama\" or \"qwen2\"");
  g.architecture = "llama";
  static const struct {
    void (*edit)(gguf_bytes *g);
    const char *words;
  } edits[] = {{add_scaling, "found \"yarn\", expected \"none\" or \"linear\""},
               {add_experts, "a model without experts"},
               {add_split, "one of 3 parts"},
               {add_stray, "unknown tensor \"blk.0.attn_q_norm.weight\""},
               {add_zero, "element 0 is 0, expected a positive number"}};
  for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
    g.edit = edits[i].edit;
    expect_failure(&g, NULL, edits[i].words);
  }
  g.edit = NULL;
  make_gguf_text(TEXT, &g);
  expect_failure(NULL, TEXT, "expected \"clip\" with a vision tower");
  expect_failure(NULL, ".", "found a folder, expected the GGUF file");
  make_gguf_vision(TEXT, &g);
  expect_failure(NULL, NULL, "this file with --mmproj");
}

static void add_factors(gguf_bytes *g) {
  gguf_tensor(g, "rope_freqs.weight", 1, (uint64_t[]){8}, 0, (float[]){1, 1, 1, 2, 2, 4, 8, 8}, 32);
}

static void test_rope_factors(void **state) {
  (void)state;
  bnc_error err;
  bnc_checkpoint *c;
  make_spec s = small();
  float plain[8], changed[8];
  make_gguf_spec g = {.spec = &s, .architecture = "llama", .edit = add_factors};
  make_gguf_text(TEXT, &g);
  assert_int_equal(bnc_checkpoint_open(&c, TEXT, NULL, &err), BNC_OK);
  bnc_geometry_rope_frequencies(&s.geometry.text, plain);
  bnc_geometry_rope_frequencies(&bnc_checkpoint_geometry(c)->text, changed);
  assert_true(changed[2] == plain[2] && changed[3] == plain[3] / 2 && changed[7] == plain[7] / 8);
  bnc_checkpoint_close(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_same), cmocka_unit_test(test_refused), cmocka_unit_test(test_rope_factors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
