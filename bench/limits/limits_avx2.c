/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx2.h"

#include "bench/limits/limit_read_v16.h"
#include "tests/ops/checkkern/peak.h"

float limit_read_avx2(const float *x, size_t count) { return limit_read_v16(x, count); }

/* Products of 16-bit values, as maddubs saturates: 16 to an instruction. Its pairs of int8 would cost two such instructions for 32. */
int32_t limit_int8_avx2(double *macs) {
  *macs = PEAK_INT8 / 2;
  return peak_int8_avx2();
}
