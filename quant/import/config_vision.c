/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/base/json.h"
#include "quant/import/config.h"

enum { MAX_SIZE = 1 << 16, MAX_LAYERS = 4096, MAX_TILES_PER_SIDE = 16, MAX_PROJECTOR_DEPTH = 16 };

void bnc_tower_config_default(bnc_tower_config *out) {
  /* OpenAI's CLIP: all its towers share these. */
  *out = (bnc_tower_config){.ln_eps = 1e-5,
                            .activation = BNC_VISION_QUICK_GELU,
                            .mean = {0.48145466, 0.4578275, 0.40821073},
                            .std = {0.26862954, 0.26130258, 0.27577711}};
}

bnc_status bnc_tower_config_object(bnc_tower_config *out, yyjson_val *object, bnc_error *err) {
  const char *act = out->activation == BNC_VISION_GELU ? "gelu" : "quick_gelu";
  size_t channels = 3;
  const struct {
    const char *key;
    size_t highest;
    size_t *out;
  } sizes[] = {
      {"hidden_size", MAX_SIZE, &out->width},         {"num_hidden_layers", MAX_LAYERS, &out->layers},
      {"num_attention_heads", MAX_SIZE, &out->heads}, {"intermediate_size", 1 << 24, &out->mlp},
      {"patch_size", MAX_SIZE, &out->patch},          {"image_size", MAX_SIZE, &out->image_size},
      {"num_channels", MAX_SIZE, &channels},
  };
  static const char *const values[] = {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "patch_size",
                                       "image_size",  "num_channels",      "layer_norm_eps",      "hidden_act",        NULL};
  bnc_status s = bnc_json_refuse_nulls(object, values, err);
  for (size_t i = 0; s == BNC_OK && i < sizeof sizes / sizeof *sizes; i++)
    s = bnc_json_get_size(object, sizes[i].key, 1, sizes[i].highest, sizes[i].out, err);
  if (s == BNC_OK) s = bnc_json_get_double(object, "layer_norm_eps", 0, 1, &out->ln_eps, err);
  if (s == BNC_OK) s = bnc_json_get_string(object, "hidden_act", &act, err);
  if (s != BNC_OK) return s;
  if (channels != 3) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"num_channels\": found %zu, expected 3", channels);
  if (strcmp(act, "quick_gelu") != 0 && strcmp(act, "gelu") != 0)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"hidden_act\": found \"%.60s\", expected \"quick_gelu\" or \"gelu\"", act);
  out->activation = strcmp(act, "gelu") == 0 ? BNC_VISION_GELU : BNC_VISION_QUICK_GELU;
  return BNC_OK;
}

static bnc_status parse_projector(bnc_import_config *out, yyjson_val *root, bnc_error *err) {
  const char *type = "linear";
  bnc_status s = bnc_json_get_string(root, "mm_projector_type", &type, err);
  if (s != BNC_OK) return s;
  if (strcmp(type, "identity") == 0) return BNC_OK;
  out->projector_depth = 1;
  if (strcmp(type, "linear") == 0) return BNC_OK;
  size_t depth = 0, at = 3;
  if (strncmp(type, "mlp", 3) == 0)
    while (type[at] >= '0' && type[at] <= '9' && depth <= MAX_PROJECTOR_DEPTH) depth = depth * 10 + (size_t)(type[at++] - '0');
  if (depth < 1 || depth > MAX_PROJECTOR_DEPTH || strcmp(type + at, "x_gelu") != 0)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED,
                    "\"mm_projector_type\": found \"%.60s\", expected \"mlpNx_gelu\" (N from 1 to %d), \"linear\" or \"identity\"", type,
                    MAX_PROJECTOR_DEPTH);
  out->projector_depth = depth;
  return BNC_OK;
}

/* Keys of LLaVA's that change what is computed, and the one value each that is implemented. */
static bnc_status check_fixed_choices(yyjson_val *root, bnc_error *err) {
  static const struct {
    const char *key, *only;
  } choices[] = {{"image_aspect_ratio", "pad"}, {"mm_patch_merge_type", "flat"}, {"mm_resampler_type", ""}};
  for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
    const char *value = choices[i].only;
    bnc_status s = bnc_json_get_string(root, choices[i].key, &value, err);
    if (s != BNC_OK) return s;
    if (strcmp(value, choices[i].only) != 0)
      return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"%s\": found \"%.60s\", expected %s%s%s", choices[i].key, value,
                      *choices[i].only ? "\"" : "none", choices[i].only, *choices[i].only ? "\"" : "");
  }
  bool start_end = false;
  bnc_status s = bnc_json_get_bool(root, "mm_use_im_start_end", &start_end, err);
  if (s == BNC_OK && start_end) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"mm_use_im_start_end\": found true, expected false");
  return s;
}

bnc_status bnc_import_config_vision(bnc_import_config *out, yyjson_val *root, bnc_error *err) {
  const char *tower = "", *feature = "patch";
  yyjson_val *nested = NULL;
  out->has_vision = bnc_json_given(root, "mm_vision_tower") || bnc_json_given(root, "mm_projector_type");
  out->select_layer = -2;
  bnc_status s = bnc_json_get_string(root, "mm_vision_tower", &tower, err);
  if (s == BNC_OK) s = parse_projector(out, root, err);
  if (s == BNC_OK) s = check_fixed_choices(root, err);
  if (s == BNC_OK) s = bnc_json_get_int(root, "mm_vision_select_layer", -MAX_LAYERS - 1, MAX_LAYERS, &out->select_layer, err);
  if (s == BNC_OK) s = bnc_json_get_string(root, "mm_vision_select_feature", &feature, err);
  if (s == BNC_OK) s = bnc_json_get_size(root, "mm_tiles_per_side", 1, MAX_TILES_PER_SIDE, &out->tiles_per_side, err);
  if (s == BNC_OK) s = bnc_json_get_size(root, "mm_hidden_size", 1, MAX_SIZE, &out->mm_hidden, err);
  if (s == BNC_OK) s = bnc_json_get_object(root, "vision_config", &nested, err);
  if (s != BNC_OK) return s;
  if (strcmp(feature, "patch") != 0 && strcmp(feature, "cls_patch") != 0)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"mm_vision_select_feature\": found \"%.60s\", expected \"patch\" or \"cls_patch\"",
                    feature);
  out->select_cls = strcmp(feature, "cls_patch") == 0;
  for (size_t i = 0; i + 1 < sizeof out->tower_name && tower[i]; i++) out->tower_name[i] = tower[i];
  if (!nested) return BNC_OK;
  s = bnc_tower_config_object(&out->tower, nested, err);
  if (s != BNC_OK) bnc_error_prefix(err, "\"vision_config\"");
  return s;
}

bnc_status bnc_tower_config_parse(bnc_tower_config *out, const char *data, size_t size, bnc_error *err) {
  yyjson_doc *doc;
  bnc_status s = bnc_json_parse(&doc, data, size, err);
  if (s != BNC_OK) return s;
  yyjson_val *root = yyjson_doc_get_root(doc), *vision = root;
  const char *type = "clip_vision_model";
  s = bnc_json_expect_object(root, "the config", err);
  if (s == BNC_OK) s = bnc_json_get_string(root, "model_type", &type, err);
  if (s == BNC_OK && strcmp(type, "clip") != 0 && strcmp(type, "clip_vision_model") != 0)
    s = bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"model_type\": found \"%.60s\", expected \"clip\" or \"clip_vision_model\"", type);
  if (s == BNC_OK) s = bnc_json_get_object(root, "vision_config", &vision, err);
  if (s == BNC_OK) s = bnc_tower_config_object(out, vision, err);
  yyjson_doc_free(doc);
  return s;
}

static bnc_status three_numbers(yyjson_val *root, const char *key, double lowest, double out[3], bnc_error *err) {
  yyjson_val *list = bnc_json_given(root, key);
  if (!list) return BNC_OK;
  for (size_t i = 0; i < 3; i++) {
    yyjson_val *v = yyjson_arr_get(list, i);
    if (yyjson_arr_size(list) != 3 || !yyjson_is_num(v) || !(yyjson_get_num(v) >= lowest && yyjson_get_num(v) <= 1))
      return bnc_fail(err, BNC_ERROR_FORMAT, "\"%s\": expected a list of three numbers from %g to 1", key, lowest);
    out[i] = yyjson_get_num(v);
  }
  return BNC_OK;
}

bnc_status bnc_preprocessor_config_parse(bnc_tower_config *tower, const char *data, size_t size, bnc_error *err) {
  yyjson_doc *doc;
  bnc_status s = bnc_json_parse(&doc, data, size, err);
  if (s == BNC_OK) s = bnc_json_expect_object(yyjson_doc_get_root(doc), "the config", err);
  if (s == BNC_OK) s = three_numbers(yyjson_doc_get_root(doc), "image_mean", 0, tower->mean, err);
  if (s == BNC_OK) s = three_numbers(yyjson_doc_get_root(doc), "image_std", 1e-6, tower->std, err);
  yyjson_doc_free(doc);
  return s;
}
