/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/vision_shapes.h"

#include <inttypes.h>
#include <string.h>

#define TOWER "vision_model."
#define DEM "model.spatial_embed."

/* CLIP's towers by name: no tensor shows how many heads there are. */
static const struct {
  const char *name;
  size_t width, heads;
} known_towers[] = {{"clip-vit-base-patch16", 768, 12},
                    {"clip-vit-base-patch32", 768, 12},
                    {"clip-vit-large-patch14", 1024, 16},
                    {"clip-vit-large-patch14-336", 1024, 16}};

enum { MAX_WIDTH = 1 << 16, MAX_INPUT_SIDE = 1 << 14, DEM_HEADS = 8, DEM_VIEWS = 3, HEAD_DIM = 64 };

/* A tensor of that rank without empty dimension. */
static bnc_status shaped(const bnc_tensor_table *table, const char *name, size_t rank, const bnc_source_tensor **out, bnc_error *err) {
  char shape[128];
  const bnc_source_tensor *t = bnc_tensor_table_find(table, name);
  if (!t) return bnc_fail(err, BNC_ERROR_FORMAT, "missing tensor \"%s\": no file holds it", name);
  *out = t;
  if (t->rank != rank || t->elements == 0)
    return bnc_fail(err, BNC_ERROR_FORMAT, "%s: \"%s\": found shape %s, expected %zu sizes above 0", t->shard->path, t->stored,
                    bnc_shape_text(t->rank, t->shape, shape, sizeof shape), rank);
  return BNC_OK;
}

static bnc_status agree(const char *key, size_t said, size_t is, const char *tensors, bnc_error *err) {
  if (said == 0 || said == is) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_FORMAT, "the config's \"%s\" is %zu, but %s make it %zu", key, said, tensors, is);
}

static size_t square_root(size_t x) {
  size_t root = 0;
  for (size_t bit = (size_t)1 << 15; bit; bit >>= 1)
    if ((root + bit) * (root + bit) <= x) root += bit;
  return root;
}

static bnc_status tower_sizes(bnc_vision_geometry *v, const bnc_tower_config *tower, const bnc_tensor_table *table, bnc_error *err) {
  const bnc_source_tensor *t;
  bnc_status s = shaped(table, TOWER "embeddings.patch_embedding.weight", 4, &t, err);
  if (s != BNC_OK) return s;
  if (t->shape[0] > MAX_WIDTH || t->shape[1] != 3 || t->shape[2] != t->shape[3] || t->shape[2] > MAX_INPUT_SIDE)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found shape [%zu, %zu, %zu, %zu], expected [width, 3, patch, patch]", t->name,
                    t->shape[0], t->shape[1], t->shape[2], t->shape[3]);
  v->width = t->shape[0];
  v->patch = t->shape[2];
  s = shaped(table, TOWER "embeddings.position_embedding.weight", 2, &t, err);
  if (s != BNC_OK) return s;
  v->grid = square_root(t->shape[0] - 1);
  if (v->grid == 0 || v->grid * v->grid + 1 != t->shape[0])
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %zu rows, expected a square number and one (the class token)", t->name,
                    t->shape[0]);
  v->tile = v->grid * v->patch;
  if (v->tile > MAX_INPUT_SIDE)
    return bnc_fail(err, BNC_ERROR_LIMIT, "a tile of the vision tower has %zu pixels per side, expected at most %d", v->tile,
                    MAX_INPUT_SIDE);
  v->layers = bnc_tensor_table_count_layers(table, TOWER "encoder.layers.");
  if (v->layers > 0) {
    s = shaped(table, TOWER "encoder.layers.0.mlp.fc1.weight", 2, &t, err);
    if (s != BNC_OK) return s;
    v->mlp = t->shape[0];
  }
  s = agree("hidden_size", tower->width, v->width, "the vision tower's tensors", err);
  if (s == BNC_OK) s = agree("num_hidden_layers", tower->layers, v->layers, "the vision tower's tensors", err);
  if (s == BNC_OK && v->layers) s = agree("intermediate_size", tower->mlp, v->mlp, "the vision tower's tensors", err);
  if (s == BNC_OK) s = agree("patch_size", tower->patch, v->patch, "the vision tower's tensors", err);
  if (s == BNC_OK) s = agree("image_size", tower->image_size, v->tile, "the vision tower's patches", err);
  return s;
}

/* The heads of the tower that the config names, by the last part of that name; 0 where it is no such tower. */
static size_t named_heads(const char *name, size_t width) {
  const char *slash = strrchr(name, '/');
  for (size_t i = 0; i < sizeof known_towers / sizeof *known_towers; i++)
    if (strcmp(slash ? slash + 1 : name, known_towers[i].name) == 0 && known_towers[i].width == width) return known_towers[i].heads;
  return 0;
}

static bnc_status tower_settings(bnc_vision_geometry *v, const bnc_import_config *config, const bnc_tower_config *tower, bnc_error *err) {
  v->heads = tower->heads ? tower->heads : named_heads(config->tower_name, v->width);
  if (v->heads == 0 && v->width % HEAD_DIM)
    return bnc_fail(err, BNC_ERROR_FORMAT,
                    "vision width: found %zu, expected a multiple of %d where no config says how many heads the tower has; "
                    "--vision-tower DIR with the tower's config.json would",
                    v->width, HEAD_DIM);
  v->heads_assumed = v->heads == 0;
  if (v->heads == 0) v->heads = v->width / HEAD_DIM;
  if (v->width % v->heads)
    return bnc_fail(err, BNC_ERROR_FORMAT, "vision width: found %zu, expected a multiple of \"num_attention_heads\" (%zu)", v->width,
                    v->heads);
  /* Index into the hidden states, of which there is one more than layers. */
  const int64_t states = (int64_t)v->layers + 1, select = config->select_layer;
  if (select < -states || select >= states)
    return bnc_fail(err, BNC_ERROR_FORMAT,
                    "\"mm_vision_select_layer\": found %" PRId64 ", expected %" PRId64 " to %" PRId64 ": the tower has %zu layers", select,
                    -states, states - 1, v->layers);
  v->layers_used = (size_t)(select < 0 ? states + select : select);
  v->select_cls = config->select_cls;
  v->ln_eps = (float)tower->ln_eps;
  v->activation = tower->activation;
  for (size_t i = 0; i < 3; i++) {
    v->mean[i] = (float)tower->mean[i];
    v->std[i] = (float)tower->std[i];
    v->pad_colour[i] = (uint8_t)(tower->mean[i] * 255);
  }
  return BNC_OK;
}

static bnc_status dem_sizes(bnc_vision_geometry *v, const bnc_tensor_table *table, bnc_error *err) {
  const bnc_source_tensor *t;
  bnc_status s = shaped(table, DEM "ffn_crop.0.weight", 2, &t, err);
  if (s != BNC_OK) return s;
  v->dem_mid = t->shape[0];
  s = shaped(table, DEM "ffn_crop.2.weight", 2, &t, err);
  if (s != BNC_OK) return s;
  v->dem_out = t->shape[0];
  if (v->dem_out * 2 != v->width)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %zu rows, expected half the vision width (%zu)", t->name, t->shape[0], v->width);
  if (v->width % DEM_HEADS)
    return bnc_fail(err, BNC_ERROR_FORMAT, "vision width: found %zu, expected a multiple of the %d heads of spatial_embed", v->width,
                    DEM_HEADS);
  if (v->select_cls)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED,
                    "\"mm_vision_select_feature\": found \"cls_patch\", expected \"patch\" for a model with spatial_embed");
  v->dem_heads = DEM_HEADS;
  v->dem_ln_eps = 1e-5f;
  return BNC_OK;
}

bnc_status bnc_vision_shapes(bnc_geometry *geometry, const bnc_import_config *config, const bnc_tower_config *tower,
                             const bnc_tensor_table *table, bnc_error *err) {
  bnc_vision_geometry *v = &geometry->vision;
  bnc_status s = tower_sizes(v, tower, table, err);
  if (s == BNC_OK) s = tower_settings(v, config, tower, err);
  if (s == BNC_OK) s = agree("mm_hidden_size", config->mm_hidden, v->width, "the vision tower's tensors", err);
  if (s != BNC_OK) return s;
  v->has_dem = bnc_tensor_table_has_prefix(table, DEM);
  v->views = 1;
  if (v->has_dem) {
    v->views = config->tiles_per_side ? config->tiles_per_side : DEM_VIEWS;
    s = dem_sizes(v, table, err);
    if (s != BNC_OK) return s;
  } else if (config->tiles_per_side > 1) {
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"mm_tiles_per_side\": found %zu, expected 1 for a model without spatial_embed",
                    config->tiles_per_side);
  }
  v->input_side = v->views * v->tile;
  if (v->input_side > MAX_INPUT_SIDE)
    return bnc_fail(err, BNC_ERROR_LIMIT, "the picture would have %zu pixels per side, expected at most %d", v->input_side, MAX_INPUT_SIDE);
  v->projector_depth = config->projector_depth;
  if (v->projector_depth == 0 && v->width != geometry->text.hidden)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"mm_projector_type\": \"identity\" needs a vision width (%zu) equal to \"hidden_size\" (%zu)",
                    v->width, geometry->text.hidden);
  return BNC_OK;
}
