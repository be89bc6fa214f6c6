/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>

#include "ops/resample/resample.h"
#include "platforms/base/mem.h"

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

static void split(const bnc_resample *r, size_t i) {
  const int32_t *w = r->weights + i * r->taps;
  int16_t *part = r->parts + 2 * i * r->taps;
  int8_t *digit = r->digits + BNC_RESAMPLE_DIGITS * i * r->taps;
  for (size_t t = 0; t < r->taps; t++) {
    const size_t group = t / BNC_RESAMPLE_GROUP * BNC_RESAMPLE_GROUP, at = t % BNC_RESAMPLE_GROUP;
    const int32_t low = w[t] & ((1 << BNC_RESAMPLE_LOW_BITS) - 1);
    part[2 * group + at] = (int16_t)((w[t] - low) / (1 << BNC_RESAMPLE_LOW_BITS));
    part[2 * group + BNC_RESAMPLE_GROUP + at] = (int16_t)low;
    int32_t rest = w[t];
    for (size_t d = 0; d < BNC_RESAMPLE_DIGITS; d++) {
      const int8_t last = (int8_t)(((rest + 128) & 255) - 128);
      digit[BNC_RESAMPLE_DIGITS * group + d * BNC_RESAMPLE_GROUP + at] = last;
      rest = (rest - last) / 256;
    }
  }
}

/* Which inputs each output position reads. Returns the most that one does. */
static size_t find_windows(bnc_resample *r, double scale, double support) {
  size_t most = 0;
  for (size_t i = 0; i < r->out; i++) {
    const double centre = ((double)i + 0.5) * scale;
    const size_t first = clamp_position(centre - support + 0.5, r->in), end = clamp_position(centre + support + 0.5, r->in);
    r->first[i] = (uint32_t)first;
    r->count[i] = (uint32_t)(end - first);
    if (end - first > most) most = end - first;
  }
  return most;
}

static void fill(bnc_resample *r, double scale, double shrink, double *weight /* [taps] */) {
  for (size_t i = 0; i < r->out; i++) {
    const double centre = ((double)i + 0.5) * scale;
    double sum = 0.0;
    for (size_t t = 0; t < r->count[i]; t++) {
      weight[t] = cubic(((double)t + (double)r->first[i] - centre + 0.5) * shrink);
      sum += weight[t];
    }
    for (size_t t = 0; t < r->count[i]; t++) r->weights[i * r->taps + t] = to_fixed(sum != 0.0 ? weight[t] / sum : weight[t]);
    split(r, i);
  }
}

bnc_status bnc_resample_create(bnc_resample *r, size_t in, size_t out, bnc_error *err) {
  *r = (bnc_resample){0};
  if (in < 1 || in > MAX_POSITIONS || out < 1 || out > MAX_POSITIONS)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "cannot resize %zu positions to %zu, expected 1 to %u", in, out, MAX_POSITIONS);
  const double scale = (double)in / (double)out, stretch = scale < 1.0 ? 1.0 : scale;
  double *weight = NULL;
  size_t cells;
  *r = (bnc_resample){.in = in, .out = out, .first = bnc_mem_array(out, sizeof *r->first), .count = bnc_mem_array(out, sizeof *r->count)};
  if (r->first && r->count) {
    r->taps = (find_windows(r, scale, SUPPORT * stretch) + BNC_RESAMPLE_GROUP - 1) / BNC_RESAMPLE_GROUP * BNC_RESAMPLE_GROUP;
    weight = bnc_mem_array(r->taps, sizeof *weight);
    if (bnc_mul_size(out, r->taps, &cells)) {
      r->weights = bnc_mem_array(cells, sizeof *r->weights);
      r->parts = bnc_mem_array(cells, 2 * sizeof *r->parts);
      r->digits = bnc_mem_array(cells, BNC_RESAMPLE_DIGITS * sizeof *r->digits);
    }
  }
  if (!weight || !r->weights || !r->parts || !r->digits) {
    const size_t taps = r->taps;
    bnc_mem_free(weight);
    bnc_resample_free(r);
    return bnc_fail_memory(err, (unsigned long long)out * (taps + 1) * 11);
  }
  fill(r, scale, 1.0 / stretch, weight);
  bnc_mem_free(weight);
  return BNC_OK;
}

void bnc_resample_free(bnc_resample *r) {
  bnc_mem_free(r->first);
  bnc_mem_free(r->count);
  bnc_mem_free(r->weights);
  bnc_mem_free(r->parts);
  bnc_mem_free(r->digits);
  *r = (bnc_resample){0};
}
