/* SPDX-License-Identifier: Apache-2.0 */
/** @file build.h  The reference graphs: what the released PyTorch code computes (facts in DESIGN.md and arXiv 2407.16198), unpruned and
   unfused. All cleverness is in quant/passes. */
#ifndef BINOCLE_QUANT_GRAPH_BUILD_H
#define BINOCLE_QUANT_GRAPH_BUILD_H

#include "quant/graph/graph.h"
#include "quant/graph/precision.h"
#include "quant/import/geometry.h"

typedef struct bnc_build_options {
  bnc_weight_dtype vision_weights, text_weights; /* QG4 falls back to QC8 where a layer's inputs do not divide into groups */
  size_t group;
  const bnc_text_precision *precision; /* under QG4: of each matrix of the text layers; NULL: all are alike */
  bool int4_head;                      /* under QG4: the head, and tied embeddings, are QC4 where they can */
  bool int4_embedding;                 /* under QG4: so are embeddings of their own */
  size_t input_size; /* side of the resized picture: geometry's input_side, or less (the picture is then upsampled in the graph) */
  size_t context;    /* rows of the KV cache */
  bool rotated;      /* the text weights come from a bnc_rotation */
  bool unrecorded;   /* what each pass saves is not measured: nobody will ask for the report */
} bnc_build_options;

/** Picture u8 [input_size^2, 3] -> image embeddings [grid^2, hidden]. Probes: tiles, dem, projector. */
bnc_status bnc_build_vision(bnc_graph *graph, const bnc_geometry *geometry, const bnc_build_options *options);
/** Embeddings [rows, hidden], rows varying -> logits of the last row [1, vocabulary]. */
bnc_status bnc_build_text(bnc_graph *graph, const bnc_geometry *geometry, const bnc_build_options *options, size_t rows);

/** How the head is kept. */
static inline bnc_weight_dtype bnc_build_head_type(const bnc_build_options *options) {
  if (options->text_weights != BNC_WEIGHT_QG4) return options->text_weights;
  return options->int4_head ? BNC_WEIGHT_QG4 : BNC_WEIGHT_QC8;
}

/* Shared by the builders. Names are printf-formatted: `label` names the node, weight and bias the tensors (bias NULL: none). */
typedef struct bnc_linear_names {
  const char *label, *weight, *bias;
} bnc_linear_names;
/** Whether attention between layers of such weights rounds its operands too: where they are no floats, and its sums stay exact. */
bool bnc_build_attention_int8(bnc_weight_dtype dtype, size_t head_size);
bnc_value_id bnc_build_linear(bnc_graph *graph, bnc_value_id x, size_t n, bnc_linear_names names, bnc_weight_dtype dtype, size_t group);
bnc_value_id bnc_build_constant(bnc_graph *graph, const char *tensor, size_t rows, size_t cols);
/** gamma and beta are the tensor's name with ".weight" and ".bias" behind it. */
bnc_value_id bnc_build_layer_norm(bnc_graph *graph, bnc_value_id x, const char *label, const char *tensor, float eps);
bnc_value_id bnc_build_unary(bnc_graph *graph, bnc_node_kind kind, const char *label, bnc_value_id x);
bnc_value_id bnc_build_binary(bnc_graph *graph, bnc_node_kind kind, const char *label, bnc_value_id a, bnc_value_id b);
/** Transforms x's rows (ops/hadamard/hadamard.h). */
bnc_value_id bnc_build_hadamard(bnc_graph *g, const char *label, bnc_value_id x);
/** Takes ownership of taps. */
bnc_value_id bnc_build_gather(bnc_graph *graph, const char *label, bnc_value_id x, bnc_taps *taps);

/** One CLIP tower over a picture of tile x tile pixels [tile^2, 3]: the selected hidden state, class row dropped as the config says. */
bnc_value_id bnc_build_tower(bnc_graph *graph, const bnc_geometry *geometry, const bnc_build_options *options, const char *tile,
                             bnc_value_id pixels);
/** DEM: crops and strided views [grid^2, C], n*n each -> [grid^2, C]. */
bnc_value_id bnc_build_dem(bnc_graph *graph, const bnc_geometry *geometry, const bnc_build_options *options, const bnc_value_id *crops,
                           const bnc_value_id *strides);

#endif
