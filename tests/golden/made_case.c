/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "tests/golden/made_case.h"
#include "tests/unit.h"

#include <stdio.h>
#include <stdlib.h>

static uint64_t next(uint64_t *state) {
  uint64_t x = *state += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

static void set_views(bnc_vision_geometry *v, size_t views, size_t grid) {
  v->views = views;
  v->grid = grid;
  v->tile = grid * v->patch;
  v->input_side = views * v->tile;
}

static void be_text(made_case *c, const char *name) {
  c->name = name;
  c->spec.geometry.has_vision = false;
}

made_case made_case_at(size_t index) {
  made_case c = {.spec = make_spec_small()};
  bnc_vision_geometry *v = &c.spec.geometry.vision;
  bnc_text_geometry *t = &c.spec.geometry.text;
  c.spec.seed = 100 + index;
  c.spec.dtype = (bnc_source_dtype)(index % 3 == 0 ? BNC_SOURCE_BF16 : index % 3 == 1 ? BNC_SOURCE_F16 : BNC_SOURCE_F32);
  switch (index) {
    case 0: /* bilinear averages four positions: everything is live */
      c.name = "n2";
      set_views(v, 2, 4);
      c.tiles = 9;
      break;
    case 1: /* blocks of the maps begin at no multiple of three */
      c.name = "n3_grid5";
      set_views(v, 3, 5);
      v->patch = 4;
      v->tile = 20;
      v->input_side = 60;
      v->layers_used = 3;
      t->kv_heads = 1;
      c.tiles = 10;
      break;
    case 2: /* four phases are live, and the base picture is none of them */
      c.name = "n4_grid3";
      set_views(v, 4, 3);
      t->kv_heads = 4;
      v->projector_depth = 3;
      c.tiles = 16 + 4 + 1;
      break;
    case 3: /* the middle block of crops is never looked at */
      c.name = "n3_grid2";
      set_views(v, 3, 2);
      v->projector_depth = 1;
      c.tiles = 4 + 1;
      break;
    case 4: /* LLaVA-1.5's shape: one view; a tower of its own, with erf GELU */
      c.name = "plain";
      c.spec.tower_apart = true;
      *v = (bnc_vision_geometry){.width = 48,
                                 .layers = 3,
                                 .layers_used = 2,
                                 .heads = 3,
                                 .mlp = 80,
                                 .patch = 5,
                                 .grid = 6,
                                 .tile = 30,
                                 .views = 1,
                                 .input_side = 30,
                                 .ln_eps = 1e-6f,
                                 .activation = BNC_VISION_GELU,
                                 .projector_depth = 2};
      c.tiles = 1;
      break;
    case 5: /* the class row kept, the features of no layer at all; a linear projector; biases and a tied head */
      c.name = "plain_class";
      c.spec.linear_projector = true;
      t->attention_bias = t->output_bias = t->tie_word_embeddings = true;
      *v = (bnc_vision_geometry){.width = 64,
                                 .layers = 2,
                                 .layers_used = 1,
                                 .heads = 1,
                                 .mlp = 96,
                                 .patch = 7,
                                 .grid = 3,
                                 .tile = 21,
                                 .views = 1,
                                 .input_side = 21,
                                 .ln_eps = 1e-5f,
                                 .projector_depth = 1,
                                 .select_cls = true};
      c.tiles = 1;
      break;
    case 7: /* Qwen2's biases of q, k and v; a tied head */
      be_text(&c, "text_bias");
      c.spec.config_members = "\"model_type\":\"qwen2\",\"attention_bias\":false,";
      t->attention_bias = t->tie_word_embeddings = true;
      break;
    default:
      be_text(&c, "text_only");
      t->head_dim = 24;
      t->rope_theta = 10000;
      t->vocab = 131;
      break;
  }
  uint64_t state = c.spec.seed;
  for (c.count = 0; c.count < 12; c.count++)
    c.ids[c.count] = c.spec.geometry.has_vision && c.count == 5 ? -200 : (int64_t)(next(&state) % t->vocab);
  for (size_t i = 0; i < MADE_FORCED; i++) c.forced[i] = (int64_t)(next(&state) % t->vocab);
  return c;
}

void made_case_write(const made_case *c) {
  char tower[64];
  assert_int_equal(make_checkpoint(c->name, &c->spec), 0);
  snprintf(tower, sizeof tower, "%s_tower", c->name);
  if (c->spec.tower_apart) assert_int_equal(make_tower(tower, &c->spec), 0);
}

uint8_t *made_case_pixels(const made_case *c) {
  size_t count = c->spec.geometry.vision.input_side * c->spec.geometry.vision.input_side * 3;
  uint64_t state = ~c->spec.seed;
  uint8_t *pixels = malloc(count);
  assert_non_null(pixels);
  for (size_t i = 0; i < count; i++) pixels[i] = (uint8_t)next(&state);
  return pixels;
}
