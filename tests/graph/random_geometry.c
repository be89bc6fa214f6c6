/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/graph/random_geometry.h"

#include <math.h>
#include <string.h>

uint64_t random_next(uint64_t *state) {
  uint64_t x = *state += 0x9e3779b97f4a7c15u;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

size_t random_below(uint64_t *state, size_t n) { return (size_t)(random_next(state) % n); }

static size_t one_of(uint64_t *state, const size_t *choices, size_t count) { return choices[random_below(state, count)]; }
#define ONE_OF(state, ...) one_of(state, (const size_t[]){__VA_ARGS__}, sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t))

static void random_text(bnc_text_geometry *t, uint64_t *r) {
  t->vocab = 65 + random_below(r, 100);
  t->bos = t->pad = 1;
  t->eos[0] = 2;
  t->hidden = ONE_OF(r, 24, 40, 64);
  t->layers = 1 + random_below(r, 3);
  t->kv_heads = 1 + random_below(r, 3);
  t->heads = t->kv_heads * (1 + random_below(r, 3));
  t->head_dim = ONE_OF(r, 6, 16, 32);
  t->ffn = ONE_OF(r, 24, 72, 100);
  t->tie_word_embeddings = random_below(r, 2);
  t->attention_bias = random_below(r, 2);
  t->output_bias = t->attention_bias; /* a LLaMA's config knows both or neither */
  t->max_positions = 1024;
  t->context = 192;
}

static void random_vision(bnc_vision_geometry *v, size_t hidden, uint64_t *r) {
  v->has_dem = random_below(r, 4) != 0;
  v->views = v->has_dem ? ONE_OF(r, 1, 2, 2, 3, 3, 3, 4) : 1;
  v->grid = 3 + random_below(r, v->views == 4 ? 3 : 6);
  v->patch = 1 + random_below(r, 3);
  v->tile = v->grid * v->patch;
  v->input_side = v->views * v->tile;
  v->width = ONE_OF(r, 16, 32, 64);
  v->heads = ONE_OF(r, 1, 2, 4);
  v->layers = 1 + random_below(r, 2);
  v->layers_used = random_below(r, v->layers + 1);
  v->select_cls = !v->has_dem && random_below(r, 2);
  v->mlp = ONE_OF(r, 24, 64);
  v->dem_heads = v->has_dem ? 8 : 0;
  v->dem_mid = v->has_dem ? v->width / 16 : 0;
  v->dem_out = v->has_dem ? v->width / 2 : 0;
  v->projector_depth = v->width == hidden ? random_below(r, 4) : 1 + random_below(r, 3);
}

make_spec random_geometry(uint64_t seed) {
  uint64_t r = seed;
  make_spec s = make_spec_small();
  s.seed = seed;
  s.dtype = (bnc_source_dtype)ONE_OF(&r, BNC_SOURCE_BF16, BNC_SOURCE_F32);
  random_text(&s.geometry.text, &r);
  s.geometry.has_vision = random_below(&r, 8) != 0;
  memset(&s.geometry.vision, 0, sizeof s.geometry.vision);
  s.geometry.vision.ln_eps = 1e-5f;
  if (s.geometry.has_vision) random_vision(&s.geometry.vision, s.geometry.text.hidden, &r);
  return s;
}

/* The rows y of the big map that the bilinear to grid rows reads with a weight that is not 0: n i + (n-1)/2, or its two neighbours. */
static void live_lines(const bnc_vision_geometry *v, uint8_t *live) {
  size_t n = v->views;
  for (size_t i = 0; i < v->grid; i++) {
    if (n % 2)
      live[n * i + n / 2] = 1;
    else
      live[n * i + n / 2 - 1] = live[n * i + n / 2] = 1;
  }
}

size_t live_tiles(const bnc_vision_geometry *v, size_t input_size, bool *exact) {
  uint8_t live[64] = {0}, block[8] = {0}, phase[8] = {0};
  size_t n = v->views, blocks = 0, phases = 0;
  *exact = true;
  if (!v->has_dem) return 1;
  live_lines(v, live);
  for (size_t y = 0; y < n * v->grid; y++)
    if (live[y]) block[y / v->grid] = phase[y % n] = 1;
  for (size_t i = 0; i < n; i++) blocks += block[i], phases += phase[i];
  /* For odd n the base picture is the middle phase. So it is where the picture is upsampled first, but for rounding, which decides whether
   * they are merged. */
  *exact = n % 2 == 0 || n == 1 || input_size == v->input_side;
  if (n == 1) return 1;
  return blocks * blocks + phases * phases + (n % 2 == 0);
}
