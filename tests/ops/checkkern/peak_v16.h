/* SPDX-License-Identifier: Apache-2.0 */
/** @file peak_v16.h  Chains of sixteen lanes, as many as hide the latency of a level's multiply-add units. Include a v16_*.h first. */
#include "tests/ops/checkkern/peak.h"

/* chains: a constant that divides PEAK_SUMS; more rounds make up for fewer. */
V16_INLINE float peak_flops_v16(const int chains) {
  float start[16 * PEAK_SUMS];
  for (int i = 0; i < 16 * PEAK_SUMS; ++i) start[i] = (float)i; /* all different: equal chains would be computed once */
  const v16 x = v16_set1(0.5f), y = v16_set1(0.25f);
  v16 sum[PEAK_SUMS], all = v16_set1(0.0f);
  _Pragma("GCC unroll 12") for (int i = 0; i < chains; ++i) sum[i] = v16_load(start + 16 * i);
  for (int round = 0; round < PEAK_ROUNDS * (PEAK_SUMS / chains); ++round) {
    _Pragma("GCC unroll 12") for (int i = 0; i < chains; ++i) sum[i] = v16_fma(sum[i], x, y);
  }
  _Pragma("GCC unroll 12") for (int i = 0; i < chains; ++i) all = v16_add(all, sum[i]);
  return v16_sum(all);
}
