/* SPDX-License-Identifier: Apache-2.0 */
/** @file centre.h  Vision's tensors rewritten so that what int8 rounds lies around zero, for the inputs that its matrices really get
   (input_moments.h). The model computes the same in f32, and nothing more than before.

    A row of int8 has one scale: what is alike in all rows takes steps away from what tells them apart, and that is most of an input of
    deep layers. So each norm of the tower leaves out the mean of what it computes, and the layers behind it have that in their biases; the
    columns that are left come nearer to each other, each divided by the root of its deviation, which its column of the matrix takes. Keys
    need no mean, since what they have in common changes no softmax; that of values passes through attention as it is, into the bias of the
    layer behind. */
#ifndef BINOCLE_QUANT_CALIBRATE_CENTRE_H
#define BINOCLE_QUANT_CALIBRATE_CENTRE_H

#include "quant/calibrate/input_moments.h"
#include "quant/graph/constants.h"
#include "quant/import/geometry.h"

typedef struct bnc_centred_tensor bnc_centred_tensor;

typedef struct bnc_centre {
  const bnc_moments *moments;
  const bnc_tensor_source *inner;
  bnc_centred_tensor *tensor; /* [count]: those that are not the source's */
  size_t count, capacity;
  bnc_tensor_source source; /* inner's tensors, centred */
} bnc_centre;

/** moments and inner must outlive it, and it must not move. What the moments do not know stays as it is. */
bnc_status bnc_centre_create(bnc_centre *centre, const bnc_vision_geometry *vision, const bnc_moments *moments,
                             const bnc_tensor_source *inner, bnc_error *err);
void bnc_centre_free(bnc_centre *centre);

/** The factor (gptq.h) [bnc_moments_padded(k)]^2 of the moments of what a matrix reads now, a bnc_mem block; NULL in *factor: nothing is
   known of it. centre may be NULL. */
bnc_status bnc_centre_factor(const bnc_centre *centre, const char *matrix, size_t k, bnc_pool *pool, float **factor, bnc_error *err);

#endif
