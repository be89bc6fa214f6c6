/* SPDX-License-Identifier: Apache-2.0 */
/** @file distribution.h  What logits say of the next token, and how far two sayings are apart. A vocabulary has a hundred thousand logits
   per token: everything here goes in blocks of lanes that compilers turn into vectors. */
#ifndef BINOCLE_RUNTIME_PROGRAM_DISTRIBUTION_H
#define BINOCLE_RUNTIME_PROGRAM_DISTRIBUTION_H

#include <stddef.h>

typedef struct bnc_distribution {
  const float *logits; /* [count], finite */
  size_t count;
  size_t likeliest; /* the first of them */
  double log_sum;   /* log of the sum of exp(logits): a token's log probability is its logit less that */
} bnc_distribution;

/** weights [count]: exp(-x) for a logit x below the likeliest one, to (3e-7 + 6e-8 x) of itself; below 1e-37 anything up to that. NULL:
 * they are not kept. */
bnc_distribution bnc_distribution_of(const float *logits, size_t count, float *weights);

typedef struct bnc_apartness {
  double divergence; /* KL(b || a), nats */
  double distance;   /* of a from b, relative L2 of the logits without their means: what softmax leaves out */
  double cosine;     /* of the same */
} bnc_apartness;
/** b_weights: of bnc_distribution_of for b. Both of the same count. */
bnc_apartness bnc_distribution_compare(const bnc_distribution *a, const bnc_distribution *b, const float *b_weights);

#endif
