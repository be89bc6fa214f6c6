/* SPDX-License-Identifier: Apache-2.0 */
/* The loops of limits.h over sixteen lanes. */
#include "ops/simd/v16.h"

#include "ops/inline.h"
#include "ops/limits/limits.h"

/* Four chains that only add what they read, each a quarter: prefetchers of the hardware stop at the end of a page, and then only the other
 * streams go on, as those of a matrix product's columns do. */
float BNC_AT_LEVEL(limits_read)(const float *x /* [count] */, size_t count) {
  v16 a = v16_set1(0.0f), b = a, c = a, d = a;
  const size_t part = count / 4; /* whole sixteens: BNC_LIMIT_BLOCK is 256 */
  for (size_t i = 0; i < part; i += 16) {
    a = v16_add(a, v16_load(x + i));
    b = v16_add(b, v16_load(x + part + i));
    c = v16_add(c, v16_load(x + 2 * part + i));
    d = v16_add(d, v16_load(x + 3 * part + i));
  }
  return v16_sum(v16_add(v16_add(a, b), v16_add(c, d)));
}

/* Chains that run at once: as many as hide the latency of a level's multiply-add units, a divisor of BNC_LIMIT_SUMS; more rounds make up
 * for fewer. */
#ifdef __AVX512F__
enum { CHAINS = 12 };
#else
enum { CHAINS = 6 };
#endif
_Static_assert(BNC_LIMIT_SUMS % CHAINS == 0, "the rounds would not come out even");

float BNC_AT_LEVEL(limits_flops)(void) {
  float start[16 * BNC_LIMIT_SUMS];
  for (int i = 0; i < 16 * BNC_LIMIT_SUMS; ++i) start[i] = (float)i; /* all different: equal chains would be computed once */
  const v16 x = v16_set1(0.5f), y = v16_set1(0.25f);
  v16 sum[BNC_LIMIT_SUMS], all = v16_set1(0.0f);
  BNC_UNROLL(12) for (int i = 0; i < CHAINS; ++i) sum[i] = v16_load(start + 16 * i);
  for (int round = 0; round < BNC_LIMIT_ROUNDS * (BNC_LIMIT_SUMS / CHAINS); ++round) {
    BNC_UNROLL(12) for (int i = 0; i < CHAINS; ++i) sum[i] = v16_fma(sum[i], x, y);
  }
  BNC_UNROLL(12) for (int i = 0; i < CHAINS; ++i) all = v16_add(all, sum[i]);
  return v16_sum(all);
}

float BNC_AT_LEVEL(limits_bf16)(double *macs) {
  *macs = BNC_LIMIT_FLOPS / 2;
  return BNC_AT_LEVEL(limits_flops)();
}
