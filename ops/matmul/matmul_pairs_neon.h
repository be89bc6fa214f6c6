/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_pairs_neon.h  Sums of neighbouring lanes, which ARMv7 has for half of a register alone. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_PAIRS_NEON_H
#define BINOCLE_OPS_MATMUL_MATMUL_PAIRS_NEON_H

#include <arm_neon.h>

#include "ops/inline.h"

/* [a0 + a1, a2 + a3, a4 + a5, a6 + a7, b0 + b1, ...]. */
BNC_INLINE int16x8_t pairs_s16(int16x8_t a, int16x8_t b) {
#ifdef __aarch64__
  return vpaddq_s16(a, b);
#else
  return vcombine_s16(vpadd_s16(vget_low_s16(a), vget_high_s16(a)), vpadd_s16(vget_low_s16(b), vget_high_s16(b)));
#endif
}

#endif
