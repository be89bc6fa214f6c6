/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "platforms/mem.h"
#include "runtime/image/resample.h"

#define MAX_POSITIONS (1u << 20)
#define SUPPORT 2.0 /* the kernel is 0 from there on */

/* The order of the operations is part of the contract: another one rounds differently. */
static double cubic(double x) {
  const double a = -0.5;
  if (x < 0.0) x = -x;
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

static int32_t to_fixed(double weight) {
  const double scaled = weight * (1 << BNC_RESAMPLE_BITS);
  return (int32_t)(weight < 0 ? scaled - 0.5 : scaled + 0.5);
}

/* Positions are never negative once clamped, so truncation is floor. */
static size_t clamp_position(double x, size_t end) { return x <= 0 ? 0 : x >= (double)end ? end : (size_t)x; }

static void fill(bnc_resample *r, double *weight /* [taps] */) {
  const double scale = (double)r->in / (double)r->out;
  const double stretch = scale < 1.0 ? 1.0 : scale;
  const double support = SUPPORT * stretch, shrink = 1.0 / stretch;
  for (size_t i = 0; i < r->out; i++) {
    const double centre = ((double)i + 0.5) * scale;
    const size_t first = clamp_position(centre - support + 0.5, r->in), end = clamp_position(centre + support + 0.5, r->in);
    double sum = 0.0;
    for (size_t t = 0; t < end - first; t++) {
      weight[t] = cubic(((double)t + (double)first - centre + 0.5) * shrink);
      sum += weight[t];
    }
    r->first[i] = (uint32_t)first;
    r->count[i] = (uint32_t)(end - first);
    for (size_t t = 0; t < end - first; t++) r->weights[i * r->taps + t] = to_fixed(sum != 0.0 ? weight[t] / sum : weight[t]);
  }
}

bnc_status bnc_resample_coefficients(bnc_resample *r, size_t in, size_t out, bnc_error *err) {
  *r = (bnc_resample){0};
  if (in < 1 || in > MAX_POSITIONS || out < 1 || out > MAX_POSITIONS)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "cannot resize %zu positions to %zu, expected 1 to %u", in, out, MAX_POSITIONS);
  const double scale = (double)in / (double)out;
  const size_t taps = 2 * (size_t)ceil(SUPPORT * (scale < 1.0 ? 1.0 : scale)) + 1;
  *r = (bnc_resample){in, out, taps, bnc_mem_array(out, sizeof *r->first), bnc_mem_array(out, sizeof *r->count), NULL};
  size_t cells;
  double *weight = bnc_mem_array(taps, sizeof *weight);
  if (bnc_mul_size(out, taps, &cells)) r->weights = bnc_mem_array(cells, sizeof *r->weights);
  if (!r->first || !r->count || !r->weights || !weight) {
    bnc_mem_free(weight);
    bnc_resample_free(r);
    return bnc_fail_memory(err, (unsigned long long)out * taps * sizeof *r->weights);
  }
  fill(r, weight);
  bnc_mem_free(weight);
  return BNC_OK;
}

void bnc_resample_free(bnc_resample *r) {
  bnc_mem_free(r->first);
  bnc_mem_free(r->count);
  bnc_mem_free(r->weights);
  *r = (bnc_resample){0};
}
