/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/base/json.h"
#include "quant/import/config.h"

#define TRY(call)                                                                                                                          \
  do {                                                                                                                                     \
    bnc_status s_ = (call);                                                                                                                \
    if (s_ != BNC_OK) return s_;                                                                                                           \
  } while (0)

static bnc_status required_size(yyjson_val *root, const char *key, size_t highest, size_t *out, bnc_error *err) {
  TRY(bnc_json_require(root, key, err));
  return bnc_json_get_size(root, key, 1, highest, out, err);
}

static bnc_status parse_sizes(bnc_text_geometry *t, yyjson_val *root, bnc_error *err) {
  TRY(required_size(root, "vocab_size", BNC_MAX_VOCAB, &t->vocab, err));
  TRY(required_size(root, "hidden_size", BNC_MAX_WIDTH, &t->hidden, err));
  TRY(required_size(root, "num_hidden_layers", BNC_MAX_LAYERS, &t->layers, err));
  TRY(required_size(root, "num_attention_heads", BNC_MAX_HEADS, &t->heads, err));
  TRY(required_size(root, "intermediate_size", BNC_MAX_FFN, &t->ffn, err));
  t->kv_heads = t->heads;
  TRY(bnc_json_get_size(root, "num_key_value_heads", 1, BNC_MAX_HEADS, &t->kv_heads, err));
  if (t->heads % t->kv_heads)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"num_attention_heads\": found %zu, expected a multiple of \"num_key_value_heads\" (%zu)",
                    t->heads, t->kv_heads);
  if (bnc_json_given(root, "head_dim")) {
    TRY(bnc_json_get_size(root, "head_dim", 1, BNC_MAX_WIDTH, &t->head_dim, err));
  } else {
    if (t->hidden % t->heads)
      return bnc_fail(err, BNC_ERROR_FORMAT, "\"hidden_size\": found %zu, expected a multiple of \"num_attention_heads\" (%zu)", t->hidden,
                      t->heads);
    t->head_dim = t->hidden / t->heads;
  }
  if (t->head_dim % 2)
    return bnc_fail(err, BNC_ERROR_FORMAT, "head size: found %zu, expected an even number: rotary positions turn pairs", t->head_dim);
  t->max_positions = 2048;
  return bnc_json_get_size(root, "max_position_embeddings", 1, INT32_MAX, &t->max_positions, err);
}

static bnc_status parse_llama3_scaling(bnc_rope_scaling *rope, size_t max_positions, yyjson_val *scaling, bnc_error *err) {
  size_t original = max_positions;
  TRY(bnc_json_require(scaling, "low_freq_factor", err));
  TRY(bnc_json_require(scaling, "high_freq_factor", err));
  TRY(bnc_json_get_double(scaling, "low_freq_factor", 1e-3, 1e6, &rope->low_freq_factor, err));
  TRY(bnc_json_get_double(scaling, "high_freq_factor", 1e-3, 1e6, &rope->high_freq_factor, err));
  TRY(bnc_json_get_size(scaling, "original_max_position_embeddings", 1, INT32_MAX, &original, err));
  rope->original_positions = (double)original;
  if (rope->high_freq_factor <= rope->low_freq_factor)
    return bnc_fail(err, BNC_ERROR_FORMAT, "\"high_freq_factor\": found %g, expected more than \"low_freq_factor\" (%g)",
                    rope->high_freq_factor, rope->low_freq_factor);
  rope->kind = BNC_ROPE_LLAMA3;
  return BNC_OK;
}

static bnc_status parse_rope(bnc_text_geometry *t, yyjson_val *root, bnc_error *err) {
  yyjson_val *scaling = NULL;
  const char *kind = "default";
  double partial = 1;
  t->rope_theta = 10000;
  TRY(bnc_json_get_double(root, "rope_theta", 1, 1e15, &t->rope_theta, err));
  TRY(bnc_json_get_double(root, "partial_rotary_factor", 0, 1, &partial, err));
  if (partial < 1) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"partial_rotary_factor\": found %g, expected 1", partial);
  /* "rope_parameters" is what transformers 5 calls it; theta has moved in there. */
  const char *key = bnc_json_given(root, "rope_scaling") ? "rope_scaling" : "rope_parameters";
  TRY(bnc_json_get_object(root, key, &scaling, err));
  if (!scaling) return BNC_OK;
  bnc_status s = bnc_json_get_double(scaling, "rope_theta", 1, 1e15, &t->rope_theta, err);
  if (s == BNC_OK) s = bnc_json_get_string(scaling, "type", &kind, err);
  if (s == BNC_OK) s = bnc_json_get_string(scaling, "rope_type", &kind, err);
  if (s == BNC_OK && strcmp(kind, "default") != 0) {
    if (strcmp(kind, "linear") != 0 && strcmp(kind, "llama3") != 0)
      return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"%s\": found the type \"%.40s\", expected none, \"default\", \"linear\" or \"llama3\"",
                      key, kind);
    t->rope.kind = BNC_ROPE_LINEAR;
    s = bnc_json_require(scaling, "factor", err);
    if (s == BNC_OK) s = bnc_json_get_double(scaling, "factor", 1, 1e6, &t->rope.factor, err);
    if (s == BNC_OK && strcmp(kind, "llama3") == 0) s = parse_llama3_scaling(&t->rope, t->max_positions, scaling, err);
  }
  if (s != BNC_OK) bnc_error_prefix(err, "\"%s\"", key);
  return s;
}

static bnc_status parse_eos(bnc_text_geometry *t, yyjson_val *root, bnc_error *err) {
  char found[BNC_JSON_FOUND_SIZE];
  yyjson_val *v = bnc_json_given(root, "eos_token_id");
  const size_t n = yyjson_is_arr(v) ? yyjson_arr_size(v) : v != NULL;
  for (size_t i = 0; i < n; i++) {
    yyjson_val *id = yyjson_is_arr(v) ? yyjson_arr_get(v, i) : v;
    if (!yyjson_is_uint(id) || yyjson_get_uint(id) >= t->vocab)
      return bnc_fail(err, BNC_ERROR_FORMAT, "\"eos_token_id\": found %s, expected ids from 0 to %zu", bnc_json_found(id, found),
                      t->vocab - 1);
    size_t known = 0;
    while (known < t->eos_count && t->eos[known] != (int32_t)yyjson_get_uint(id)) known++;
    if (known < t->eos_count) continue;
    if (t->eos_count == BNC_GEOMETRY_EOS_MAX)
      return bnc_fail(err, BNC_ERROR_LIMIT, "\"eos_token_id\": found more than %d ids", BNC_GEOMETRY_EOS_MAX);
    t->eos[t->eos_count++] = (int32_t)yyjson_get_uint(id);
  }
  return BNC_OK;
}

static bnc_status parse_tokens(bnc_text_geometry *t, yyjson_val *root, bnc_error *err) {
  int64_t bos = BNC_GEOMETRY_NO_TOKEN, pad = BNC_GEOMETRY_NO_TOKEN;
  double context = (double)t->max_positions;
  TRY(bnc_json_get_int(root, "bos_token_id", 0, (int64_t)t->vocab - 1, &bos, err));
  TRY(bnc_json_get_int(root, "pad_token_id", INT32_MIN, INT32_MAX, &pad, err));
  TRY(parse_eos(t, root, err));
  /* Tokenizers without a limit say 1e30. */
  TRY(bnc_json_get_double(root, "tokenizer_model_max_length", 1, 1e300, &context, err));
  t->context = context < (double)t->max_positions ? (size_t)context : t->max_positions;
  t->bos = (int32_t)bos;
  /* No answer contains the padding token: an old LLaMA's -1, or an id that the vocabulary lacks, means that there is none. */
  t->pad = pad >= 0 && pad < (int64_t)t->vocab ? (int32_t)pad : BNC_GEOMETRY_NO_TOKEN;
  return BNC_OK;
}

/* The kinds of models: whether q, k and v have biases without being asked, and whether attention may be limited to a window. */
static const struct {
  const char *type;
  bool bias, windowed;
} families[] = {{"llama", false, false},        {"llava_llama", false, false}, {"llava", false, false}, {"mistral", false, true},
                {"llava_mistral", false, true}, {"llava_qwen", true, true},    {"qwen2", true, true}};

/* Mistral's models say how far attention reaches, or null; Qwen2's only where "use_sliding_window" is true. */
static bnc_status parse_window(bnc_text_geometry *t, yyjson_val *root, bnc_error *err) {
  bool use = true;
  TRY(bnc_json_get_bool(root, "use_sliding_window", &use, err));
  if (use) TRY(bnc_json_get_size(root, "sliding_window", 1, INT32_MAX, &t->window, err));
  return BNC_OK;
}

static bnc_status check_model_kind(bnc_text_geometry *t, bool *windowed, yyjson_val *root, bnc_error *err) {
  const char *type = "", *act = "silu";
  bool mlp_bias = false;
  TRY(bnc_json_require(root, "model_type", err));
  TRY(bnc_json_get_string(root, "model_type", &type, err));
  bool known = false;
  for (size_t i = 0; i < sizeof families / sizeof *families; i++)
    if (strcmp(type, families[i].type) == 0) {
      known = true;
      t->attention_bias = families[i].bias;
      *windowed = families[i].windowed;
    }
  if (!known)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED,
                    "\"model_type\": found \"%.60s\", expected \"llava_llama\", \"llava\", \"llama\", \"mistral\" or \"qwen2\"", type);
  if (bnc_json_given(root, "text_config"))
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED,
                    "\"text_config\": found the layout of transformers' own LLaVA, expected that of the LLaVA code "
                    "(LlavaLlamaForCausalLM)");
  if (bnc_json_given(root, "quantization_config"))
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"quantization_config\": found a quantised checkpoint, expected bf16, f16 or f32 weights");
  TRY(bnc_json_get_string(root, "hidden_act", &act, err));
  if (strcmp(act, "silu") != 0) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"hidden_act\": found \"%.60s\", expected \"silu\"", act);
  TRY(bnc_json_get_bool(root, "mlp_bias", &mlp_bias, err));
  if (mlp_bias) return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "\"mlp_bias\": found true, expected false");
  return BNC_OK;
}

static bnc_status parse_root(bnc_import_config *out, yyjson_val *root, bnc_error *err) {
  bnc_text_geometry *t = &out->text;
  /* Absent, they have defaults; null, they break the reference. */
  static const char *const values[] = {"rms_norm_eps",           "rope_theta", "max_position_embeddings", "hidden_act",
                                       "mm_vision_select_layer", NULL};
  double eps = 1e-6;
  bool windowed = false, bias = false;
  TRY(bnc_json_expect_object(root, "the config", err));
  TRY(bnc_json_refuse_nulls(root, values, err));
  TRY(check_model_kind(t, &windowed, root, err));
  TRY(parse_sizes(t, root, err));
  TRY(bnc_json_get_double(root, "rms_norm_eps", 0, 1, &eps, err));
  t->rms_eps = (float)eps;
  TRY(parse_rope(t, root, err));
  TRY(parse_tokens(t, root, err));
  TRY(bnc_json_get_bool(root, "attention_bias", &bias, err));
  t->attention_bias |= bias;
  t->output_bias = bias;
  if (windowed) TRY(parse_window(t, root, err));
  out->tie_given = bnc_json_given(root, "tie_word_embeddings") != NULL;
  TRY(bnc_json_get_bool(root, "tie_word_embeddings", &t->tie_word_embeddings, err));
  return bnc_import_config_vision(out, root, err);
}

bnc_status bnc_import_config_parse(bnc_import_config *out, const char *data, size_t size, bnc_error *err) {
  yyjson_doc *doc;
  memset(out, 0, sizeof *out);
  bnc_tower_config_default(&out->tower);
  bnc_status s = bnc_json_parse(&doc, data, size, err);
  if (s == BNC_OK) s = parse_root(out, yyjson_doc_get_root(doc), err);
  yyjson_doc_free(doc);
  return s;
}

bnc_status bnc_generation_config_parse(bnc_import_config *config, const char *data, size_t size, bnc_error *err) {
  yyjson_doc *doc;
  bnc_status s = bnc_json_parse(&doc, data, size, err);
  if (s == BNC_OK) s = bnc_json_expect_object(yyjson_doc_get_root(doc), "the config", err);
  if (s == BNC_OK) s = parse_eos(&config->text, yyjson_doc_get_root(doc), err);
  yyjson_doc_free(doc);
  return s;
}
