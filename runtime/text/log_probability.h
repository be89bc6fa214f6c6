/* SPDX-License-Identifier: Apache-2.0 */
/** @file log_probability.h  Natural logarithms of softmax probabilities. */
#ifndef BINOCLE_RUNTIME_TEXT_LOG_PROBABILITY_H
#define BINOCLE_RUNTIME_TEXT_LOG_PROBABILITY_H

#include <stddef.h>
#include <stdint.h>

/** log(sum over i of exp(logits[i])) of count >= 1 finite logits. */
double bnc_log_sum_exp(const float *logits /* [count] */, size_t count);

/** Ids of the `most` (or count) highest logits, the highest first, of equal ones the lower id; returns how many. */
size_t bnc_top_logits(const float *logits /* [count] */, size_t count, size_t most, int32_t *ids /* [most] */);

#endif
