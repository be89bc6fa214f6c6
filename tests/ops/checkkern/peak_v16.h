/* SPDX-License-Identifier: Apache-2.0 */
/** @file peak_v16.h  Six chains of sixteen lanes. Include a v16_*.h first. */
#include "tests/ops/checkkern/peak.h"

V16_INLINE float peak_flops_v16(void) {
  float start[PEAK_LANES];
  for (int i = 0; i < PEAK_LANES; ++i) start[i] = (float)i; /* all different: equal chains would be computed once */
  const v16 x = v16_set1(0.5f), y = v16_set1(0.25f);
  v16 a = v16_load(start), b = v16_load(start + 16), c = v16_load(start + 32), d = v16_load(start + 48), e = v16_load(start + 64), f = v16_load(start + 80);
  for (int i = 0; i < PEAK_ROUNDS; ++i) {
    a = v16_fma(a, x, y);
    b = v16_fma(b, x, y);
    c = v16_fma(c, x, y);
    d = v16_fma(d, x, y);
    e = v16_fma(e, x, y);
    f = v16_fma(f, x, y);
  }
  return v16_sum(v16_add(v16_add(v16_add(a, b), v16_add(c, d)), v16_add(e, f)));
}
