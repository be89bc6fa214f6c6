/* SPDX-License-Identifier: Apache-2.0 */
/** @file precision_choose.h  compile --bits-per-weight: which matrices of the text layers get more bits, so that a sum of losses is least
   under a budget.

    A matrix's loss is the squared error of rounding it over its squared length, sum of (w - q)^2 / sum of w^2, on rows spread over it: what
    its outputs lose relative to themselves where inputs are alike. How a model suffers from the loss of a matrix is taken to be linear and
   the same for all (the linearity of Malinovskii et al., arXiv 2411.17525, with equal weights). From the fewest bits on, the step that
   gains most per bit is taken while the budget holds: a larger budget takes all that a smaller one does, and more. */
#ifndef BINOCLE_QUANT_COMPILE_PRECISION_CHOOSE_H
#define BINOCLE_QUANT_COMPILE_PRECISION_CHOOSE_H

#include "quant/graph/constants.h"
#include "quant/graph/precision.h"
#include "quant/import/geometry.h"

/** Candidates are int4 in groups of 128, 64, 32 and 16, and int8. bits: the most that a weight of the layers may take on average. Free with
   bnc_text_precision_free in any case. BNC_ERROR_ARGUMENT: no choice takes so little. */
bnc_status bnc_text_precision_choose(bnc_text_precision *precision, const bnc_text_geometry *text, const bnc_tensor_source *source,
                                     double bits, bnc_error *err);
void bnc_text_precision_free(bnc_text_precision *precision);

#endif
