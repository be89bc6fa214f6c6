/* SPDX-License-Identifier: Apache-2.0 */
/** @file sampler.h  Chooses the next token from logits. Equal settings and logits give equal tokens on every machine. */
#ifndef BINOCLE_RUNTIME_TEXT_SAMPLER_H
#define BINOCLE_RUNTIME_TEXT_SAMPLER_H

#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"

typedef struct bnc_sampler_settings {
  float temperature; /* 0: greedy, the highest logit, of equal ones the lowest id; else logits are divided by it */
  size_t top_k;      /* keep the k most likely; 0: all */
  float top_p;       /* then keep the fewest most likely tokens whose probability reaches p, in (0, 1]; 1: all */
  uint64_t seed;
} bnc_sampler_settings;

/** Greedy, everything else off. */
static inline bnc_sampler_settings bnc_sampler_defaults(void) { return (bnc_sampler_settings){0.0f, 0, 1.0f, 0}; }

typedef struct bnc_sampler bnc_sampler;

/** A sampler for vocabularies of `rows` logits. Settings out of range are BNC_ERROR_ARGUMENT. */
bnc_status bnc_sampler_create(bnc_sampler **sampler, size_t rows, const bnc_sampler_settings *settings, bnc_error *err);
void bnc_sampler_free(bnc_sampler *sampler);

/** Chooses from logits [rows]. NaN or +infinity among them is an error (BNC_ERROR_FORMAT: the model's numbers are wrong); -infinity
 *  is never chosen unless all are. Does not allocate.
 *  Random numbers: SplitMix64 (Steele, Lea and Flood, 2014) from seed, one per call, its upper 53 bits as a fraction. */
bnc_status bnc_sampler_next(bnc_sampler *sampler, const float *logits, int32_t *id, bnc_error *err);

/** Starts the random numbers again from seed. */
void bnc_sampler_reset(bnc_sampler *sampler, uint64_t seed);

#endif
