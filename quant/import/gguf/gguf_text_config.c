/* SPDX-License-Identifier: Apache-2.0 */
/* What the keys of a language model say. ARCH is general.architecture; the models are LLaMA's, Qwen2 with biases of q, k and v. */
#include <stdio.h>
#include <string.h>

#include "quant/import/gguf/gguf_file.h"
#include "quant/import/gguf/gguf_names.h"

#define TRY(call)                                                                                                                          \
  do {                                                                                                                                     \
    bnc_status s_ = (call);                                                                                                                \
    if (s_ != BNC_OK) return s_;                                                                                                           \
  } while (0)

typedef struct keys {
  const bnc_gguf *gguf;
  char arch[16];
  bnc_error *err;
} keys;

#define KEY 64
static const char *key_of(const keys *k, const char *name, char out[KEY]) {
  snprintf(out, KEY, "%s.%s", k->arch, name);
  return out;
}

static bnc_status size_of(const keys *k, const char *name, bool required, size_t highest, size_t *out) {
  char key[KEY];
  key_of(k, name, key);
  if (required) TRY(bnc_gguf_require(k->gguf, key, k->err));
  return bnc_gguf_get_size(k->gguf, key, 1, highest, out, k->err);
}

static bnc_status number_of(const keys *k, const char *name, double lowest, double highest, double *out) {
  char key[KEY];
  return bnc_gguf_get_double(k->gguf, key_of(k, name, key), lowest, highest, out, k->err);
}

static bnc_status parse_architecture(keys *k) {
  const char *text = "";
  size_t size = 0;
  TRY(bnc_gguf_require(k->gguf, "general.architecture", k->err));
  TRY(bnc_gguf_get_text(k->gguf, "general.architecture", &text, &size, k->err));
  if (size == 4 && memcmp(text, "clip", 4) == 0)
    return bnc_fail(k->err, BNC_ERROR_FORMAT, "found the vision side of a model: pass the language model, and this file with --mmproj");
  if (!(size == 5 && (memcmp(text, "llama", 5) == 0 || memcmp(text, "qwen2", 5) == 0)))
    return bnc_fail(k->err, BNC_ERROR_UNSUPPORTED, "\"general.architecture\": found \"%.*s\", expected \"llama\" or \"qwen2\"",
                    (int)(size < 60 ? size : 60), text);
  memcpy(k->arch, text, size);
  return BNC_OK;
}

static bnc_status parse_sizes(const keys *k, bnc_text_geometry *t, const bnc_source_list *tensors) {
  const bnc_source_tensor *embedding = bnc_gguf_stored(tensors, "token_embd.weight");
  size_t value_length = 0, turned = 0, experts = 0;
  char key[KEY];
  if (!embedding || embedding->rank != 2 || embedding->shape[0] > BNC_MAX_VOCAB)
    return bnc_fail(k->err, BNC_ERROR_FORMAT, "\"token_embd.weight\": found no such matrix of at most %d rows", BNC_MAX_VOCAB);
  t->vocab = embedding->shape[0];
  TRY(size_of(k, "embedding_length", true, BNC_MAX_WIDTH, &t->hidden));
  TRY(size_of(k, "block_count", true, BNC_MAX_LAYERS, &t->layers));
  TRY(size_of(k, "feed_forward_length", true, BNC_MAX_FFN, &t->ffn));
  TRY(size_of(k, "attention.head_count", true, BNC_MAX_HEADS, &t->heads));
  t->kv_heads = t->heads;
  TRY(size_of(k, "attention.head_count_kv", false, BNC_MAX_HEADS, &t->kv_heads));
  t->head_dim = t->hidden / t->heads;
  TRY(size_of(k, "attention.key_length", false, BNC_MAX_WIDTH, &t->head_dim));
  value_length = turned = t->head_dim;
  TRY(size_of(k, "attention.value_length", false, BNC_MAX_WIDTH, &value_length));
  TRY(size_of(k, "rope.dimension_count", false, BNC_MAX_WIDTH, &turned));
  TRY(bnc_gguf_get_size(k->gguf, key_of(k, "expert_count", key), 0, SIZE_MAX, &experts, k->err));
  if (experts) return bnc_fail(k->err, BNC_ERROR_UNSUPPORTED, "\"%s\": found %zu, expected a model without experts", key, experts);
  if (t->heads % t->kv_heads)
    return bnc_fail(k->err, BNC_ERROR_FORMAT, "%zu attention heads, expected a multiple of the %zu of keys and values", t->heads,
                    t->kv_heads);
  if (t->head_dim == 0 || t->head_dim % 2 || value_length != t->head_dim || turned != t->head_dim)
    return bnc_fail(k->err, BNC_ERROR_UNSUPPORTED,
                    "found heads of %zu keys and %zu values, of which %zu turn with the position; expected one even number", t->head_dim,
                    value_length, turned);
  TRY(size_of(k, "context_length", true, INT32_MAX, &t->max_positions));
  t->context = t->max_positions;
  return BNC_OK;
}

static bnc_status parse_rope(const keys *k, bnc_text_geometry *t) {
  const char *kind = "none";
  size_t size = 4;
  char key[KEY];
  double factor = 1, eps = 0;
  t->rope_theta = 10000;
  TRY(number_of(k, "rope.freq_base", 1, 1e15, &t->rope_theta));
  TRY(number_of(k, "rope.scale_linear", 1, 1e6, &factor));
  TRY(number_of(k, "rope.scaling.factor", 1, 1e6, &factor));
  TRY(bnc_gguf_get_text(k->gguf, key_of(k, "rope.scaling.type", key), &kind, &size, k->err));
  const bool linear = size == 6 && memcmp(kind, "linear", 6) == 0;
  if (!linear && (size != 4 || memcmp(kind, "none", 4) != 0))
    return bnc_fail(k->err, BNC_ERROR_UNSUPPORTED, "\"%s\": found \"%.*s\", expected \"none\" or \"linear\"", key,
                    (int)(size < 40 ? size : 40), kind);
  if (linear || factor > 1) {
    t->rope.kind = BNC_ROPE_LINEAR;
    t->rope.factor = factor;
  }
  TRY(bnc_gguf_require(k->gguf, key_of(k, "attention.layer_norm_rms_epsilon", key), k->err));
  TRY(bnc_gguf_get_double(k->gguf, key, 0, 1, &eps, k->err));
  t->rms_eps = (float)eps;
  return size_of(k, "attention.sliding_window", false, INT32_MAX, &t->window);
}

static bnc_status parse_tokens(const keys *k, bnc_text_geometry *t) {
  static const char *const ends[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
  const size_t none = t->vocab;
  size_t bos = none, pad = none;
  TRY(bnc_gguf_get_size(k->gguf, "tokenizer.ggml.bos_token_id", 0, SIZE_MAX, &bos, k->err));
  TRY(bnc_gguf_get_size(k->gguf, "tokenizer.ggml.padding_token_id", 0, SIZE_MAX, &pad, k->err));
  /* An id beyond the vocabulary means that there is none, as in older files' -1. */
  t->bos = bos < none ? (int32_t)bos : BNC_GEOMETRY_NO_TOKEN;
  t->pad = pad < none ? (int32_t)pad : BNC_GEOMETRY_NO_TOKEN;
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    size_t id = none, known = 0;
    TRY(bnc_gguf_get_size(k->gguf, ends[i], 0, SIZE_MAX, &id, k->err));
    while (known < t->eos_count && (size_t)t->eos[known] != id) known++;
    if (id < none && known == t->eos_count) t->eos[t->eos_count++] = (int32_t)id;
  }
  return BNC_OK;
}

bnc_status bnc_gguf_text_config(bnc_import_config *config, const bnc_gguf *gguf, const bnc_source_list *tensors, bnc_error *err) {
  keys k = {.gguf = gguf, .err = err};
  bnc_text_geometry *t = &config->text;
  TRY(parse_architecture(&k));
  TRY(parse_sizes(&k, t, tensors));
  TRY(parse_rope(&k, t));
  t->attention_bias = bnc_gguf_stored(tensors, "blk.0.attn_q.bias") != NULL;
  t->output_bias = bnc_gguf_stored(tensors, "blk.0.attn_output.bias") != NULL;
  return parse_tokens(&k, t);
}
