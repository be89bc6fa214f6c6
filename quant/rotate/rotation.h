/* SPDX-License-Identifier: Apache-2.0 */
/** @file rotation.h  A LLaMA model's residual stream and down_proj's inputs, multiplied by an orthogonal matrix that spreads what stands
   out in a few columns over all (QuaRot, Ashkboos et al., arXiv 2404.00456; the matrix: ops/hadamard/hadamard.h). An RMS norm commutes with
   it once its weights are moved into the layers behind it, so that the rotation is folded into the weights: embeddings, o_proj and
   down_proj write rotated rows, q_proj, k_proj, v_proj, gate_proj and up_proj read them. What is left at run time
   (quant/graph/build_text.c): a transform of down_proj's inputs, of vision's result, and, around the last norm, whose weights an embedding
   that is the head too must not take, of a last row. Same numbers in exact arithmetic; in f32 to rounding. */
#ifndef BINOCLE_QUANT_ROTATE_ROTATION_H
#define BINOCLE_QUANT_ROTATE_ROTATION_H

#include "ops/hadamard/hadamard.h"
#include "quant/graph/constants.h"
#include "quant/import/geometry.h"

/** A matrix whose rows were mixed, which takes all of them: kept, since it is read in parts. */
typedef struct bnc_rotated_matrix {
  char name[96];
  float *data; /* [n, k] */
  size_t capacity;
} bnc_rotated_matrix;

typedef struct bnc_rotation {
  const bnc_text_geometry *text;
  const bnc_tensor_source *inner;
  bnc_hadamard_f32_fn *transform;
  float *hidden_mix, *ffn_mix; /* of bnc_hadamard_mix */
  float *gamma;                /* [layers][2][hidden]: the norms' weights */
  float *rows;                 /* scratch */
  size_t rows_capacity;        /* floats */
  bnc_rotated_matrix mixed;
  bnc_tensor_source source; /* inner's tensors, rotated; one thread at a time */
} bnc_rotation;

/** Whether a model's sizes allow for it. */
bool bnc_rotation_fits(const bnc_text_geometry *text);
/** text and inner must outlive it, and it must not move. In memory: the largest of o_proj and down_proj in f32, once it is read. */
bnc_status bnc_rotation_create(bnc_rotation *rotation, const bnc_text_geometry *text, const bnc_tensor_source *inner, bnc_error *err);
void bnc_rotation_free(bnc_rotation *rotation);

/** Transforms x [rows, cols] in place: what the graph's nodes do, for who computes beside it. cols: hidden or ffn. */
void bnc_rotation_apply(const bnc_rotation *rotation, float *x, size_t rows, size_t cols);

#endif
