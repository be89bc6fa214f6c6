/* SPDX-License-Identifier: Apache-2.0 */
/* LLaMA (Touvron et al. 2023; transformers' LlamaForCausalLM) over rows of embeddings, against the KV cache. */
#include <math.h>
#include <stdio.h>

#include "quant/graph/build.h"

typedef struct text {
  bnc_graph *g;
  const bnc_text_geometry *t;
  const bnc_build_options *options;
  size_t rows;
} text;

static bnc_value_id linear(text *b, size_t layer, const char *what, bnc_value_id x, size_t n, bool with_bias) {
  char label[96], weight[96], bias[96];
  snprintf(label, sizeof label, "layer%zu.%s", layer, what);
  snprintf(weight, sizeof weight, "model.layers.%zu.%s.weight", layer, what);
  snprintf(bias, sizeof bias, "model.layers.%zu.%s.bias", layer, what);
  bnc_linear_names names = {label, weight, with_bias ? bias : NULL};
  const size_t group = bnc_text_group(b->options->precision, layer, bnc_text_site_of(what), b->options->group);
  const bool int8 = b->options->precision && group == 0;
  return bnc_build_linear(b->g, x, n, names, int8 ? BNC_WEIGHT_QC8 : b->options->text_weights, group);
}

static bnc_value_id rms_norm(text *b, const char *label, const char *tensor, bnc_value_id x) {
  bnc_graph *g = b->g;
  if (g->failed) return BNC_NO_VALUE;
  bnc_value_id in[2] = {x, bnc_build_constant(g, tensor, 1, g->value[x].cols)};
  bnc_node *node = bnc_graph_add(g, BNC_NODE_RMS_NORM, bnc_constants_string(g->constants, "%s", label), g->failed ? 0 : g->value[x].rows,
                                 g->failed ? 0 : g->value[x].cols, BNC_ELEMENT_F32, in, 2);
  node->eps = b->t->rms_eps;
  return node->output;
}

static bnc_value_id rotate(text *b, size_t layer, const char *what, bnc_value_id x, size_t heads) {
  char label[64];
  snprintf(label, sizeof label, "layer%zu.%s", layer, what);
  bnc_value_id out = bnc_build_unary(b->g, BNC_NODE_ROPE, label, x);
  if (!b->g->failed) b->g->node[b->g->value[out].producer].heads = (uint32_t)heads;
  return out;
}

static bnc_value_id attention(text *b, size_t layer, bnc_value_id h) {
  const bnc_text_geometry *t = b->t;
  bnc_graph *g = b->g;
  bnc_value_id q = rotate(b, layer, "rope_q", linear(b, layer, "self_attn.q_proj", h, t->heads * t->head_dim, t->attention_bias), t->heads);
  bnc_value_id k =
      rotate(b, layer, "rope_k", linear(b, layer, "self_attn.k_proj", h, t->kv_heads * t->head_dim, t->attention_bias), t->kv_heads);
  bnc_value_id v = linear(b, layer, "self_attn.v_proj", h, t->kv_heads * t->head_dim, t->attention_bias);
  bnc_value_id kv[2] = {k, v};
  bnc_node *append = bnc_graph_add(g, BNC_NODE_KV_APPEND, bnc_constants_string(g->constants, "layer%zu.kv_append", layer),
                                   b->options->context, 2 * t->kv_heads * t->head_dim, BNC_ELEMENT_STATE, kv, 2);
  append->layer = (uint32_t)layer;
  append->kv_heads = (uint32_t)t->kv_heads;
  bnc_value_id in[2] = {q, append->output};
  bnc_node *node = bnc_graph_add(g, BNC_NODE_CACHE_ATTENTION, bnc_constants_string(g->constants, "layer%zu.attention", layer), b->rows,
                                 t->heads * t->head_dim, BNC_ELEMENT_F32, in, 2);
  node->heads = (uint32_t)t->heads;
  node->kv_heads = (uint32_t)t->kv_heads;
  node->layer = (uint32_t)layer;
  node->scale = (float)(1.0 / sqrt((double)t->head_dim));
  return linear(b, layer, "self_attn.o_proj", node->output, t->hidden, t->output_bias);
}

static bnc_value_id mlp(text *b, size_t layer, bnc_value_id h) {
  char label[64];
  bnc_value_id gate = linear(b, layer, "mlp.gate_proj", h, b->t->ffn, false);
  bnc_value_id up = linear(b, layer, "mlp.up_proj", h, b->t->ffn, false);
  snprintf(label, sizeof label, "layer%zu.silu_mul", layer);
  bnc_value_id x = bnc_build_binary(b->g, BNC_NODE_SILU_MUL, label, gate, up);
  snprintf(label, sizeof label, "layer%zu.hadamard", layer);
  if (b->options->rotated) x = bnc_build_hadamard(b->g, label, x);
  return linear(b, layer, "mlp.down_proj", x, b->t->hidden, false);
}

bnc_status bnc_build_text(bnc_graph *g, const bnc_geometry *geometry, const bnc_build_options *options, size_t rows) {
  const bnc_text_geometry *t = &geometry->text;
  text b = {g, t, options, rows};
  char label[64], tensor[96];
  bnc_node *input =
      bnc_graph_add(g, BNC_NODE_INPUT, bnc_constants_string(g->constants, "embeddings"), rows, t->hidden, BNC_ELEMENT_F32, NULL, 0);
  g->program_input = input->output;
  if (!g->failed) g->value[input->output].varying = true;
  bnc_value_id x = input->output;
  for (size_t i = 0; i < t->layers && !g->failed; i++) {
    snprintf(label, sizeof label, "layer%zu.input_layernorm", i);
    snprintf(tensor, sizeof tensor, "model.layers.%zu.input_layernorm.weight", i);
    bnc_value_id a = attention(&b, i, rms_norm(&b, label, tensor, x));
    snprintf(label, sizeof label, "layer%zu.add1", i);
    x = bnc_build_binary(g, BNC_NODE_ADD, label, x, a);
    snprintf(label, sizeof label, "layer%zu.post_attention_layernorm", i);
    snprintf(tensor, sizeof tensor, "model.layers.%zu.post_attention_layernorm.weight", i);
    bnc_value_id m = mlp(&b, i, rms_norm(&b, label, tensor, x));
    snprintf(label, sizeof label, "layer%zu.add2", i);
    x = bnc_build_binary(g, BNC_NODE_ADD, label, x, m);
  }
  /* The last norm's weights stay where they are: the stream is turned back for them, and turned again for the head. */
  if (options->rotated) x = bnc_build_hadamard(g, "norm.hadamard", x);
  x = rms_norm(&b, "norm", "model.norm.weight", x);
  if (options->rotated) x = bnc_build_hadamard(g, "lm_head.hadamard", x);
  bnc_linear_names head = {"lm_head", t->tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight", NULL};
  /* The head stays int8 under int4 text weights unless asked for otherwise: it decides the token, and costs little beside the layers. */
  x = bnc_build_linear(g, x, t->vocab, head, bnc_build_head_type(options), BNC_QC4_GROUP);
  if (!g->failed)
    g->program_output =
        bnc_graph_add(g, BNC_NODE_LAST_ROW, bnc_constants_string(g->constants, "last_row"), 1, t->vocab, BNC_ELEMENT_F32, &x, 1)->output;
  return bnc_graph_status(g);
}
