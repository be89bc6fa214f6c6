/* SPDX-License-Identifier: Apache-2.0 */
/** @file graph.h  The typed intermediate representation between a checkpoint and a schedule.
    A graph is a list of nodes in an order of execution over values. A value is a matrix [rows, cols], row-major; pictures are matrices too,
   one row a pixel. Each value has one producer. Constants, tables of taps and weight matrices belong to the model (bnc_constants), since
   the three programs share them. */
#ifndef BINOCLE_QUANT_GRAPH_GRAPH_H
#define BINOCLE_QUANT_GRAPH_GRAPH_H

#include "platforms/base/error.h"
#include "quant/graph/constants.h"
#include "quant/graph/tap_table.h"
#include "runtime/model/program_format.h"

typedef uint32_t bnc_value_id;
#define BNC_NO_VALUE UINT32_MAX

typedef enum bnc_node_kind {
  BNC_NODE_INPUT,           /* () -> the program's input */
  BNC_NODE_CONSTANT,        /* () -> constant[constant], f32 */
  BNC_NODE_NORMALIZE,       /* picture u8 [pixels,3], lut f32 [3,256] (constant) -> f32 [pixels,3] */
  BNC_NODE_RESAMPLE,        /* x [h*w,c] -> [h'*w',c]: separable taps y (h'<-h), x (w'<-w) */
  BNC_NODE_PATCHES,         /* x [h*w,3], taps y, x (gathers) -> [grid*grid, 3*p*p], columns in the order of a conv kernel [3,p,p] */
  BNC_NODE_GATHER,          /* x [n,c] -> [m,c]: general taps over rows */
  BNC_NODE_CONCAT_ROWS,     /* ... -> all rows, one input after the other */
  BNC_NODE_CONCAT_COLS,     /* ... -> all columns, one input after the other */
  BNC_NODE_SLICE_COLS,      /* x -> columns [from, from + cols) */
  BNC_NODE_LINEAR,          /* x [n,k] (f32 or qd8) -> [n,m]: x W^T + b */
  BNC_NODE_LAYER_NORM,      /* x, gamma, beta -> f32; eps */
  BNC_NODE_RMS_NORM,        /* x, gamma -> f32; eps */
  BNC_NODE_ADD,             /* a, b -> a + b */
  BNC_NODE_MEAN,            /* a, b -> (a + b) / 2 */
  BNC_NODE_GELU,            /* x -> x * Phi(x), with erf */
  BNC_NODE_QUICK_GELU,      /* x -> x * sigmoid(1.702 x) */
  BNC_NODE_SILU_MUL,        /* gate, up -> gate * sigmoid(gate) * up */
  BNC_NODE_QUANTIZE,        /* f32 -> qd8 */
  BNC_NODE_ATTENTION,       /* q [n,heads*d], k [m,kv_heads*d], v alike -> [n,heads*d]; scale */
  BNC_NODE_ROPE,            /* x [n,heads*d] -> rotary position embedding, positions of the run */
  BNC_NODE_KV_APPEND,       /* k, v -> the layer's cache, with these rows at the run's positions */
  BNC_NODE_CACHE_ATTENTION, /* q, cache -> [n,heads*d]; causal */
  BNC_NODE_LAST_ROW,        /* x [n,c] -> [1,c]: the last row of the run */
  BNC_NODE_HADAMARD,        /* x, mix (constant) -> x spread over its columns (ops/hadamard/hadamard.h) */
  BNC_NODE_KINDS
} bnc_node_kind;

typedef struct bnc_value {
  size_t rows, cols;
  bnc_element element;
  bool varying;      /* rows is the capacity; a run uses from 1 to rows of them */
  uint32_t producer; /* node */
} bnc_value;

typedef struct bnc_node {
  bnc_node_kind kind;
  bool dead;
  uint32_t first_input, inputs; /* in graph->input */
  bnc_value_id output;
  bnc_value_id second; /* second output: the quantised twin (norms, activations); BNC_NO_VALUE where there is none */
  uint32_t name;       /* in constants' strings: "crop0.layer3.fc1" */
  uint32_t weight;     /* LINEAR: bnc_constants weight */
  uint32_t constant;   /* CONSTANT, NORMALIZE's table: bnc_constants constant */
  uint32_t taps[2];    /* TAKE: [0]; RESAMPLE, PATCHES: y and x */
  uint32_t heads, kv_heads, patch, layer, from;
  bool int8; /* ATTENTION: rounds what it multiplies */
  float scale, eps;
} bnc_node;

/** A value that `binocle encode` can show: kept alive as long as its rows are, never merged away without leaving its equal. */
typedef struct bnc_probe {
  uint32_t stage; /* bnc_stage of the model file */
  uint32_t name;  /* "crop0"; BNC_NO_ID where the stage has one value */
  bnc_value_id value;
} bnc_probe;

typedef struct bnc_graph {
  bnc_constants *constants; /* not owned */
  bnc_node *node;
  size_t nodes, node_capacity;
  bnc_value *value;
  size_t values, value_capacity;
  bnc_value_id *input;
  size_t inputs, input_capacity;
  bnc_probe *probe;
  size_t probes, probe_capacity;
  bnc_value_id program_input, program_output;
  bnc_error *err; /* where a failed builder call leaves its words; the first failure stays */
  bool failed;
  bnc_node scratch; /* what builders write to after a failure */
} bnc_graph;

void bnc_graph_init(bnc_graph *graph, bnc_constants *constants, bnc_error *err);
void bnc_graph_free(bnc_graph *graph);
/** *to becomes a graph of its own over the same constants. */
bnc_status bnc_graph_copy(bnc_graph *to, const bnc_graph *from);

/** Appends a node with one output of the given shape; more attributes are set on the returned node, which stays valid until the next call.
    After a failure graph->failed is set, a scratch node is returned, and further calls do nothing: builders check once, at their end. */
bnc_node *bnc_graph_add(bnc_graph *graph, bnc_node_kind kind, uint32_t name, size_t rows, size_t cols, bnc_element element,
                        const bnc_value_id *inputs, size_t count);
bnc_value_id bnc_graph_add_value(bnc_graph *graph, size_t rows, size_t cols, bnc_element element, bool varying, uint32_t producer);
void bnc_graph_add_probe(bnc_graph *graph, uint32_t stage, uint32_t name, bnc_value_id value);
/** Replaces a node's inputs. */
void bnc_graph_set_inputs(bnc_graph *graph, uint32_t node, const bnc_value_id *inputs, size_t count);
/** Every use of `from` (inputs, probes, the program's output) becomes `to`. */
void bnc_graph_replace(bnc_graph *graph, bnc_value_id from, bnc_value_id to);
/** Removes dead nodes from the list; order and ids of values stay. */
void bnc_graph_compact(bnc_graph *graph);
/** Sorts the nodes so that producers come first, keeping the present order where it already holds. */
bnc_status bnc_graph_sort(bnc_graph *graph);
/** Appends graph's failure to a status. */
bnc_status bnc_graph_status(const bnc_graph *graph);

static inline bnc_value_id bnc_node_input(const bnc_graph *graph, const bnc_node *node, size_t i) {
  return graph->input[node->first_input + i];
}
/** Whether it is a program of the language model, whose rows are as many as there are ids. */
static inline bool bnc_graph_of_text(const bnc_graph *graph) { return graph->value[graph->program_input].varying; }
const char *bnc_node_kind_name(bnc_node_kind kind);
/** The op that computes a node where it lowers one to one; BNC_OP_KINDS for nodes that are no op of their own (inputs, constants, slices,
    concatenations). */
bnc_op_kind bnc_node_op(bnc_node_kind kind);
/** Multiply-accumulates of a node at its values' full rows. */
uint64_t bnc_node_macs(const bnc_graph *graph, const bnc_node *node);

#endif
