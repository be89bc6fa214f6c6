/* SPDX-License-Identifier: Apache-2.0 */
/** @file limits_v16.h  The loops of limits.h over sixteen lanes. Include a v16_*.h first. */
#ifndef BINOCLE_OPS_LIMITS_LIMITS_V16_H
#define BINOCLE_OPS_LIMITS_LIMITS_V16_H

#include "ops/limits/limits.h"

/* Four chains that only add what they read. */
V16_INLINE float limits_read_v16(const float *x /* [count] */, size_t count) {
  v16 a = v16_set1(0.0f), b = a, c = a, d = a;
  for (size_t i = 0; i < count; i += 64) {
    a = v16_add(a, v16_load(x + i));
    b = v16_add(b, v16_load(x + i + 16));
    c = v16_add(c, v16_load(x + i + 32));
    d = v16_add(d, v16_load(x + i + 48));
  }
  return v16_sum(v16_add(v16_add(a, b), v16_add(c, d)));
}

/* chains: a constant that divides BNC_LIMIT_SUMS, as many as hide the latency of a level's multiply-add units; more rounds make up for
 * fewer. */
V16_INLINE float limits_flops_v16(const int chains) {
  float start[16 * BNC_LIMIT_SUMS];
  for (int i = 0; i < 16 * BNC_LIMIT_SUMS; ++i) start[i] = (float)i; /* all different: equal chains would be computed once */
  const v16 x = v16_set1(0.5f), y = v16_set1(0.25f);
  v16 sum[BNC_LIMIT_SUMS], all = v16_set1(0.0f);
  _Pragma("GCC unroll 12") for (int i = 0; i < chains; ++i) sum[i] = v16_load(start + 16 * i);
  for (int round = 0; round < BNC_LIMIT_ROUNDS * (BNC_LIMIT_SUMS / chains); ++round) {
    _Pragma("GCC unroll 12") for (int i = 0; i < chains; ++i) sum[i] = v16_fma(sum[i], x, y);
  }
  _Pragma("GCC unroll 12") for (int i = 0; i < chains; ++i) all = v16_add(all, sum[i]);
  return v16_sum(all);
}

#endif
