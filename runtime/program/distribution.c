/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/distribution.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 16 };

/* y = exp(x) for x <= 0: 2^n exp(r) with |r| <= log(2) / 2, whose series ends at r^6 / 6! (the rest is 1.3e-7 of the sum). Adding 1.5 *
 * 2^23 rounds to a whole number, which then stands in the low bits. */
static void exp_lanes(const float *restrict x, float *restrict y) {
  static const float rounding = 12582912.0f, log2_e = 1.44269504f, ln2_high = 0.693145752f, ln2_low = 1.42860677e-6f;
  float at[LANES], shifted[LANES], scale[LANES];
  uint32_t bits[LANES];
  for (int i = 0; i < LANES; i++) at[i] = x[i] > -87.0f ? x[i] : -87.0f; /* alone: else no compiler makes vectors of what follows */
  for (int i = 0; i < LANES; i++) {
    shifted[i] = at[i] * log2_e + rounding;
    const float n = shifted[i] - rounding, r = at[i] - n * ln2_high - n * ln2_low;
    y[i] = 1.0f + r * (1.0f + r * (0.5f + r * (0.166666667f + r * (0.0416666667f + r * (0.00833333333f + r * 0.00138888889f)))));
  }
  memcpy(bits, shifted, sizeof bits);
  for (int i = 0; i < LANES; i++) bits[i] = (bits[i] - 0x4B400000u + 127u) << 23;
  memcpy(scale, bits, sizeof scale);
  for (int i = 0; i < LANES; i++) y[i] *= scale[i];
}

static double sum_of(const double lane[LANES]) {
  double sum = 0;
  for (int i = 0; i < LANES; i++) sum += lane[i];
  return sum;
}

static bool reaches(const float logits[LANES], float most) {
  int hits = 0;
  for (int i = 0; i < LANES; i++) hits += logits[i] >= most;
  return hits > 0;
}

static size_t find_likeliest(const float *logits, size_t count) {
  float most[LANES];
  size_t at = 0;
  for (int i = 0; i < LANES; i++) most[i] = logits[0];
  for (; count - at >= LANES; at += LANES)
    for (int i = 0; i < LANES; i++) most[i] = logits[at + (size_t)i] > most[i] ? logits[at + (size_t)i] : most[i];
  for (; at < count; at++) most[0] = logits[at] > most[0] ? logits[at] : most[0];
  for (int i = 1; i < LANES; i++) most[0] = most[i] > most[0] ? most[i] : most[0];
  at = 0;
  while (count - at > LANES && !reaches(logits + at, most[0])) at += LANES;
  while (at + 1 < count && logits[at] < most[0]) at++;
  return at;
}

bnc_distribution bnc_distribution_of(const float *logits, size_t count, float *weights) {
  bnc_distribution d = {.logits = logits, .count = count, .likeliest = find_likeliest(logits, count)};
  const float most = logits[d.likeliest];
  double sum[LANES] = {0};
  for (size_t at = 0; at < count; at += LANES) {
    const size_t here = count - at < LANES ? count - at : LANES;
    float x[LANES], y[LANES];
    for (int i = 0; i < LANES; i++) x[i] = -1e3f;
    if (here == LANES)
      for (int i = 0; i < LANES; i++) x[i] = logits[at + (size_t)i] - most;
    else
      for (size_t i = 0; i < here; i++) x[i] = logits[at + i] - most;
    exp_lanes(x, y);
    for (int i = 0; i < LANES; i++) sum[i] += (double)y[i];
    if (weights) memcpy(weights + at, y, here * sizeof *y);
  }
  d.log_sum = (double)most + log(sum_of(sum));
  return d;
}

/* Sums over the vocabulary, of logits less the likeliest's. */
typedef struct sums {
  double a[LANES], b[LANES], aa[LANES], bb[LANES], ab[LANES], wa[LANES], wb[LANES], w[LANES];
} sums;

static void add_lanes(sums *s, const double *a, const double *b, const double *w) {
  for (int i = 0; i < LANES; i++) {
    s->a[i] += a[i];
    s->b[i] += b[i];
    s->aa[i] += a[i] * a[i];
    s->bb[i] += b[i] * b[i];
    s->ab[i] += a[i] * b[i];
    s->wa[i] += w[i] * a[i];
    s->wb[i] += w[i] * b[i];
    s->w[i] += w[i];
  }
}

bnc_apartness bnc_distribution_compare(const bnc_distribution *a, const bnc_distribution *b, const float *b_weights) {
  const double a_most = (double)a->logits[a->likeliest], b_most = (double)b->logits[b->likeliest], n = (double)a->count;
  sums s = {{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}};
  for (size_t at = 0; at < a->count; at += LANES) {
    const size_t here = a->count - at < LANES ? a->count - at : LANES;
    double x[LANES] = {0}, y[LANES] = {0}, w[LANES] = {0};
    for (size_t i = 0; i < here; i++) {
      x[i] = (double)a->logits[at + i] - a_most;
      y[i] = (double)b->logits[at + i] - b_most;
      w[i] = (double)b_weights[at + i];
    }
    add_lanes(&s, x, y, w);
  }
  const double a_sum = sum_of(s.a), b_sum = sum_of(s.b);
  const double aa = sum_of(s.aa) - a_sum * a_sum / n, bb = sum_of(s.bb) - b_sum * b_sum / n, ab = sum_of(s.ab) - a_sum * b_sum / n;
  const double told = (sum_of(s.wb) - sum_of(s.wa)) / sum_of(s.w); /* the mean of b's logits less a's, both less their likeliest's */
  return (bnc_apartness){.divergence = fmax(told - (b->log_sum - b_most) + (a->log_sum - a_most), 0),
                         .distance = bb > 0 ? sqrt(fmax(aa + bb - 2 * ab, 0) / bb) : 0,
                         .cosine = aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : 0};
}
