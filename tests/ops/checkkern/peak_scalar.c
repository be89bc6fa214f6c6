/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/ops/checkkern/peak.h"

/* One product and one sum at a time, as the scalar kernels without vector registers; the count is that of the other levels. */
float peak_flops_scalar(void) {
  volatile float half = 0.5f, quarter = 0.25f;
  const float x = half, y = quarter;
  float s[8] = {y, 1, 2, 3, 4, 5, 6, 7};
  for (int i = 0; i < PEAK_ROUNDS * (PEAK_SUMS * 2); ++i) {
    for (int j = 0; j < 8; ++j) s[j] = s[j] * x + y;
  }
  return s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7];
}
