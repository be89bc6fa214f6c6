/* SPDX-License-Identifier: Apache-2.0 */
/* What the keys of a LLaVA's "mmproj" file say. */
#include <string.h>

#include "quant/import/gguf/gguf_file.h"
#include "quant/import/gguf/gguf_names.h"

#define TRY(call)                                                                                                                          \
  do {                                                                                                                                     \
    bnc_status s_ = (call);                                                                                                                \
    if (s_ != BNC_OK) return s_;                                                                                                           \
  } while (0)

static bnc_status check_kind(const bnc_gguf *g, bnc_error *err) {
  const char *text = "";
  size_t size = 0;
  bool vision = false, silu = false;
  TRY(bnc_gguf_get_text(g, "general.architecture", &text, &size, err));
  TRY(bnc_gguf_get_bool(g, "clip.has_vision_encoder", &vision, err));
  if (size != 4 || memcmp(text, "clip", 4) != 0 || !vision)
    return bnc_fail(err, BNC_ERROR_FORMAT, "found a GGUF file of the architecture \"%.*s\", expected \"clip\" with a vision tower",
                    (int)(size < 40 ? size : 40), text);
  text = "mlp";
  size = 3;
  TRY(bnc_gguf_get_text(g, "clip.projector_type", &text, &size, err));
  if (size != 3 || memcmp(text, "mlp", 3) != 0)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"clip.projector_type\": found \"%.*s\", expected \"mlp\" (LLaVA-1.5)",
                    (int)(size < 40 ? size : 40), text);
  TRY(bnc_gguf_get_bool(g, "clip.use_silu", &silu, err));
  if (silu) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"clip.use_silu\": found true, expected false");
  return BNC_OK;
}

/* Three numbers in [lowest, highest], or what they were. */
static bnc_status three(const bnc_gguf *g, const char *name, double lowest, double highest, double out[3], bnc_error *err) {
  const bnc_gguf_key *key;
  TRY(bnc_gguf_get_array(g, name, BNC_GGUF_F32, &key, err));
  if (!key) return BNC_OK;
  if (key->count != 3) return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %zu numbers, expected 3", name, key->count);
  for (size_t i = 0; i < 3; i++) {
    out[i] = bnc_gguf_number(key, i);
    if (!(out[i] >= lowest && out[i] <= highest))
      return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": found %g, expected %g to %g", name, out[i], lowest, highest);
  }
  return BNC_OK;
}

/* Converters leave out the layers behind the features, and say how many are left; only a whole CLIP ViT-L has its last layer too. */
static bnc_status take_layers(const bnc_gguf *g, bnc_import_config *config, const bnc_tower_config *tower, bnc_error *err) {
  const bnc_gguf_key *key = bnc_gguf_find(g, "clip.vision.feature_layer");
  config->select_layer = tower->layers == 24 && tower->width == 1024 ? -2 : -1;
  if (!key) return BNC_OK;
  if (!key->array || key->count != 1 || (key->type != BNC_GGUF_I32 && key->type != BNC_GGUF_U32))
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"clip.vision.feature_layer\": expected one layer");
  config->select_layer = bnc_gguf_integer(key, 0);
  return BNC_OK;
}

bnc_status bnc_gguf_vision_config(bnc_import_config *config, bnc_tower_config *tower, const bnc_gguf *g, const bnc_source_list *tensors,
                                  bnc_error *err) {
  bool gelu = false;
  TRY(check_kind(g, err));
  TRY(bnc_gguf_get_size(g, "clip.vision.embedding_length", 1, BNC_MAX_WIDTH, &tower->width, err));
  TRY(bnc_gguf_get_size(g, "clip.vision.block_count", 1, BNC_MAX_LAYERS, &tower->layers, err));
  TRY(bnc_gguf_require(g, "clip.vision.attention.head_count", err));
  TRY(bnc_gguf_get_size(g, "clip.vision.attention.head_count", 1, BNC_MAX_HEADS, &tower->heads, err));
  TRY(bnc_gguf_get_size(g, "clip.vision.feed_forward_length", 1, BNC_MAX_FFN, &tower->mlp, err));
  TRY(bnc_gguf_get_size(g, "clip.vision.patch_size", 1, BNC_MAX_WIDTH, &tower->patch, err));
  TRY(bnc_gguf_get_size(g, "clip.vision.image_size", 1, BNC_MAX_WIDTH, &tower->image_size, err));
  TRY(bnc_gguf_get_double(g, "clip.vision.attention.layer_norm_epsilon", 0, 1, &tower->ln_eps, err));
  TRY(bnc_gguf_get_bool(g, "clip.use_gelu", &gelu, err));
  tower->activation = gelu ? BNC_VISION_GELU : BNC_VISION_QUICK_GELU;
  TRY(three(g, "clip.vision.image_mean", 0, 1, tower->mean, err));
  TRY(three(g, "clip.vision.image_std", 1e-3, 1e3, tower->std, err));
  config->has_vision = true;
  config->projector_depth = bnc_gguf_stored(tensors, "mm.2.weight") ? 2 : 1;
  return take_layers(g, config, tower, err);
}
