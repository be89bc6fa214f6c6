/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/eval/wilson.h"

#include <math.h>

#define Z 1.959963984540054 /* the normal distribution's 97.5 % point */

bnc_interval bnc_wilson(uint64_t right, uint64_t count) {
  if (count == 0) return (bnc_interval){0, 1};
  const double n = (double)count, p = (double)right / n, z2 = Z * Z;
  const double middle = p + z2 / (2 * n), half = Z * sqrt(p * (1 - p) / n + z2 / (4 * n * n)), scale = 1 + z2 / n;
  const double low = (middle - half) / scale, high = (middle + half) / scale;
  return (bnc_interval){right == 0 ? 0 : low, right == count ? 1 : high};
}
