/* SPDX-License-Identifier: Apache-2.0 */
/* From the resized picture to the image embeddings: DCM's sub-images, the tower over each, DEM, the mean of two, the projector. */
#include <stdio.h>

#include "ops/patches/patches.h"
#include "platforms/base/mem.h"
#include "quant/graph/build.h"
#include "runtime/model/format.h"
#include "runtime/model/program_format.h"

/* Rows of a picture under separable taps; both tables are freed. */
static bnc_value_id resample(bnc_graph *g, const char *label, bnc_value_id x, bnc_taps *vertical, bnc_taps *horizontal) {
  uint32_t id[2] = {BNC_NO_ID, BNC_NO_ID};
  size_t rows = vertical->rows * horizontal->rows;
  if (!g->failed && (bnc_constants_add_taps(g->constants, vertical, &id[0], g->err) != BNC_OK ||
                     bnc_constants_add_taps(g->constants, horizontal, &id[1], g->err) != BNC_OK))
    g->failed = true;
  bnc_taps_free(vertical);
  bnc_taps_free(horizontal);
  bnc_node *node = bnc_graph_add(g, BNC_NODE_RESAMPLE, bnc_constants_string(g->constants, "%s", label), rows, 3, BNC_ELEMENT_F32, &x, 1);
  node->taps[0] = id[0];
  node->taps[1] = id[1];
  return node->output;
}

static void keep(bnc_graph *g, bnc_status s) {
  if (s != BNC_OK) g->failed = true;
}

/* The authors' code upsamples whatever it is fed to n * tile with bicubic; at that size already, the resampling is the identity. */
static bnc_value_id bicubic(bnc_graph *g, const char *label, bnc_value_id x, size_t from, size_t to) {
  bnc_taps y = {0}, h = {0};
  if (!g->failed) keep(g, bnc_taps_bicubic(&y, to, from, g->err));
  if (!g->failed) keep(g, bnc_taps_bicubic(&h, to, from, g->err));
  return resample(g, label, x, &y, &h);
}

static bnc_value_id window(bnc_graph *g, const char *label, bnc_value_id x, size_t side, size_t tile, size_t y0, size_t x0, size_t step) {
  bnc_taps y = {0}, h = {0};
  if (!g->failed) keep(g, bnc_taps_strided(&y, tile, side, y0, step, g->err));
  if (!g->failed) keep(g, bnc_taps_strided(&h, tile, side, x0, step, g->err));
  return resample(g, label, x, &y, &h);
}

static bnc_value_id normalize(bnc_graph *g, const bnc_vision_geometry *v, bnc_value_id picture) {
  float lut[3][256];
  uint32_t id = BNC_NO_ID;
  bnc_patches_levels(v->mean, v->std, lut);
  keep(g, bnc_constants_add(g->constants, 3, 256, &lut[0][0], &id, g->err));
  bnc_node *node = bnc_graph_add(g, BNC_NODE_NORMALIZE, bnc_constants_string(g->constants, "picture.normalize"),
                                 g->failed ? 0 : g->value[picture].rows, 3, BNC_ELEMENT_F32, &picture, 1);
  node->constant = id;
  return node->output;
}

static bnc_value_id tile(bnc_graph *g, const bnc_geometry *geometry, const bnc_build_options *options, const char *name,
                         bnc_value_id pixels) {
  bnc_value_id features = bnc_build_tower(g, geometry, options, name, pixels);
  if (!g->failed) bnc_graph_add_probe(g, BNC_STAGE_TILES, bnc_constants_string(g->constants, "%s", name), features);
  return features;
}

static bnc_value_id projector(bnc_graph *g, const bnc_geometry *geometry, const bnc_build_options *options, bnc_value_id x) {
  const bnc_vision_geometry *v = &geometry->vision;
  for (size_t i = 0; i < v->projector_depth; i++) {
    char label[64], weight[64], bias[64];
    if (i > 0) {
      snprintf(label, sizeof label, "projector.%zu.gelu", 2 * i - 1);
      x = bnc_build_unary(g, BNC_NODE_GELU, label, x);
    }
    /* nn.Sequential numbers its members, activations included. */
    snprintf(label, sizeof label, "projector.%zu", 2 * i);
    snprintf(weight, sizeof weight, "model.mm_projector.%zu.weight", 2 * i);
    snprintf(bias, sizeof bias, "model.mm_projector.%zu.bias", 2 * i);
    bnc_linear_names names = {label, weight, bias};
    x = bnc_build_linear(g, x, geometry->text.hidden, names, options->vision_weights, options->group);
  }
  return x;
}

bnc_status bnc_build_vision(bnc_graph *g, const bnc_geometry *geometry, const bnc_build_options *options) {
  const bnc_vision_geometry *v = &geometry->vision;
  size_t n = v->views, fed = options->input_size, side = n * v->tile;
  char name[32];
  g->program_input =
      bnc_graph_add(g, BNC_NODE_INPUT, bnc_constants_string(g->constants, "picture"), fed * fed, 3, BNC_ELEMENT_U8, NULL, 0)->output;
  bnc_value_id pixels = normalize(g, v, g->program_input);
  bnc_value_id x;
  if (!v->has_dem) {
    x = tile(g, geometry, options, "base", bicubic(g, "base.pixels", pixels, fed, v->tile));
  } else {
    bnc_value_id *parts = bnc_mem_array(2 * n * n, sizeof *parts);
    if (!parts) return bnc_fail_memory(g->err, 2 * n * n * sizeof *parts);
    bnc_value_id big = bicubic(g, "picture.bicubic", pixels, fed, side);
    for (size_t i = 0; i < n * n && !g->failed; i++) {
      snprintf(name, sizeof name, "crop%zu", i);
      parts[i] = tile(g, geometry, options, name, window(g, name, big, side, v->tile, i / n * v->tile, i % n * v->tile, 1));
    }
    for (size_t i = 0; i < n * n && !g->failed; i++) {
      snprintf(name, sizeof name, "stride%zu", i);
      parts[n * n + i] = tile(g, geometry, options, name, window(g, name, big, side, v->tile, i / n, i % n, n));
    }
    bnc_value_id base = tile(g, geometry, options, "base", bicubic(g, "base.pixels", pixels, fed, v->tile));
    bnc_value_id dem = g->failed ? BNC_NO_VALUE : bnc_build_dem(g, geometry, options, parts, parts + n * n);
    bnc_mem_free(parts);
    if (!g->failed) bnc_graph_add_probe(g, BNC_STAGE_DEM, BNC_NO_ID, dem);
    x = bnc_build_binary(g, BNC_NODE_MEAN, "fusion.mean", base, dem);
  }
  g->program_output = projector(g, geometry, options, x);
  if (!g->failed) bnc_graph_add_probe(g, BNC_STAGE_PROJECTOR, BNC_NO_ID, g->program_output);
  if (options->rotated) g->program_output = bnc_build_hadamard(g, "projector.hadamard", g->program_output);
  return bnc_graph_status(g);
}
