/* SPDX-License-Identifier: Apache-2.0 */
/* DEM, "spatial_embed" (arXiv 2407.16198, section 3.3): local and global features enhance each other by cross attention.
   Maps are n*g x n*g: crops placed as blocks, strided views interleaved. Everything here is index arithmetic and one shared attention. */
#include <math.h>
#include <stdio.h>

#include "platforms/base/mem.h"
#include "quant/graph/build.h"

#define DEM "model.spatial_embed"

typedef struct dem {
  bnc_graph *g;
  const bnc_vision_geometry *v;
  const bnc_build_options *options;
  size_t n, grid, rows; /* rows = grid * grid */
} dem;

/* A position (y, x) of the big map, as (part, row of the part): blocks of grid x grid, or phases of an n x n interleaving. */
static size_t block_row(const dem *d, size_t y, size_t x) {
  size_t part = d->n * (y / d->grid) + x / d->grid;
  return part * d->rows + (y % d->grid) * d->grid + x % d->grid;
}
static size_t phase_row(const dem *d, size_t y, size_t x) {
  size_t part = d->n * (y % d->n) + x % d->n;
  return part * d->rows + (y / d->n) * d->grid + x / d->n;
}

typedef size_t (*layout)(const dem *, size_t y, size_t x);

/* n*n parts, one behind the other, become the big map in row-major order. */
static bnc_value_id assemble(dem *d, const char *label, const bnc_value_id *parts, layout where) {
  bnc_graph *g = d->g;
  size_t side = d->n * d->grid, count = side * side;
  char joined[64];
  if (g->failed) return BNC_NO_VALUE;
  snprintf(joined, sizeof joined, "%s.parts", label);
  bnc_value_id all = bnc_graph_add(g, BNC_NODE_CONCAT_ROWS, bnc_constants_string(g->constants, "%s", joined), count, d->v->width,
                                   BNC_ELEMENT_F32, parts, d->n * d->n)
                         ->output;
  uint32_t *index = bnc_mem_array(count, sizeof *index);
  bnc_taps taps = {0};
  if (!index) bnc_fail_memory(g->err, count * sizeof *index);
  for (size_t y = 0; index && y < side; y++)
    for (size_t x = 0; x < side; x++) index[y * side + x] = (uint32_t)where(d, y, x);
  if (!index || bnc_taps_gather(&taps, count, count, index, g->err) != BNC_OK) g->failed = true;
  bnc_mem_free(index);
  return bnc_build_gather(g, label, all, &taps);
}

/* Part `part` of the big map under a layout. */
static bnc_value_id extract(dem *d, const char *label, bnc_value_id map, size_t part, layout where) {
  bnc_graph *g = d->g;
  size_t side = d->n * d->grid;
  uint32_t *index = bnc_mem_array(d->rows, sizeof *index);
  bnc_taps taps = {0};
  if (!index) bnc_fail_memory(g->err, d->rows * sizeof *index);
  for (size_t y = 0; index && y < side; y++)
    for (size_t x = 0; x < side; x++) {
      size_t row = where(d, y, x);
      if (row / d->rows == part) index[row % d->rows] = (uint32_t)(y * side + x);
    }
  if (!index || bnc_taps_gather(&taps, d->rows, side * side, index, g->err) != BNC_OK) g->failed = true;
  bnc_mem_free(index);
  return bnc_build_gather(g, label, map, &taps);
}

static bnc_value_id linear(dem *d, const char *prefix, const char *what, const char *tensor, bnc_value_id x, size_t n) {
  char label[96], weight[96], bias[96];
  snprintf(label, sizeof label, "%s.%s", prefix, what);
  snprintf(weight, sizeof weight, DEM ".%s.weight", tensor);
  snprintf(bias, sizeof bias, DEM ".%s.bias", tensor);
  bnc_linear_names names = {label, weight, bias};
  return bnc_build_linear(d->g, x, n, names, d->options->vision_weights, d->options->group);
}

/* LN(W_o attention(W_q query, W_k context, W_v context) + query) */
static bnc_value_id enhance(dem *d, const char *prefix, bnc_value_id query, bnc_value_id context) {
  bnc_graph *g = d->g;
  size_t width = d->v->width;
  char label[96];
  bnc_value_id qkv[3] = {linear(d, prefix, "q", "attention.linears.0", query, width),
                         linear(d, prefix, "k", "attention.linears.1", context, width),
                         linear(d, prefix, "v", "attention.linears.2", context, width)};
  if (g->failed) return BNC_NO_VALUE;
  bnc_node *node = bnc_graph_add(g, BNC_NODE_ATTENTION, bnc_constants_string(g->constants, "%s.attention", prefix), d->rows, width,
                                 BNC_ELEMENT_F32, qkv, 3);
  node->heads = node->kv_heads = (uint32_t)d->v->dem_heads;
  node->scale = (float)(1.0 / sqrt((double)(width / d->v->dem_heads)));
  node->int8 = bnc_build_attention_int8(d->options->vision_weights, width / d->v->dem_heads);
  bnc_value_id out = linear(d, prefix, "o", "attention.linears.3", node->output, width);
  snprintf(label, sizeof label, "%s.add", prefix);
  out = bnc_build_binary(g, BNC_NODE_ADD, label, out, query);
  snprintf(label, sizeof label, "%s.norm", prefix);
  return bnc_build_layer_norm(g, out, label, DEM ".attention.ln", d->v->dem_ln_eps);
}

static bnc_value_id bottleneck(dem *d, const char *name, bnc_value_id x) {
  char label[64], first[32], second[32];
  snprintf(label, sizeof label, "dem.%s", name);
  snprintf(first, sizeof first, "%s.0", name);
  snprintf(second, sizeof second, "%s.2", name);
  x = linear(d, label, "down", first, x, d->v->dem_mid);
  char gelu[72];
  snprintf(gelu, sizeof gelu, "%s.gelu", label);
  x = bnc_build_unary(d->g, BNC_NODE_GELU, gelu, x);
  return linear(d, label, "up", second, x, d->v->dem_out);
}

bnc_value_id bnc_build_dem(bnc_graph *g, const bnc_geometry *geometry, const bnc_build_options *options, const bnc_value_id *crops,
                           const bnc_value_id *strides) {
  const bnc_vision_geometry *v = &geometry->vision;
  dem d = {g, v, options, v->views, v->grid, v->grid * v->grid};
  size_t parts = d.n * d.n, side = d.n * d.grid;
  char label[64];
  bnc_value_id *enhanced = bnc_mem_array(parts, sizeof *enhanced);
  if (!enhanced) {
    bnc_fail_memory(g->err, parts * sizeof *enhanced);
    g->failed = true;
    return BNC_NO_VALUE;
  }
  bnc_value_id local = assemble(&d, "dem.local_map", crops, block_row);
  bnc_value_id global = assemble(&d, "dem.global_map", strides, phase_row);
  for (size_t p = 0; p < parts && !g->failed; p++) { /* block by block: global queries, local keys */
    snprintf(label, sizeof label, "dem.block%zu", p);
    bnc_value_id query = extract(&d, label, global, p, block_row);
    enhanced[p] = enhance(&d, label, query, extract(&d, label, local, p, block_row));
  }
  bnc_value_id enhanced_global = assemble(&d, "dem.enhanced_global", enhanced, block_row);
  for (size_t p = 0; p < parts && !g->failed; p++) { /* phase by phase: local queries, global keys */
    snprintf(label, sizeof label, "dem.phase%zu", p);
    bnc_value_id query = extract(&d, label, local, p, phase_row);
    enhanced[p] = enhance(&d, label, query, extract(&d, label, global, p, phase_row));
  }
  bnc_value_id enhanced_local = assemble(&d, "dem.enhanced_local", enhanced, phase_row);
  bnc_mem_free(enhanced);
  bnc_value_id halves[2] = {bottleneck(&d, "ffn_crop", enhanced_local), bottleneck(&d, "ffn_stride", enhanced_global)};
  bnc_value_id x = bnc_graph_add(g, BNC_NODE_CONCAT_COLS, bnc_constants_string(g->constants, "dem.cat"), side * side, 2 * v->dem_out,
                                 BNC_ELEMENT_F32, halves, 2)
                       ->output;
  x = bnc_build_binary(g, BNC_NODE_ADD, "dem.add_global", x, enhanced_global);
  x = bnc_build_binary(g, BNC_NODE_ADD, "dem.add_local", x, enhanced_local);
  x = bnc_build_layer_norm(g, x, "dem.ln_fuse", DEM ".ln_fuse", v->dem_ln_eps);
  bnc_taps line = {0}, plane = {0};
  if (!g->failed && (bnc_taps_bilinear(&line, v->grid, side, g->err) != BNC_OK || bnc_taps_outer(&plane, &line, &line, g->err) != BNC_OK))
    g->failed = true;
  bnc_taps_free(&line);
  return bnc_build_gather(g, "dem.bilinear", x, &plane);
}
