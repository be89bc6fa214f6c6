/* SPDX-License-Identifier: Apache-2.0 */
/* Lowering, aliasing and the memory plan: random graphs and random models, run over tags; and the arena of the full-size model. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/clock.h"
#include "platforms/base/mem.h"
#include "quant/compile/programs.h"
#include "tests/graph/random_geometry.h"
#include "tests/graph/simulate.h"
#include "tests/unit.h"

static const bnc_tensor_source source = {.read = simulated_read};

typedef struct random_graph {
  bnc_graph g;
  bnc_constants c;
  uint64_t r;
  bnc_value_id value[64]; /* to choose inputs from */
  size_t values;
} random_graph;

/* Mostly one of the last few: chains are where values take each other's places. */
static bnc_value_id pick(random_graph *q) {
  size_t few = q->values < 4 ? q->values : 4;
  return random_below(&q->r, 3) ? q->value[q->values - 1 - random_below(&q->r, few)] : q->value[random_below(&q->r, q->values)];
}

static bnc_value_id pick_like(random_graph *q, bnc_value_id like, bool rows, bool cols) {
  for (int i = 0; i < 50; i++) {
    bnc_value_id v = pick(q);
    if ((!rows || q->g.value[v].rows == q->g.value[like].rows) && (!cols || q->g.value[v].cols == q->g.value[like].cols)) return v;
  }
  return like;
}

static bnc_value_id random_take(random_graph *q, bnc_value_id x) {
  bnc_taps taps;
  bnc_error err;
  size_t in = q->g.value[x].rows, rows = 1 + random_below(&q->r, in), first = random_below(&q->r, in - rows + 1);
  if (random_below(&q->r, 2)) {
    assert_int_equal(bnc_taps_strided(&taps, rows, in, first, 1, &err), BNC_OK);
  } else {
    uint32_t index[64];
    for (size_t i = 0; i < rows; i++) index[i] = (uint32_t)random_below(&q->r, in);
    assert_int_equal(bnc_taps_gather(&taps, rows, in, index, &err), BNC_OK);
  }
  return bnc_build_gather(&q->g, "gather", x, &taps);
}

static bnc_value_id random_concat(random_graph *q, bnc_value_id x, bool rows) {
  bnc_value_id parts[3] = {x, pick_like(q, x, !rows, rows), pick_like(q, x, !rows, rows)};
  size_t count = 1 + random_below(&q->r, 3), size = 0;
  for (size_t i = 0; i < count; i++) size += rows ? q->g.value[parts[i]].rows : q->g.value[parts[i]].cols;
  if (size > 60) return x;
  return bnc_graph_add(&q->g, rows ? BNC_NODE_CONCAT_ROWS : BNC_NODE_CONCAT_COLS, 0, rows ? size : q->g.value[x].rows,
                       rows ? q->g.value[x].cols : size, BNC_ELEMENT_F32, parts, count)
      ->output;
}

static bnc_value_id random_node(random_graph *q) {
  bnc_graph *g = &q->g;
  bnc_value_id x = pick(q);
  size_t rows = g->value[x].rows, cols = g->value[x].cols;
  char name[32];
  switch (random_below(&q->r, 12)) {
    case 0:
    case 1:
    case 2: return bnc_build_binary(g, BNC_NODE_ADD, "add", x, pick_like(q, x, true, true));
    case 3: return bnc_build_binary(g, BNC_NODE_MEAN, "mean", x, pick_like(q, x, true, true));
    case 4: return bnc_build_layer_norm(g, x, "norm", "norm", 1e-5f);
    case 5: return bnc_build_unary(g, BNC_NODE_GELU, "gelu", x);
    case 6: return random_take(q, x);
    case 7: return random_concat(q, x, true);
    case 8: return random_concat(q, x, false);
    case 9: {
      size_t n = 1 + random_below(&q->r, cols), from = random_below(&q->r, cols - n + 1);
      bnc_node *slice = bnc_graph_add(g, BNC_NODE_SLICE_COLS, 0, rows, n, BNC_ELEMENT_F32, &x, 1);
      slice->from = (uint32_t)from;
      return slice->output;
    }
    case 10: return bnc_build_unary(g, BNC_NODE_ROPE, "rope", x);
    default: {
      size_t n = 1 + random_below(&q->r, 20);
      snprintf(name, sizeof name, "weight%zu", random_below(&q->r, 3));
      bnc_linear_names names = {"linear", name, NULL};
      return bnc_build_linear(g, x, n, names, random_below(&q->r, 2) ? BNC_WEIGHT_QC8 : BNC_WEIGHT_F32, 32);
    }
  }
}

static void test_random_graphs(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 8000; seed++) {
    bnc_error err = {0};
    random_graph q = {.r = seed};
    bnc_schedule s;
    char label[32];
    snprintf(label, sizeof label, "seed %llu", (unsigned long long)seed);
    bnc_constants_init(&q.c, &source);
    bnc_graph_init(&q.g, &q.c, &err);
    bnc_constants_string(&q.c, "node");
    q.g.program_input = q.value[q.values++] =
        bnc_graph_add(&q.g, BNC_NODE_INPUT, 0, 2 + random_below(&q.r, 12), 2 + random_below(&q.r, 12), BNC_ELEMENT_F32, NULL, 0)->output;
    for (size_t i = 0, nodes = 4 + random_below(&q.r, 26); i < nodes; i++) q.value[q.values++] = random_node(&q);
    q.g.program_output = q.value[q.values - 1];
    if (random_below(&q.r, 2)) bnc_graph_add_probe(&q.g, 0, 0, pick(&q));
    if (q.g.failed) fail_msg("%s: %s", label, err.text);
    if (q.g.program_output != q.g.program_input) {
      uint32_t passes = (uint32_t)random_next(&q.r) & BNC_ALL_PASSES;
      assert_int_equal(bnc_pass_remove_dead(&q.g), BNC_OK);
      if (passes & 1u << BNC_PASS_SIMPLIFY_TAPS) assert_int_equal(bnc_pass_simplify_taps(&q.g), BNC_OK);
      if (passes & 1u << BNC_PASS_PRUNE_ROWS) assert_int_equal(bnc_pass_prune_rows(&q.g), BNC_OK);
      if (passes & 1u << BNC_PASS_MERGE_EQUAL) assert_int_equal(bnc_pass_merge_equal(&q.g), BNC_OK);
      assert_int_equal(bnc_pass_quantize_inputs(&q.g, passes >> BNC_PASS_FUSE_QUANTIZE & 1u), BNC_OK);
      if (q.g.program_output != q.g.program_input) {
        assert_int_equal(bnc_schedule_create(&s, &q.g, passes, NULL), BNC_OK);
        check_plan(&s, label);
        if (s.steps > 0) simulate_schedule(&s, label);
        bnc_schedule_free(&s);
      }
    }
    bnc_graph_free(&q.g);
    bnc_constants_free(&q.c);
  }
}

static void create_programs(bnc_programs *p, const bnc_geometry *g, const bnc_build_options *options, uint32_t passes,
                            const bnc_target *target) {
  bnc_context *context;
  bnc_error err = {0};
  assert_int_equal(bnc_context_create(NULL, &context), BNC_OK);
  if (bnc_programs_create(p, context, g, options, &source, passes, target, &err) != BNC_OK) fail_msg("%s", err.text);
  bnc_context_destroy(context);
}

/* Caches so small, and calls so cheap beside its memory, that even small matrices run in slabs. */
static const bnc_target small = {"small", BNC_CPU_SCALAR, 1, 512, 0, 8, 0, 0.0001f};

static void test_random_models(void **state) {
  (void)state;
  for (uint64_t seed = 1; seed <= 24; seed++) {
    make_spec spec = random_geometry(seed);
    bnc_weight_dtype kind = seed % 2 ? BNC_WEIGHT_QC8 : BNC_WEIGHT_F32;
    bnc_build_options options = {
        .vision_weights = kind, .text_weights = kind, .group = 32, .input_size = spec.geometry.vision.input_side, .context = 12};
    uint64_t r = seed;
    bnc_programs p;
    char label[48];
    create_programs(&p, &spec.geometry, &options, seed % 3 ? (uint32_t)random_next(&r) & BNC_ALL_PASSES : BNC_ALL_PASSES, &small);
    for (int i = 0; i < 3; i++) {
      if (!p.present[i]) continue;
      snprintf(label, sizeof label, "seed %llu, program %d", (unsigned long long)seed, i);
      check_plan(&p.schedule[i], label);
      assert_true(p.record[i].after[BNC_PASS_ALIAS_PARTS].arena_bytes <= p.record[i].after[BNC_PASS_ALIAS_PARTS - 1].arena_bytes);
      if (p.schedule[i].arena_bytes < 3u << 20) simulate_schedule(&p.schedule[i], label);
    }
    bnc_programs_free(&p);
  }
}

/* No two rows of floats lie whole pages of 4 KB apart, but those of the program's input, and no row of a value whose rows are short, or
   the only one, has more than its columns. Returns how many values have. */
static size_t check_strides(const bnc_schedule *s) {
  size_t padded = 0;
  for (bnc_value_id v = 0; v < s->graph->values; v++) {
    const bnc_value *value = &s->graph->value[v];
    const uint32_t stride = bnc_schedule_stride(s, v);
    const bool many = value->element == BNC_ELEMENT_F32 && value->rows > 1 && v != s->graph->program_input;
    assert_int_equal(stride, value->cols + (many && value->cols % 1024 == 0 ? 16 : 0));
    padded += stride > value->cols;
  }
  return padded;
}

/* INF-LLaVA-8B: CLIP ViT-L/14-336, three by three tiles, LLaMA-3-8B. */
static void test_full_size(void **state) {
  (void)state;
  static const char *const names[3] = {"vision", "prefill", "decode"};
  bnc_geometry g = {.has_vision = true};
  g.text = (bnc_text_geometry){.vocab = 128257,
                               .hidden = 4096,
                               .layers = 32,
                               .heads = 32,
                               .kv_heads = 8,
                               .head_dim = 128,
                               .ffn = 14336,
                               .rms_eps = 1e-5f,
                               .rope_theta = 500000,
                               .max_positions = 8192,
                               .context = 2048};
  g.vision = (bnc_vision_geometry){.width = 1024,
                                   .layers = 24,
                                   .layers_used = 23,
                                   .heads = 16,
                                   .mlp = 4096,
                                   .patch = 14,
                                   .grid = 24,
                                   .tile = 336,
                                   .views = 3,
                                   .input_side = 1008,
                                   .ln_eps = 1e-5f,
                                   .std = {1, 1, 1},
                                   .has_dem = true,
                                   .dem_heads = 8,
                                   .dem_mid = 64,
                                   .dem_out = 512,
                                   .dem_ln_eps = 1e-5f,
                                   .projector_depth = 2};
  bnc_build_options options = {
      .vision_weights = BNC_WEIGHT_QC8, .text_weights = BNC_WEIGHT_QG4, .group = 32, .input_size = 1008, .context = 2304};
  bnc_programs p;
  uint64_t start = bnc_clock_ns();
  create_programs(&p, &g, &options, BNC_ALL_PASSES, bnc_target_find("x86-avx2"));
  print_message("full size: compiled in %.2f s\n", (double)(bnc_clock_ns() - start) * 1e-9);
  assert_int_equal(p.tile_encodes_reference, 19);
  assert_int_equal(p.tile_encodes, 10);
  for (int i = 0; i < 3; i++) {
    const bnc_schedule *s = &p.schedule[i];
    double ratio = (double)s->arena_bytes / (double)s->live_bytes;
    print_message("full size %s: %zu ops, %.1f GMAC, arena %.2f MB, live %.2f MB, ratio %.4f\n", names[i], s->steps,
                  (double)p.record[i].after[BNC_PASSES - 1].macs * 1e-9, (double)s->arena_bytes * 1e-6, (double)s->live_bytes * 1e-6,
                  ratio);
    assert_true(ratio <= 1.10);
    check_plan(s, names[i]);
    assert_int_equal(check_strides(s) > 0, i < 2); /* decoding has one row */
  }
  /* Ten tiles of about 167 GMAC in linears and 16 GMAC in attention, and the DEM. */
  assert_in_range(p.record[0].after[BNC_PASSES - 1].macs, 1750000000000u, 1950000000000u);
  /* One chunk of prefill rows at about 7.5 GMAC each, the head for the last row alone. */
  assert_in_range(p.record[1].after[BNC_PASSES - 1].macs, 4200000000000u, 5200000000000u);
  bnc_programs_free(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_graphs), cmocka_unit_test(test_random_models),
                                     cmocka_unit_test(test_full_size)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
