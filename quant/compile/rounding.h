/* SPDX-License-Identifier: Apache-2.0 */
/** @file rounding.h  What every quantiser rounds weights with: loops over it become vectors. */
#ifndef BINOCLE_QUANT_COMPILE_ROUNDING_H
#define BINOCLE_QUANT_COMPILE_ROUNDING_H

/** rintf for |v| < 2^22: float's own rounding at the magnitude where its steps are 1. */
static inline float bnc_round_small(float v) {
  const float shift = 12582912.0f; /* 1.5 * 2^23 */
  return (v + shift) - shift;
}

/** v within [low, high], in the operand order of the vector units' min and max; high where v is no number. */
static inline float bnc_clamp(float v, float low, float high) {
  const float below = v < high ? v : high;
  return below > low ? below : low;
}

#endif
