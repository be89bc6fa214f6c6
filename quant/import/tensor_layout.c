/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/tensor_layout.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct layout {
  bnc_layout_visit visit;
  void *context;
  bnc_error *err;
  bnc_status status; /* of the first visit that failed; nothing is visited after it */
  char prefix[96];
} layout;

__attribute__((format(printf, 2, 3))) static void set_prefix(layout *l, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(l->prefix, sizeof l->prefix, format, args);
  va_end(args);
}

static void expect(layout *l, const char *name, const char *suffix, size_t rank, const size_t *shape) {
  char full[192];
  if (l->status != BNC_OK) return;
  snprintf(full, sizeof full, "%s%s%s", l->prefix, name, suffix);
  l->status = l->visit(l->context, full, rank, shape, l->err);
}

static void expect_vector(layout *l, const char *name, size_t size) { expect(l, name, "", 1, (size_t[]){size}); }
static void expect_matrix(layout *l, const char *name, size_t rows, size_t columns) { expect(l, name, "", 2, (size_t[]){rows, columns}); }

static void expect_linear(layout *l, const char *name, size_t out, size_t in, bool bias) {
  expect(l, name, ".weight", 2, (size_t[]){out, in});
  if (bias) expect(l, name, ".bias", 1, (size_t[]){out});
}

static void expect_layer_norm(layout *l, const char *name, size_t size) {
  expect(l, name, ".weight", 1, (size_t[]){size});
  expect(l, name, ".bias", 1, (size_t[]){size});
}

static void text_layout(layout *l, const bnc_text_geometry *t) {
  const size_t h = t->hidden, q = t->heads * t->head_dim, kv = t->kv_heads * t->head_dim;
  set_prefix(l, "model.");
  expect_matrix(l, "embed_tokens.weight", t->vocab, h);
  for (size_t i = 0; i < t->layers && l->status == BNC_OK; i++) {
    set_prefix(l, "model.layers.%zu.", i);
    expect_vector(l, "input_layernorm.weight", h);
    expect_linear(l, "self_attn.q_proj", q, h, t->attention_bias);
    expect_linear(l, "self_attn.k_proj", kv, h, t->attention_bias);
    expect_linear(l, "self_attn.v_proj", kv, h, t->attention_bias);
    expect_linear(l, "self_attn.o_proj", h, q, t->output_bias);
    expect_vector(l, "post_attention_layernorm.weight", h);
    expect_linear(l, "mlp.gate_proj", t->ffn, h, false);
    expect_linear(l, "mlp.up_proj", t->ffn, h, false);
    expect_linear(l, "mlp.down_proj", h, t->ffn, false);
  }
  set_prefix(l, "model.");
  expect_vector(l, "norm.weight", h);
  set_prefix(l, "%s", "");
  if (!t->tie_word_embeddings) expect_matrix(l, "lm_head.weight", t->vocab, h);
}

static void tower_layout(layout *l, const bnc_vision_geometry *v) {
  const size_t c = v->width;
  set_prefix(l, "vision_model.");
  expect_vector(l, "embeddings.class_embedding", c);
  expect(l, "embeddings.patch_embedding.weight", "", 4, (size_t[]){c, 3, v->patch, v->patch});
  expect_matrix(l, "embeddings.position_embedding.weight", v->grid * v->grid + 1, c);
  expect_layer_norm(l, "pre_layrnorm", c);
  for (size_t i = 0; i < v->layers && l->status == BNC_OK; i++) {
    set_prefix(l, "vision_model.encoder.layers.%zu.", i);
    expect_layer_norm(l, "layer_norm1", c);
    expect_linear(l, "self_attn.q_proj", c, c, true);
    expect_linear(l, "self_attn.k_proj", c, c, true);
    expect_linear(l, "self_attn.v_proj", c, c, true);
    expect_linear(l, "self_attn.out_proj", c, c, true);
    expect_layer_norm(l, "layer_norm2", c);
    expect_linear(l, "mlp.fc1", v->mlp, c, true);
    expect_linear(l, "mlp.fc2", c, v->mlp, true);
  }
}

static void dem_layout(layout *l, const bnc_vision_geometry *v) {
  const size_t c = v->width;
  set_prefix(l, "model.spatial_embed.");
  expect_linear(l, "attention.linears.0", c, c, true);
  expect_linear(l, "attention.linears.1", c, c, true);
  expect_linear(l, "attention.linears.2", c, c, true);
  expect_linear(l, "attention.linears.3", c, c, true);
  expect_layer_norm(l, "attention.ln", c);
  expect_linear(l, "ffn_crop.0", v->dem_mid, c, true);
  expect_linear(l, "ffn_crop.2", v->dem_out, v->dem_mid, true);
  expect_linear(l, "ffn_stride.0", v->dem_mid, c, true);
  expect_linear(l, "ffn_stride.2", v->dem_out, v->dem_mid, true);
  expect_layer_norm(l, "ln_fuse", c);
}

bnc_status bnc_tensor_layout(const bnc_geometry *geometry, bnc_layout_visit visit, void *context, bnc_error *err) {
  layout l = {.visit = visit, .context = context, .err = err, .status = BNC_OK};
  text_layout(&l, &geometry->text);
  if (!geometry->has_vision) return l.status;
  tower_layout(&l, &geometry->vision);
  if (geometry->vision.has_dem) dem_layout(&l, &geometry->vision);
  for (size_t i = 0; i < geometry->vision.projector_depth; i++) {
    set_prefix(&l, "model.mm_projector.%zu", 2 * i);
    expect_linear(&l, "", geometry->text.hidden, i ? geometry->text.hidden : geometry->vision.width, true);
  }
  return l.status;
}
