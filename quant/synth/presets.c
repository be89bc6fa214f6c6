/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/synth/presets.h"

#include <binocle/compile.h>
#include <string.h>

/* A CLIP ViT of patches of 14 x 14 pixels. */
typedef struct tower {
  size_t width, layers, heads, mlp, grid;
} tower;
static const tower vit_l_336 = {1024, 24, 16, 4096, 24}, vit_w128 = {128, 3, 2, 512, 24}, vit_pocket = {128, 4, 2, 512, 8};

/* RoPE of LLaMA-3.2, and what its two sizes share. */
#define LLAMA_3_2                                                                                                                          \
  .vocab = 128257, .kv_heads = 8, .ffn = 8192, .tie_word_embeddings = true, .max_positions = 131072,                                       \
  .rope = {.kind = BNC_ROPE_LLAMA3, .factor = 32.0, .low_freq_factor = 1.0, .high_freq_factor = 4.0, .original_positions = 8192.0}

static const struct {
  const char *name, *description;
  bnc_text_geometry text; /* rope_theta, and max_positions where it is 0: all the same, below */
  const tower *tower;
  size_t views;
} presets[] = {
    {"inf-llava-8b",
     "INF-LLaVA as released: CLIP ViT-L/14-336, 3 x 3 tiles, LLaMA-3-8B",
     {.vocab = 128257, .hidden = 4096, .layers = 32, .heads = 32, .kv_heads = 8, .head_dim = 128, .ffn = 14336},
     &vit_l_336,
     3},
    {"inf-llava-3b",
     "the same vision before a LLaMA-3.2-3B",
     {.hidden = 3072, .layers = 28, .heads = 24, .head_dim = 128, LLAMA_3_2},
     &vit_l_336,
     3},
    {"inf-llava-1b",
     "the same vision before a LLaMA-3.2-1B",
     {.hidden = 2048, .layers = 16, .heads = 32, .head_dim = 64, LLAMA_3_2},
     &vit_l_336,
     3},
    {"llava-tile",
     "LLaVA-1.5's vision (one ViT-L/14-336 tile, the projector to 4096) before one small LLaMA layer: times a tile alone",
     {.vocab = 1024, .hidden = 4096, .layers = 1, .heads = 32, .kv_heads = 8, .head_dim = 128, .ffn = 256},
     &vit_l_336,
     1},
    {"w128",
     "small, in the geometry of the reference fixture: tests",
     {.vocab = 769, .hidden = 256, .layers = 4, .heads = 8, .kv_heads = 2, .head_dim = 32, .ffn = 688},
     &vit_w128,
     3},
    {"pocket",
     "smaller: 3 x 3 tiles of 112 pixels; tests",
     {.vocab = 641, .hidden = 128, .layers = 4, .heads = 4, .kv_heads = 2, .head_dim = 32, .ffn = 320},
     &vit_pocket,
     3},
};
#define PRESETS (sizeof presets / sizeof *presets)

const char *bnc_synth_preset_name(unsigned index, const char **description) {
  if (index >= PRESETS) return NULL;
  if (description) *description = presets[index].description;
  return presets[index].name;
}

static void fill_vision(bnc_vision_geometry *v, size_t i) {
  static const float mean[3] = {0.48145466f, 0.4578275f, 0.40821073f}, std[3] = {0.26862954f, 0.26130258f, 0.27577711f}; /* CLIP's */
  v->width = presets[i].tower->width;
  v->layers = presets[i].tower->layers;
  v->layers_used = v->layers - 1;
  v->heads = presets[i].tower->heads;
  v->mlp = presets[i].tower->mlp;
  v->patch = 14;
  v->grid = presets[i].tower->grid;
  v->tile = v->grid * v->patch;
  v->views = presets[i].views;
  v->input_side = v->views * v->tile;
  v->ln_eps = v->dem_ln_eps = 1e-5f;
  v->activation = BNC_VISION_QUICK_GELU;
  memcpy(v->mean, mean, sizeof mean);
  memcpy(v->std, std, sizeof std);
  for (int c = 0; c < 3; c++) v->pad_colour[c] = (uint8_t)(mean[c] * 255.0f);
  v->projector_depth = 2;
  if (v->views == 1) return;
  v->has_dem = true;
  v->dem_heads = 8;
  v->dem_mid = v->width / 16;
  v->dem_out = v->width / 2;
}

bool bnc_synth_geometry(const char *preset, bnc_geometry *g) {
  for (size_t i = 0; i < PRESETS; i++) {
    if (strcmp(presets[i].name, preset) != 0) continue;
    *g = (bnc_geometry){.text = presets[i].text, .has_vision = true};
    g->text.rms_eps = 1e-5f;
    g->text.rope_theta = 500000.0;
    if (g->text.max_positions == 0) g->text.max_positions = 8192;
    g->text.context = 2048; /* tokenizer_model_max_length as released */
    g->text.bos = g->text.pad = BNC_GEOMETRY_NO_TOKEN;
    fill_vision(&g->vision, i);
    return true;
  }
  return false;
}
