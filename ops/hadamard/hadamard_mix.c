/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "ops/hadamard/hadamard.h"

void bnc_hadamard_mix(size_t cols, size_t mixed, float *mix) {
  const double length = sqrt((double)(bnc_hadamard_block(cols) * mixed));
  for (size_t i = 0; i < mixed; i++)
    for (size_t j = 0; j < mixed; j++) {
      const double angle = 2 * 3.14159265358979323846 * (double)(i * j % mixed) / (double)mixed;
      mix[i * mixed + j] = (float)((cos(angle) + sin(angle)) / length);
    }
}
