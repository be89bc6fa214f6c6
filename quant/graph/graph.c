/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/graph/graph.h"

#include <string.h>

#include "platforms/base/array.h"

/* No default: the compiler names a kind that is missing here. */
bnc_op_kind bnc_node_op(bnc_node_kind kind) {
  switch (kind) {
    case BNC_NODE_INPUT:
    case BNC_NODE_CONSTANT:
    case BNC_NODE_CONCAT_ROWS:
    case BNC_NODE_CONCAT_COLS:
    case BNC_NODE_SLICE_COLS:
    case BNC_NODE_KINDS: break;
    case BNC_NODE_NORMALIZE: return BNC_OP_NORMALIZE;
    case BNC_NODE_RESAMPLE: return BNC_OP_RESAMPLE;
    case BNC_NODE_PATCHES: return BNC_OP_PATCHES;
    case BNC_NODE_GATHER: return BNC_OP_GATHER;
    case BNC_NODE_LINEAR: return BNC_OP_LINEAR;
    case BNC_NODE_LAYER_NORM: return BNC_OP_LAYER_NORM;
    case BNC_NODE_RMS_NORM: return BNC_OP_RMS_NORM;
    case BNC_NODE_ADD: return BNC_OP_ADD;
    case BNC_NODE_MEAN: return BNC_OP_MEAN;
    case BNC_NODE_GELU: return BNC_OP_GELU;
    case BNC_NODE_QUICK_GELU: return BNC_OP_QUICK_GELU;
    case BNC_NODE_SILU_MUL: return BNC_OP_SILU_MUL;
    case BNC_NODE_QUANTIZE: return BNC_OP_QUANTIZE;
    case BNC_NODE_ATTENTION: return BNC_OP_ATTENTION;
    case BNC_NODE_ROPE: return BNC_OP_ROPE;
    case BNC_NODE_KV_APPEND: return BNC_OP_KV_APPEND;
    case BNC_NODE_CACHE_ATTENTION: return BNC_OP_CACHE_ATTENTION;
    case BNC_NODE_LAST_ROW: return BNC_OP_LAST_ROW;
    case BNC_NODE_HADAMARD: return BNC_OP_HADAMARD;
  }
  return BNC_OP_KINDS;
}

const char *bnc_node_kind_name(bnc_node_kind kind) {
  switch (kind) {
    case BNC_NODE_INPUT: return "input";
    case BNC_NODE_CONSTANT: return "constant";
    case BNC_NODE_CONCAT_ROWS: return "concat_rows";
    case BNC_NODE_CONCAT_COLS: return "concat_cols";
    case BNC_NODE_SLICE_COLS: return "slice_cols";
    default: return bnc_op_info_of(bnc_node_op(kind))->name;
  }
}

void bnc_graph_init(bnc_graph *g, bnc_constants *constants, bnc_error *err) {
  *g = (bnc_graph){.constants = constants, .err = err, .program_input = BNC_NO_VALUE, .program_output = BNC_NO_VALUE};
}

void bnc_graph_free(bnc_graph *g) {
  bnc_mem_free(g->node);
  bnc_mem_free(g->value);
  bnc_mem_free(g->input);
  bnc_mem_free(g->probe);
  *g = (bnc_graph){0};
}

bnc_status bnc_graph_copy(bnc_graph *to, const bnc_graph *from) {
  bnc_graph_init(to, from->constants, from->err);
  if (!bnc_array_reserve(&to->node, &to->node_capacity, from->nodes, sizeof *to->node) ||
      !bnc_array_reserve(&to->value, &to->value_capacity, from->values, sizeof *to->value) ||
      !bnc_array_reserve(&to->input, &to->input_capacity, from->inputs, sizeof *to->input) ||
      !bnc_array_reserve(&to->probe, &to->probe_capacity, from->probes, sizeof *to->probe)) {
    bnc_graph_free(to);
    return bnc_fail_memory(from->err, from->nodes * sizeof *to->node);
  }
  if (from->nodes) memcpy(to->node, from->node, from->nodes * sizeof *to->node);
  if (from->values) memcpy(to->value, from->value, from->values * sizeof *to->value);
  if (from->inputs) memcpy(to->input, from->input, from->inputs * sizeof *to->input);
  if (from->probes) memcpy(to->probe, from->probe, from->probes * sizeof *to->probe);
  to->nodes = from->nodes;
  to->values = from->values;
  to->inputs = from->inputs;
  to->probes = from->probes;
  to->program_input = from->program_input;
  to->program_output = from->program_output;
  return BNC_OK;
}

static void fail_memory(bnc_graph *g) {
  if (!g->failed) bnc_fail_memory(g->err, (g->nodes + 1) * sizeof(bnc_node));
  g->failed = true;
}

bnc_status bnc_graph_status(const bnc_graph *g) { return !g->failed ? BNC_OK : g->err ? g->err->status : BNC_ERROR_INTERNAL; }

bnc_value_id bnc_graph_add_value(bnc_graph *g, size_t rows, size_t cols, bnc_element element, bool varying, uint32_t producer) {
  if (g->failed) return BNC_NO_VALUE;
  if (!bnc_array_reserve(&g->value, &g->value_capacity, g->values + 1, sizeof *g->value)) {
    fail_memory(g);
    return BNC_NO_VALUE;
  }
  g->value[g->values] = (bnc_value){rows, cols, element, varying, producer};
  return (bnc_value_id)g->values++;
}

static bool append_inputs(bnc_graph *g, const bnc_value_id *inputs, size_t count, uint32_t *first) {
  if (!bnc_array_reserve(&g->input, &g->input_capacity, g->inputs + count, sizeof *g->input)) {
    fail_memory(g);
    return false;
  }
  if (count) memmove(g->input + g->inputs, inputs, count * sizeof *inputs);
  *first = (uint32_t)g->inputs;
  g->inputs += count;
  return true;
}

bnc_node *bnc_graph_add(bnc_graph *g, bnc_node_kind kind, uint32_t name, size_t rows, size_t cols, bnc_element element,
                        const bnc_value_id *inputs, size_t count) {
  bool varying = false;
  uint32_t first;
  for (size_t i = 0; i < count && !g->failed; i++)
    if (inputs[i] == BNC_NO_VALUE) {
      bnc_fail(g->err, BNC_ERROR_INTERNAL, "a %s node lacks input %zu", bnc_node_kind_name(kind), i);
      g->failed = true;
    } else {
      varying |= g->value[inputs[i]].varying;
    }
  if (!g->failed && !bnc_array_reserve(&g->node, &g->node_capacity, g->nodes + 1, sizeof *g->node)) fail_memory(g);
  if (g->failed || !append_inputs(g, inputs, count, &first)) {
    /* What is written here is never read: the graph has failed. */
    g->scratch = (bnc_node){.output = BNC_NO_VALUE};
    return &g->scratch;
  }
  bnc_node *node = &g->node[g->nodes];
  *node = (bnc_node){.kind = kind,
                     .first_input = first,
                     .inputs = (uint32_t)count,
                     .second = BNC_NO_VALUE,
                     .name = name,
                     .weight = BNC_NO_ID,
                     .constant = BNC_NO_ID,
                     .taps = {BNC_NO_ID, BNC_NO_ID}};
  node->output =
      bnc_graph_add_value(g, rows, cols, element, varying && kind != BNC_NODE_LAST_ROW && element != BNC_ELEMENT_STATE, (uint32_t)g->nodes);
  g->nodes++;
  return node;
}

void bnc_graph_add_probe(bnc_graph *g, uint32_t stage, uint32_t name, bnc_value_id value) {
  if (g->failed) return;
  if (!bnc_array_reserve(&g->probe, &g->probe_capacity, g->probes + 1, sizeof *g->probe)) {
    fail_memory(g);
    return;
  }
  g->probe[g->probes++] = (bnc_probe){stage, name, value};
}

void bnc_graph_set_inputs(bnc_graph *g, uint32_t node, const bnc_value_id *inputs, size_t count) {
  uint32_t first;
  if (g->failed || !append_inputs(g, inputs, count, &first)) return;
  g->node[node].first_input = first;
  g->node[node].inputs = (uint32_t)count;
}

void bnc_graph_replace(bnc_graph *g, bnc_value_id from, bnc_value_id to) {
  if (g->failed || from == to) return;
  for (size_t n = 0; n < g->nodes; n++)
    if (!g->node[n].dead)
      for (uint32_t i = 0; i < g->node[n].inputs; i++)
        if (g->input[g->node[n].first_input + i] == from) g->input[g->node[n].first_input + i] = to;
  for (size_t p = 0; p < g->probes; p++)
    if (g->probe[p].value == from) g->probe[p].value = to;
  if (g->program_output == from) g->program_output = to;
}

void bnc_graph_compact(bnc_graph *g) {
  size_t kept = 0;
  for (size_t n = 0; n < g->nodes; n++) {
    if (g->node[n].dead) continue;
    g->node[kept] = g->node[n];
    if (g->node[kept].output != BNC_NO_VALUE) g->value[g->node[kept].output].producer = (uint32_t)kept;
    if (g->node[kept].second != BNC_NO_VALUE) g->value[g->node[kept].second].producer = (uint32_t)kept;
    kept++;
  }
  g->nodes = kept;
}

/* Depth-first with an explicit stack, visiting nodes in their present order: what was sorted stays where it was. */
bnc_status bnc_graph_sort(bnc_graph *g) {
  if (g->failed) return bnc_graph_status(g);
  bnc_graph_compact(g);
  uint8_t *state = bnc_mem_array(g->nodes + 1, 1); /* 0 new, 1 on the stack, 2 placed */
  uint32_t *stack = bnc_mem_array(g->nodes + 1, sizeof *stack);
  bnc_node *sorted = bnc_mem_array(g->nodes + 1, sizeof *sorted);
  bnc_status s = state && stack && sorted ? BNC_OK : bnc_fail_memory(g->err, g->nodes * sizeof *sorted);
  size_t placed = 0;
  for (size_t root = 0; s == BNC_OK && root < g->nodes; root++) {
    size_t depth = 0;
    if (state[root] == 0) stack[depth++] = (uint32_t)root;
    while (depth > 0 && s == BNC_OK) {
      uint32_t n = stack[depth - 1];
      bool ready = true;
      state[n] = 1;
      for (uint32_t i = 0; i < g->node[n].inputs && ready; i++) {
        uint32_t p = g->value[bnc_node_input(g, &g->node[n], i)].producer;
        if (state[p] == 2) continue;
        if (state[p] == 1) {
          s = bnc_fail(g->err, BNC_ERROR_INTERNAL, "the graph has a cycle at node %u (%s)", p, bnc_node_kind_name(g->node[p].kind));
          break;
        }
        stack[depth++] = p;
        ready = false;
      }
      if (s == BNC_OK && ready) {
        state[n] = 2;
        depth--;
        sorted[placed++] = g->node[n];
      }
    }
  }
  if (s == BNC_OK) {
    memcpy(g->node, sorted, placed * sizeof *sorted);
    g->nodes = placed;
    bnc_graph_compact(g); /* renumbers the producers */
  }
  bnc_mem_free(state);
  bnc_mem_free(stack);
  bnc_mem_free(sorted);
  return s;
}

static uint64_t taps_of(const bnc_graph *g, uint32_t table) { return g->constants->taps[table].start[g->constants->taps[table].rows]; }

uint64_t bnc_node_macs(const bnc_graph *g, const bnc_node *node) {
  const bnc_value *out = &g->value[node->output];
  const bnc_op_kind op = bnc_node_op(node->kind);
  bnc_op_sizes sizes = {.rows = out->rows, .cols = out->cols};
  switch (bnc_op_info_of(op)->macs) {
    case BNC_MACS_NONE: return 0;
    case BNC_MACS_PRODUCT: sizes.depth = g->value[bnc_node_input(g, node, 0)].cols; break;
    case BNC_MACS_KEYS: sizes.depth = g->value[bnc_node_input(g, node, 1)].rows; break; /* of k, or of the cache */
    case BNC_MACS_TAPS_2D: sizes.taps[1] = taps_of(g, node->taps[1]);                   /* fall through */
    case BNC_MACS_TAPS: sizes.taps[0] = taps_of(g, node->taps[0]); break;
  }
  return bnc_op_macs(op, &sizes);
}
