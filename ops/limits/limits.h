/* SPDX-License-Identifier: Apache-2.0 */
/** @file limits.h  Loops that reach a machine's limits and do nothing else: each level's int8 and bf16 multiplies, f32 multiply-adds and
 * reads.
 * bench_limits prints them, checkkern holds its kernels against them; what is said in percent of a limit comes from here. */
#ifndef BINOCLE_OPS_LIMITS_LIMITS_H
#define BINOCLE_OPS_LIMITS_LIMITS_H

#include "ops/level.h"

enum {
  BNC_LIMIT_ROUNDS = 1000000,
  BNC_LIMIT_SUMS = 12,  /* independent chains, of which a level runs as many at once as hide its latency */
  BNC_LIMIT_BLOCK = 256 /* floats: what a read loop takes at once, at most */
};
#define BNC_LIMIT_FLOPS (2.0 * BNC_LIMIT_ROUNDS * BNC_LIMIT_SUMS * 16)

/** Multiplies and adds int8 pairs exactly into int32 in registers, with the level's best instructions; BNC_LIMIT_ROUNDS rounds. *macs: how
 * many it did. What the loops return keeps them from being left out. */
BNC_KERNEL_GIVING(int32_t, limits_int8, double *macs);
/** Multiplies bf16 pairs and adds them to f32 where the level's matrix products do (matmul_bf16.h); else f32's fused multiply-adds. */
BNC_KERNEL_GIVING(float, limits_bf16, double *macs);
/** BNC_LIMIT_FLOPS operations: fused multiply-adds in registers. */
BNC_KERNEL_GIVING(float, limits_flops, void);
/** Sums x[count], count a multiple of BNC_LIMIT_BLOCK: reads at the rate of the memory level that x lies in. */
BNC_KERNEL_GIVING(float, limits_read, const float *x, size_t count);

typedef struct bnc_limits_ops {
  bnc_limits_int8_fn *int8;
  bnc_limits_bf16_fn *bf16;
  bnc_limits_flops_fn *flops;
  bnc_limits_read_fn *read;
} bnc_limits_ops;

#endif
