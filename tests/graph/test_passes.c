/* SPDX-License-Identifier: Apache-2.0 */
/* Each pass on small graphs: what it must do, and what it must leave alone. */
#include <stdint.h>
#include <string.h>

#include "tests/graph/hand_graph.h"
#include "tests/unit.h"

static void test_sort(void **state) {
  (void)state;
  hand_graph h;
  bnc_value_id x = hand_begin(&h, 4, 8, false), a = bnc_build_unary(&h.g, BNC_NODE_GELU, "a", x),
               b = bnc_build_unary(&h.g, BNC_NODE_GELU, "b", x);
  bnc_value_id sum = bnc_build_binary(&h.g, BNC_NODE_ADD, "sum", a, x);
  uint32_t node = h.g.value[sum].producer, cycle = h.g.value[a].producer;
  h.g.program_output = sum;
  /* a now reads b, which comes later. */
  bnc_graph_set_inputs(&h.g, cycle, &b, 1);
  assert_int_equal(bnc_graph_sort(&h.g), BNC_OK);
  assert_true(h.g.value[b].producer < h.g.value[a].producer && h.g.value[a].producer < h.g.value[sum].producer);
  assert_int_equal(h.g.nodes, 4);
  node = h.g.value[b].producer;
  bnc_graph_set_inputs(&h.g, node, &sum, 1);
  assert_int_equal(bnc_graph_sort(&h.g), BNC_ERROR_INTERNAL);
  assert_non_null(strstr(h.err.text, "cycle"));
  hand_end(&h);
}

static void test_remove_dead(void **state) {
  (void)state;
  hand_graph h;
  bnc_value_id x = hand_begin(&h, 4, 8, false), used = bnc_build_unary(&h.g, BNC_NODE_GELU, "used", x);
  bnc_value_id unused = bnc_build_unary(&h.g, BNC_NODE_GELU, "unused", x);
  bnc_graph_add_probe(&h.g, 1, BNC_NO_ID, unused);
  bnc_graph_add_probe(&h.g, 2, BNC_NO_ID, used);
  h.g.program_output = used;
  assert_int_equal(bnc_pass_remove_dead(&h.g), BNC_OK);
  assert_int_equal(h.g.nodes, 2);
  assert_int_equal(h.g.probes, 1); /* looking at a value does not make it worth computing */
  assert_int_equal(h.g.probe[0].value, used);
  hand_end(&h);
}

static void test_merge(void **state) {
  (void)state;
  hand_graph h;
  bnc_value_id x = hand_begin(&h, 4, 8, false);
  bnc_value_id a = bnc_build_unary(&h.g, BNC_NODE_GELU, "a", hand_linear(&h, x, 8, "w", BNC_WEIGHT_F32));
  bnc_value_id b = bnc_build_unary(&h.g, BNC_NODE_GELU, "b", hand_linear(&h, x, 8, "w", BNC_WEIGHT_F32)); /* a again, under another name */
  bnc_value_id c = bnc_build_unary(&h.g, BNC_NODE_GELU, "c", hand_linear(&h, x, 8, "v", BNC_WEIGHT_F32)); /* other weights */
  bnc_value_id norm = bnc_build_layer_norm(&h.g, a, "norm", "n", 1e-5f),
               other = bnc_build_layer_norm(&h.g, b, "other", "n", 1e-6f); /* other eps */
  bnc_value_id t = bnc_build_binary(&h.g, BNC_NODE_ADD, "t", norm, other), u = bnc_build_binary(&h.g, BNC_NODE_ADD, "u", b, c);
  bnc_value_id sum = bnc_build_binary(&h.g, BNC_NODE_ADD, "s", t, u);
  bnc_graph_add_probe(&h.g, 1, BNC_NO_ID, b);
  h.g.program_output = sum;
  assert_int_equal(bnc_pass_merge_equal(&h.g), BNC_OK);
  assert_int_equal(hand_count(&h, BNC_NODE_LINEAR), 2);
  assert_int_equal(hand_count(&h, BNC_NODE_GELU), 2);
  assert_int_equal(hand_count(&h, BNC_NODE_LAYER_NORM), 2);
  assert_int_equal(h.g.probe[0].value, a); /* the probe of what went shows its equal */
  hand_end(&h);
}

/* Writing to the cache is an effect: twice the same write stays two, and neither dies. */
static void test_cache_writes_stay(void **state) {
  (void)state;
  hand_graph h;
  bnc_value_id x = hand_begin(&h, 4, 8, true), kv[2] = {x, x};
  for (int i = 0; i < 2; i++) bnc_graph_add(&h.g, BNC_NODE_KV_APPEND, 0, 16, 16, BNC_ELEMENT_STATE, kv, 2);
  h.g.program_output = bnc_graph_add(&h.g, BNC_NODE_LAST_ROW, 0, 1, 8, BNC_ELEMENT_F32, &x, 1)->output;
  assert_int_equal(bnc_pass_simplify_taps(&h.g), BNC_OK);
  assert_int_equal(bnc_pass_prune_rows(&h.g), BNC_OK);
  assert_int_equal(bnc_pass_merge_equal(&h.g), BNC_OK);
  assert_int_equal(hand_count(&h, BNC_NODE_KV_APPEND), 2);
  assert_true(h.g.value[x].varying && h.g.value[x].rows == 4);
  assert_int_equal(hand_count(&h, BNC_NODE_LAST_ROW), 1);
  hand_end(&h);
}

static void test_simplify(void **state) {
  (void)state;
  hand_graph h;
  bnc_value_id x = hand_begin(&h, 4, 8, false), a = bnc_build_unary(&h.g, BNC_NODE_GELU, "a", x),
               b = bnc_build_unary(&h.g, BNC_NODE_QUICK_GELU, "b", x);
  bnc_value_id all = hand_concat(&h, a, b); /* rows 0..3: a, 4..7: b */
  bnc_value_id mixed = hand_gather(&h, all, 8, (const uint32_t[]){7, 0, 6, 1, 5, 2, 4, 3});
  bnc_value_id of_b = hand_gather(&h, mixed, 2, (const uint32_t[]){4, 0}); /* rows 5 and 7 of all: rows 1 and 3 of b */
  bnc_value_id same = hand_gather(&h, of_b, 2, (const uint32_t[]){0, 1});  /* changes nothing */
  h.g.program_output = bnc_build_unary(&h.g, BNC_NODE_GELU, "out", same);
  assert_int_equal(bnc_pass_simplify_taps(&h.g), BNC_OK);
  assert_int_equal(hand_count(&h, BNC_NODE_GATHER), 1);
  assert_int_equal(hand_count(&h, BNC_NODE_CONCAT_ROWS), 0);
  const bnc_node *take = hand_maker(&h, bnc_node_input(&h.g, hand_maker(&h, h.g.program_output), 0));
  assert_int_equal(bnc_node_input(&h.g, take, 0), b);
  assert_int_equal(h.c.taps[take->taps[0]].index[0], 1);
  assert_int_equal(h.c.taps[take->taps[0]].index[1], 3);
  hand_end(&h);
}

/* Two interpolations in a row stay two: one table of their products would round otherwise. */
static void test_simplify_keeps_arithmetic(void **state) {
  (void)state;
  hand_graph h;
  bnc_taps first, second;
  bnc_value_id x = hand_begin(&h, 8, 4, false);
  assert_int_equal(bnc_taps_bilinear(&first, 4, 8, &h.err), BNC_OK);
  assert_int_equal(bnc_taps_bilinear(&second, 2, 4, &h.err), BNC_OK);
  h.g.program_output = bnc_build_gather(&h.g, "second", bnc_build_gather(&h.g, "first", x, &first), &second);
  assert_int_equal(bnc_pass_simplify_taps(&h.g), BNC_OK);
  assert_int_equal(hand_count(&h, BNC_NODE_GATHER), 2);
  hand_end(&h);
}

/* Keys and values whole, queries and what follows only where they are read; a reader of fewer rows than its source keeps gets a gather. */
static void test_prune(void **state) {
  (void)state;
  hand_graph h;
  bnc_value_id x = hand_begin(&h, 6, 8, false), n = bnc_build_layer_norm(&h.g, x, "norm", "n", 1e-5f);
  bnc_value_id q = hand_linear(&h, n, 8, "q", BNC_WEIGHT_F32), k = hand_linear(&h, n, 8, "k", BNC_WEIGHT_F32),
               v = hand_linear(&h, n, 8, "v", BNC_WEIGHT_F32);
  bnc_value_id a = hand_attention(&h, q, k, v), sum = bnc_build_binary(&h.g, BNC_NODE_ADD, "sum", a, x);
  h.g.program_output = hand_gather(&h, sum, 2, (const uint32_t[]){4, 1});
  assert_int_equal(bnc_pass_prune_rows(&h.g), BNC_OK);
  assert_int_equal(h.g.value[n].rows, 6);
  assert_int_equal(h.g.value[k].rows, 6);
  assert_int_equal(h.g.value[v].rows, 6);
  assert_int_equal(h.g.value[q].rows, 2);
  assert_int_equal(h.g.value[a].rows, 2);
  assert_int_equal(h.g.value[sum].rows, 2);
  assert_int_equal(hand_count(&h, BNC_NODE_GATHER), 3); /* the last one, one before q, one of x before the sum */
  const bnc_node *gather = hand_maker(&h, bnc_node_input(&h.g, hand_maker(&h, q), 0));
  assert_int_equal(gather->kind, BNC_NODE_GATHER);
  assert_int_equal(bnc_node_input(&h.g, gather, 0), n);
  assert_int_equal(h.c.taps[gather->taps[0]].index[0], 1); /* kept rows stay in their order */
  assert_int_equal(h.c.taps[gather->taps[0]].index[1], 4);
  const bnc_node *last = hand_maker(&h, h.g.program_output);
  assert_int_equal(h.c.taps[last->taps[0]].index[0], 1);
  assert_int_equal(h.c.taps[last->taps[0]].index[1], 0);
  hand_end(&h);
}

static void test_prune_leaves_live_rows(void **state) {
  (void)state;
  hand_graph h;
  bnc_value_id x = hand_begin(&h, 6, 8, false), a = bnc_build_unary(&h.g, BNC_NODE_GELU, "a", x);
  h.g.program_output = hand_gather(&h, a, 6, (const uint32_t[]){5, 4, 3, 2, 1, 0});
  size_t nodes = h.g.nodes;
  assert_int_equal(bnc_pass_prune_rows(&h.g), BNC_OK);
  assert_int_equal(h.g.nodes, nodes);
  assert_int_equal(h.g.value[a].rows, 6);
  hand_end(&h);
}

/* A layer of which only the last row is read, and the layer before it, whose cache must be complete. */
static void test_prune_to_last_row(void **state) {
  (void)state;
  hand_graph h;
  bnc_value_id x = hand_begin(&h, 16, 8, true), q[2], out[2], k[2];
  for (int i = 0; i < 2; i++) {
    q[i] = bnc_build_unary(&h.g, BNC_NODE_ROPE, "q", hand_linear(&h, x, 8, i ? "q1" : "q0", BNC_WEIGHT_F32));
    k[i] = hand_linear(&h, x, 8, i ? "k1" : "k0", BNC_WEIGHT_F32);
    bnc_value_id kv[2] = {k[i], k[i]}, in[2] = {q[i], bnc_graph_add(&h.g, BNC_NODE_KV_APPEND, 0, 64, 16, BNC_ELEMENT_STATE, kv, 2)->output};
    x = out[i] = bnc_build_binary(&h.g, BNC_NODE_ADD, "sum", x,
                                  bnc_graph_add(&h.g, BNC_NODE_CACHE_ATTENTION, 0, 16, 8, BNC_ELEMENT_F32, in, 2)->output);
  }
  bnc_value_id head = hand_linear(&h, x, 100, "head", BNC_WEIGHT_F32);
  h.g.program_output = bnc_graph_add(&h.g, BNC_NODE_LAST_ROW, 0, 1, 100, BNC_ELEMENT_F32, &head, 1)->output;
  assert_int_equal(bnc_pass_prune_rows(&h.g), BNC_OK);
  assert_int_equal(h.g.value[out[0]].rows, 16);
  assert_int_equal(h.g.value[k[1]].rows, 16);
  assert_int_equal(h.g.value[q[1]].rows, 1);
  assert_int_equal(h.g.value[out[1]].rows, 1);
  assert_int_equal(h.g.value[h.g.program_output].rows, 1);
  assert_int_equal(h.g.program_output, head); /* it is one row already */
  assert_true(h.g.value[out[0]].varying && !h.g.value[head].varying);
  hand_end(&h);
}

static void test_fuse_projections(void **state) {
  (void)state;
  hand_graph h;
  bnc_value_id x = hand_begin(&h, 4, 64, false), y = bnc_build_unary(&h.g, BNC_NODE_GELU, "y", x);
  bnc_value_id q = hand_linear(&h, x, 64, "q", BNC_WEIGHT_F32), k = hand_linear(&h, x, 32, "k", BNC_WEIGHT_F32),
               v = hand_linear(&h, x, 32, "v", BNC_WEIGHT_F32);
  bnc_value_id narrow = hand_linear(&h, x, 31, "narrow", BNC_WEIGHT_F32), quantized = hand_linear(&h, x, 32, "quantized", BNC_WEIGHT_QC8);
  bnc_value_id elsewhere = hand_linear(&h, y, 32, "elsewhere", BNC_WEIGHT_F32), parts[6] = {q, k, v, narrow, quantized, elsewhere};
  h.g.program_output = bnc_graph_add(&h.g, BNC_NODE_CONCAT_COLS, 0, 4, 223, BNC_ELEMENT_F32, parts, 6)->output;
  assert_int_equal(bnc_pass_fuse_projections(&h.g), BNC_OK);
  assert_int_equal(hand_count(&h, BNC_NODE_LINEAR), 4); /* q+k+v, narrow, quantized, elsewhere */
  assert_int_equal(hand_count(&h, BNC_NODE_SLICE_COLS), 3);
  const bnc_node *concat = hand_maker(&h, h.g.program_output);
  static const uint32_t from[3] = {0, 64, 96};
  for (size_t i = 0; i < 3; i++) {
    const bnc_node *slice = hand_maker(&h, bnc_node_input(&h.g, concat, i));
    assert_int_equal(slice->kind, BNC_NODE_SLICE_COLS);
    assert_int_equal(slice->from, from[i]);
    assert_int_equal(h.c.weight[hand_maker(&h, bnc_node_input(&h.g, slice, 0))->weight].n, 128);
  }
  hand_end(&h);
}

static size_t fused_activations(bool second_reader) {
  hand_graph h;
  bnc_value_id x = hand_begin(&h, 4, 64, false), up = hand_linear(&h, x, 32, "up", BNC_WEIGHT_QC8),
               act = bnc_build_unary(&h.g, BNC_NODE_GELU, "act", up);
  bnc_value_id down = hand_linear(&h, act, 32, "down", BNC_WEIGHT_QC8);
  h.g.program_output = bnc_build_binary(&h.g, BNC_NODE_ADD, "sum", down, second_reader ? up : down);
  assert_int_equal(bnc_pass_quantize_inputs(&h.g, true), BNC_OK);
  size_t twins = hand_maker(&h, act)->second != BNC_NO_VALUE, loose = hand_count(&h, BNC_NODE_QUANTIZE);
  assert_int_equal(twins + loose, 2); /* x has no maker that could quantise it */
  hand_end(&h);
  return twins;
}

/* An activation that quantises overwrites its input; with a second reader of that it must not. */
static void test_quantize_inputs(void **state) {
  (void)state;
  assert_int_equal(fused_activations(false), 1);
  assert_int_equal(fused_activations(true), 0);
}

static void test_names(void **state) {
  (void)state;
  for (int p = 0; p < BNC_PASSES; p++) assert_int_equal(bnc_pass_find(bnc_pass_name((bnc_pass_id)p)), p);
  assert_int_equal(bnc_pass_find("no-such-pass"), BNC_PASSES);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sort),
      cmocka_unit_test(test_remove_dead),
      cmocka_unit_test(test_merge),
      cmocka_unit_test(test_simplify),
      cmocka_unit_test(test_cache_writes_stay),
      cmocka_unit_test(test_simplify_keeps_arithmetic),
      cmocka_unit_test(test_prune),
      cmocka_unit_test(test_prune_to_last_row),
      cmocka_unit_test(test_prune_leaves_live_rows),
      cmocka_unit_test(test_fuse_projections),
      cmocka_unit_test(test_quantize_inputs),
      cmocka_unit_test(test_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
