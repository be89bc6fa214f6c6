/* SPDX-License-Identifier: Apache-2.0 */
/** @file random_tensors.h  Tensors out of nothing: every value follows from the tensor's name and its index, so any part can be had at any
   time, on any thread, and twice alike. */
#ifndef BINOCLE_QUANT_SYNTH_RANDOM_TENSORS_H
#define BINOCLE_QUANT_SYNTH_RANDOM_TENSORS_H

#include "quant/graph/constants.h"
#include "quant/import/geometry.h"

/** The geometry must outlive the source. Weights are uniform with a variance of 1 / inputs, norms near 1, biases and embeddings small. */
bnc_tensor_source bnc_random_tensors(const bnc_geometry *geometry);

/** Elements [first, first + count) of the tensor `name`. */
void bnc_random_tensor(const bnc_geometry *geometry, const char *name, uint64_t first, size_t count, float *out /* [count] */);

#endif
