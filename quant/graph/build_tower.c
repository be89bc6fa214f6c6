/* SPDX-License-Identifier: Apache-2.0 */
/* CLIP's vision tower (Radford et al. 2021; transformers' CLIPVisionModel): class token first, pre_layrnorm, pre-norm blocks. */
#include <math.h>
#include <stdio.h>

#include "platforms/base/mem.h"
#include "quant/graph/build.h"

#define TOWER "vision_model"

typedef struct tower {
  bnc_graph *g;
  const bnc_vision_geometry *v;
  const bnc_build_options *options;
  const char *tile;
  char label[96], weight[160], bias[160];
} tower;

static const char *label_of(tower *t, size_t layer, const char *what) {
  snprintf(t->label, sizeof t->label, "%s.layer%zu.%s", t->tile, layer, what);
  return t->label;
}

static bnc_value_id linear(tower *t, size_t layer, const char *what, bnc_value_id x, size_t n) {
  snprintf(t->weight, sizeof t->weight, TOWER ".encoder.layers.%zu.%s.weight", layer, what);
  snprintf(t->bias, sizeof t->bias, TOWER ".encoder.layers.%zu.%s.bias", layer, what);
  bnc_linear_names names = {label_of(t, layer, what), t->weight, t->bias};
  return bnc_build_linear(t->g, x, n, names, t->options->vision_weights, t->options->group);
}

static bnc_value_id norm(tower *t, size_t layer, const char *what, bnc_value_id x) {
  snprintf(t->weight, sizeof t->weight, TOWER ".encoder.layers.%zu.%s", layer, what);
  return bnc_build_layer_norm(t->g, x, label_of(t, layer, what), t->weight, t->v->ln_eps);
}

static bnc_value_id block(tower *t, size_t layer, bnc_value_id x) {
  const bnc_vision_geometry *v = t->v;
  bnc_graph *g = t->g;
  bnc_value_id h = norm(t, layer, "layer_norm1", x);
  bnc_value_id qkv[3] = {linear(t, layer, "self_attn.q_proj", h, v->width), linear(t, layer, "self_attn.k_proj", h, v->width),
                         linear(t, layer, "self_attn.v_proj", h, v->width)};
  if (g->failed) return BNC_NO_VALUE;
  bnc_node *attention = bnc_graph_add(g, BNC_NODE_ATTENTION, bnc_constants_string(g->constants, "%s", label_of(t, layer, "attention")),
                                      g->value[x].rows, v->width, BNC_ELEMENT_F32, qkv, 3);
  attention->heads = attention->kv_heads = (uint32_t)v->heads;
  attention->scale = (float)(1.0 / sqrt((double)(v->width / v->heads)));
  attention->int8 = bnc_build_attention_int8(t->options->vision_weights, v->width / v->heads);
  bnc_value_id a = linear(t, layer, "self_attn.out_proj", attention->output, v->width);
  x = bnc_build_binary(g, BNC_NODE_ADD, label_of(t, layer, "add1"), x, a);
  h = norm(t, layer, "layer_norm2", x);
  h = linear(t, layer, "mlp.fc1", h, v->mlp);
  h = bnc_build_unary(g, v->activation == BNC_VISION_GELU ? BNC_NODE_GELU : BNC_NODE_QUICK_GELU, label_of(t, layer, "activation"), h);
  h = linear(t, layer, "mlp.fc2", h, v->width);
  return bnc_build_binary(g, BNC_NODE_ADD, label_of(t, layer, "add2"), x, h);
}

/* class embedding + position 0 is one constant row; the patches get positions 1 ... The sums are those of the reference. */
static bnc_value_id embed(tower *t, bnc_value_id patches) {
  const bnc_vision_geometry *v = t->v;
  bnc_graph *g = t->g;
  bnc_constants *c = g->constants;
  size_t rows = v->grid * v->grid, width = v->width;
  if (g->failed) return BNC_NO_VALUE;
  float *position = bnc_mem_array((rows + 1) * width, sizeof *position), *class_row = bnc_mem_array(width, sizeof *class_row);
  uint32_t first = BNC_NO_ID, rest = BNC_NO_ID;
  bnc_status s = position && class_row ? BNC_OK : bnc_fail_memory(g->err, (rows + 2) * width * sizeof(float));
  if (s == BNC_OK)
    s = c->source->read(c->source->context, TOWER ".embeddings.position_embedding.weight", 0, (rows + 1) * width, position, g->err);
  if (s == BNC_OK) s = c->source->read(c->source->context, TOWER ".embeddings.class_embedding", 0, width, class_row, g->err);
  for (size_t i = 0; s == BNC_OK && i < width; i++) class_row[i] += position[i];
  if (s == BNC_OK) s = bnc_constants_add(c, 1, width, class_row, &first, g->err);
  if (s == BNC_OK) s = bnc_constants_add(c, rows, width, position + width, &rest, g->err);
  bnc_mem_free(position);
  bnc_mem_free(class_row);
  if (s != BNC_OK) {
    g->failed = true;
    return BNC_NO_VALUE;
  }
  bnc_node *node = bnc_graph_add(g, BNC_NODE_CONSTANT, bnc_constants_string(c, "class_embedding"), 1, width, BNC_ELEMENT_F32, NULL, 0);
  node->constant = first;
  bnc_value_id in[2] = {node->output, BNC_NO_VALUE};
  node = bnc_graph_add(g, BNC_NODE_CONSTANT, bnc_constants_string(c, "position_embedding"), rows, width, BNC_ELEMENT_F32, NULL, 0);
  node->constant = rest;
  in[1] = bnc_build_binary(g, BNC_NODE_ADD, "", patches, node->output);
  if (!g->failed) g->node[g->value[in[1]].producer].name = bnc_constants_string(c, "%s.positions", t->tile);
  return bnc_graph_add(g, BNC_NODE_CONCAT_ROWS, bnc_constants_string(c, "%s.tokens", t->tile), rows + 1, width, BNC_ELEMENT_F32, in, 2)
      ->output;
}

bnc_value_id bnc_build_tower(bnc_graph *g, const bnc_geometry *geometry, const bnc_build_options *options, const char *tile,
                             bnc_value_id pixels) {
  const bnc_vision_geometry *v = &geometry->vision;
  tower t = {.g = g, .v = v, .options = options, .tile = tile};
  size_t rows = v->grid * v->grid;
  bnc_node *patches = bnc_graph_add(g, BNC_NODE_PATCHES, bnc_constants_string(g->constants, "%s.patches", tile), rows,
                                    3 * v->patch * v->patch, BNC_ELEMENT_F32, &pixels, 1);
  patches->patch = (uint32_t)v->patch;
  bnc_taps whole = {0};
  uint32_t rows_of_pixels = BNC_NO_ID;
  if (!g->failed && (bnc_taps_strided(&whole, v->tile, v->tile, 0, 1, g->err) != BNC_OK ||
                     bnc_constants_add_taps(g->constants, &whole, &rows_of_pixels, g->err) != BNC_OK))
    g->failed = true;
  patches->taps[0] = patches->taps[1] = rows_of_pixels;
  snprintf(t.label, sizeof t.label, "%s.patch_embedding", tile);
  bnc_linear_names names = {t.label, TOWER ".embeddings.patch_embedding.weight", NULL};
  bnc_value_id x = bnc_build_linear(g, patches->output, v->width, names, options->vision_weights, options->group);
  x = embed(&t, x);
  snprintf(t.label, sizeof t.label, "%s.pre_layrnorm", tile);
  x = bnc_build_layer_norm(g, x, t.label, TOWER ".pre_layrnorm", v->ln_eps);
  bnc_value_id selected = x;
  for (size_t layer = 0; layer < v->layers && !g->failed; layer++) {
    x = block(&t, layer, x);
    if (layer + 1 == v->layers_used) selected = x;
  }
  if (v->select_cls || g->failed) return selected;
  bnc_taps taps;
  if (bnc_taps_strided(&taps, rows, rows + 1, 1, 1, g->err) != BNC_OK) {
    g->failed = true;
    return BNC_NO_VALUE;
  }
  snprintf(t.label, sizeof t.label, "%s.features", tile);
  return bnc_build_gather(g, t.label, selected, &taps);
}
