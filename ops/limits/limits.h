/* SPDX-License-Identifier: Apache-2.0 */
/** @file limits.h  Loops that reach a machine's limits and do nothing else: each level's int8 multiplies, f32 multiply-adds and reads.
 * bench_limits prints them, checkkern holds its kernels against them; what is said in percent of a limit comes from here. */
#ifndef BINOCLE_OPS_LIMITS_LIMITS_H
#define BINOCLE_OPS_LIMITS_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "platforms/cpu/cpu.h"

enum {
  BNC_LIMIT_ROUNDS = 1000000,
  BNC_LIMIT_SUMS = 12,  /* independent chains, of which a level runs as many at once as hide its latency */
  BNC_LIMIT_BLOCK = 256 /* floats: what a read loop takes at once, at most */
};
#define BNC_LIMIT_FLOPS (2.0 * BNC_LIMIT_ROUNDS * BNC_LIMIT_SUMS * 16)

typedef struct bnc_limits_ops {
  /** Multiplies and adds int8 pairs exactly into int32 in registers, with the level's best instructions; BNC_LIMIT_ROUNDS rounds. *macs:
   * how many it did. What the loops return keeps them from being left out. */
  int32_t (*int8)(double *macs);
  /** BNC_LIMIT_FLOPS operations: fused multiply-adds in registers. */
  float (*flops)(void);
  /** Sums x[count], count a multiple of BNC_LIMIT_BLOCK: reads at the rate of the memory level that x lies in. */
  float (*read)(const float *x, size_t count);
} bnc_limits_ops;

/** The loops of a level. */
void bnc_limits_init(bnc_limits_ops *ops, bnc_cpu_level level);

/** Puts a level's own loops in the place of those of the level below. */
typedef void bnc_limits_fn(bnc_limits_ops *ops);
bnc_limits_fn bnc_limits_scalar, bnc_limits_avx2, bnc_limits_avx512vnni, bnc_limits_neon, bnc_limits_neon_dotprod, bnc_limits_neon_i8mm;

#endif
