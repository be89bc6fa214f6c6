/* SPDX-License-Identifier: Apache-2.0 */
/** @file config.h  config.json, generation_config.json, preprocessor_config.json: what they say, with the defaults of transformers and
 * LLaVA filled in. */
#ifndef BINOCLE_QUANT_IMPORT_CONFIG_H
#define BINOCLE_QUANT_IMPORT_CONFIG_H

#include "platforms/base/error.h"
#include "quant/import/geometry.h"

#define BNC_CONFIG_MAX_BYTES (16u << 20)

/* Far beyond any model, and small enough that products of two and file sizes stay far from overflow. */
enum { BNC_MAX_WIDTH = 1 << 20, BNC_MAX_LAYERS = 4096, BNC_MAX_HEADS = 1 << 16, BNC_MAX_FFN = 1 << 24, BNC_MAX_VOCAB = 1 << 24 };

/** What a vision tower's config says about it; sizes that it does not mention are 0 and follow from the tensors' shapes. */
typedef struct bnc_tower_config {
  size_t width, layers, heads, mlp, patch, image_size;
  double ln_eps;
  bnc_vision_activation activation;
  double mean[3], std[3];
} bnc_tower_config;

typedef struct bnc_import_config {
  bnc_text_geometry text; /* complete, but tie_word_embeddings is only what the config says */
  bool tie_given;         /* whether it says so, true or false */
  bool has_vision;        /* whether it mentions a vision tower or a projector */
  char tower_name[200];   /* mm_vision_tower, for messages; "" where not given */
  size_t projector_depth; /* 0 identity, 1 linear or mlp1x_gelu, ... */
  int64_t select_layer;   /* mm_vision_select_layer */
  bool select_cls;
  size_t tiles_per_side;  /* mm_tiles_per_side; 0 where not given */
  size_t mm_hidden;       /* mm_hidden_size; 0 where not given */
  bnc_tower_config tower; /* from a nested vision_config */
} bnc_import_config;

/** A checkpoint's config.json, size bytes. What Binocle cannot compute is BNC_ERROR_UNSUPPORTED, naming key and value. */
bnc_status bnc_import_config_parse(bnc_import_config *out, const char *data, size_t size, bnc_error *err);
/** generation_config.json: adds its end-of-text ids to those of config, which has been parsed. */
bnc_status bnc_generation_config_parse(bnc_import_config *config, const char *data, size_t size, bnc_error *err);
/** A vision tower's own config.json: a CLIP model's (vision_config inside) or a CLIP vision model's. Keeps mean and std. */
bnc_status bnc_tower_config_parse(bnc_tower_config *out, const char *data, size_t size, bnc_error *err);
/** preprocessor_config.json: image_mean and image_std. */
bnc_status bnc_preprocessor_config_parse(bnc_tower_config *tower, const char *data, size_t size, bnc_error *err);

/** A tower of which nothing is said. */
void bnc_tower_config_default(bnc_tower_config *out);

struct yyjson_val;
/** The parts of bnc_import_config_parse in config_vision.c: the mm_* keys, and a (nested) CLIP vision config. */
bnc_status bnc_import_config_vision(bnc_import_config *out, struct yyjson_val *root, bnc_error *err);
bnc_status bnc_tower_config_object(bnc_tower_config *out, struct yyjson_val *object, bnc_error *err);

#endif
