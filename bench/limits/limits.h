/* SPDX-License-Identifier: Apache-2.0 */
/** @file limits.h  Loops that reach a machine's limits and do nothing else: each level's int8 multiplies, f32 multiply-adds and reads.
   bench_limits prints them, checkkern holds its kernels against them. */
#ifndef BINOCLE_BENCH_LIMITS_LIMITS_H
#define BINOCLE_BENCH_LIMITS_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#include "platforms/cpu/cpu.h"

/** Multiplies and adds int8 pairs exactly into int32 in registers, with the level's best instructions; LIMIT_ROUNDS rounds. What it returns
   keeps it from being left out. *macs: how many it did. */
typedef int32_t limit_int8_fn(double *macs);
/** Sums x[count], count a multiple of 256: reads at the rate of the memory level that x lies in. */
typedef float limit_read_fn(const float *x, size_t count);

enum { LIMIT_ROUNDS = 1000000 };

limit_int8_fn limit_int8_scalar, limit_int8_avx2, limit_int8_avx512vnni, limit_int8_neon, limit_int8_neon_dotprod, limit_int8_neon_i8mm;
limit_read_fn limit_read_scalar, limit_read_avx2, limit_read_avx512vnni, limit_read_neon;

typedef struct limit_loops {
  limit_int8_fn *int8;
  limit_read_fn *read;
  float (*flops)(void); /* PEAK_FLOPS (tests/ops/checkkern/peak.h) operations */
} limit_loops;

/** The loops of a level. */
limit_loops limits_choose(bnc_cpu_level level);

#endif
