/* SPDX-License-Identifier: Apache-2.0 */
/** @file limit_read_v16.h  Four chains of sixteen lanes that only add what they read. Include a v16_*.h first. */
#include "bench/limits/limits.h"

V16_INLINE float limit_read_v16(const float *x /* [count] */, size_t count) {
  v16 a = v16_set1(0.0f), b = a, c = a, d = a;
  for (size_t i = 0; i < count; i += 64) {
    a = v16_add(a, v16_load(x + i));
    b = v16_add(b, v16_load(x + i + 16));
    c = v16_add(c, v16_load(x + i + 32));
    d = v16_add(d, v16_load(x + i + 48));
  }
  return v16_sum(v16_add(v16_add(a, b), v16_add(c, d)));
}
