/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling spends its time here. Loops run over fixed lanes, which compilers turn into vectors without being allowed to reorder float
   sums: results are the same on every machine. */
#include "quant/compile/quantize_weights.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "ops/half.h"
#include "quant/compile/rounding.h"
#include "runtime/model/format.h"

#define LANES 16u
#define MOST 128u /* values rounded at a time */
#define QC8_SCALES 24u

static float largest(const float *w, size_t n) {
  float lane[LANES] = {0}, most = 0.0f;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (unsigned k = 0; k < LANES; k++) {
      float a = fabsf(w[i + k]);
      lane[k] = a > lane[k] ? a : lane[k];
    }
  for (unsigned k = 0; i < n; i++, k++) {
    float a = fabsf(w[i]);
    lane[k] = a > lane[k] ? a : lane[k];
  }
  for (unsigned k = 0; k < LANES; k++) most = lane[k] > most ? lane[k] : most;
  return most;
}

static float squared_error_qc8(const float *restrict w, size_t k, float s) {
  const float inverse = 1.0f / s; /* s is at least FLT_MIN: finite */
  float lane[LANES] = {0}, error = 0.0f;
  size_t i = 0;
  for (; i + LANES <= k; i += LANES)
    for (unsigned j = 0; j < LANES; j++) {
      const float d = w[i + j] - bnc_clamp(bnc_round_small(w[i + j] * inverse), -127.0f, 127.0f) * s;
      lane[j] += d * d;
    }
  for (unsigned j = 0; i < k; i++, j++) {
    const float d = w[i] - bnc_clamp(bnc_round_small(w[i] * inverse), -127.0f, 127.0f) * s;
    lane[j] += d * d;
  }
  for (unsigned j = 0; j < LANES; j++) error += lane[j];
  return error;
}

/* What the largest value becomes without being cut off, and smaller steps that cut it off: they serve the many small values, and of so many
   one meets the row's values better than most. */
static float scale_qc8(const float *w, size_t k) {
  const float most = largest(w, k), whole = most / 127.0f;
  float best = whole, least;
  if (whole < FLT_MIN) return 1.0f; /* a row of zeros, or of values that float cannot scale up */
  least = squared_error_qc8(w, k, whole);
  for (unsigned c = 0; c < QC8_SCALES; c++) {
    const float s = most / (127.25f + 0.75f * (float)c);
    if (s < FLT_MIN) continue;
    const float error = squared_error_qc8(w, k, s);
    if (error < least) {
      least = error;
      best = s;
    }
  }
  return best;
}

void bnc_quantize_row_qc8(const float *restrict w, size_t k, int8_t *restrict q, float *scale) {
  const float s = scale_qc8(w, k);
  size_t i = 0;
  for (; i + LANES <= k; i += LANES) {
    int32_t v[LANES];
    for (unsigned j = 0; j < LANES; j++) v[j] = (int32_t)bnc_clamp(bnc_round_small(w[i + j] / s), -127.0f, 127.0f);
    for (unsigned j = 0; j < LANES; j++) q[i + j] = (int8_t)v[j];
  }
  for (; i < k; i++) q[i] = (int8_t)bnc_clamp(bnc_round_small(w[i] / s), -127.0f, 127.0f);
  *scale = s;
}

static inline float nibble_of(float w, float inverse) { return bnc_clamp(bnc_round_small(w * inverse), -8.0f, 7.0f); }

/* n: a multiple of LANES, as groups are. */
static float squared_error(const float *restrict w, size_t n, float s) {
  float lane[LANES] = {0}, error = 0.0f, inverse = 1.0f / s;
  for (size_t i = 0; i < n; i += LANES)
    for (unsigned k = 0; k < LANES; k++) {
      float d = w[i + k] - nibble_of(w[i + k], inverse) * s;
      lane[k] += d * d;
    }
  for (unsigned k = 0; k < LANES; k++) error += lane[k];
  return error;
}

/* Weights that were rounded before (GGUF's Q4_0 with a positive scale) lie on this grid already: the largest is a small multiple of a step
   that all the others are multiples of. How small a multiple; 0: no such grid. */
static float grid_steps(const float *w, size_t n, float most) {
  for (float steps = 8.0f; steps > 1.0f; steps -= 1.0f) {
    size_t on = 0, looked = 0;
    for (; looked < n && on == looked; looked++) {
      const float v = w[looked] / most * steps;
      on += v < 7.5f && fabsf(v - bnc_round_small(v)) < 1e-5f;
    }
    if (on == n) return steps;
  }
  return 0.0f;
}

static float group_scale(const float *w, size_t n) {
  /* Of the candidates, 7 never clips, 8 clips only positive peaks, those above trade peaks for the many small values. */
  float candidates[] = {0.0f, 7.0f, 7.5f, 8.0f, 8.5f, 9.0f};
  float most = largest(w, n), best = 0.0f, least = FLT_MAX;
  if (most < 8.0f * FLT_MIN) return FLT_MIN; /* zeros: the smallest scale keeps XNNPACK's rounding residue out of the result */
  candidates[0] = grid_steps(w, n, most);
  for (size_t c = candidates[0] > 0.0f ? 0 : 1; c < sizeof candidates / sizeof *candidates; c++) {
    float s = bnc_f32_from_bf16(bnc_bf16_from_f32(most / candidates[c]));
    if (s < FLT_MIN) continue;
    float error = squared_error(w, n, s);
    if (error < least) {
      least = error;
      best = s;
    }
  }
  return best > 0.0f ? best : FLT_MIN;
}

/* n: at most MOST. */
static void nibbles_of(const float *restrict w, size_t n, float inverse, int32_t *restrict v) {
  for (size_t i = 0; i < n; i++) v[i] = (int32_t)(nibble_of(w[i], inverse) + 8.0f);
}

void bnc_quantize_row_qg4(const float *restrict w, size_t k, size_t group, uint8_t *restrict q, uint16_t *restrict scales) {
  for (size_t g = 0; g < k / group; g++) {
    float s = group_scale(w + g * group, group), inverse = 1.0f / s; /* s is at least FLT_MIN: finite */
    scales[g] = bnc_bf16_from_f32(s);
    for (size_t i = g * group, n; i < (g + 1) * group; i += n) {
      int32_t v[MOST];
      n = (g + 1) * group - i < MOST ? (g + 1) * group - i : MOST;
      nibbles_of(w + i, n, inverse, v);
      for (size_t j = 0; j < n; j += 2) q[(i + j) / 2] = (uint8_t)(v[j] | v[j + 1] << 4);
    }
  }
}

/* ---- QC4 ---- */

#define STEPS 16.0f
#define SAMPLED 64u /* groups that decide on a row's scale */

/* The scale that a group would like best, were it free. */
static float liked_scale(const float *w) {
  static const float candidates[] = {6.5f, 7.0f, 7.5f, 8.0f, 8.5f, 9.0f};
  const float most = largest(w, BNC_QC4_GROUP);
  float best = 0.0f, least = FLT_MAX;
  for (size_t c = 0; c < sizeof candidates / sizeof *candidates; c++) {
    const float s = most / candidates[c];
    if (s < FLT_MIN) continue;
    const float error = squared_error(w, BNC_QC4_GROUP, s);
    if (error < least) {
      least = error;
      best = s;
    }
  }
  return best;
}

/* The better of the steps below and above what the group would like; *error: the squared one that is left. */
static float best_step(const float *w, float scale, float *error) {
  const float liked = liked_scale(w) / scale, below = bnc_clamp(floorf(liked), 1.0f, STEPS), above = bnc_clamp(ceilf(liked), 1.0f, STEPS);
  const float with_below = squared_error(w, BNC_QC4_GROUP, below * scale), with_above = squared_error(w, BNC_QC4_GROUP, above * scale);
  *error = with_above < with_below ? with_above : with_below;
  return with_above < with_below ? above : below;
}

float bnc_qc4_row_scale(const float *w, size_t k) {
  /* Of the candidates, 1 lets no step be too small, those below trade the largest groups for finer steps of the many small ones. */
  static const float candidates[] = {1.0f, 0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.35f, 0.25f};
  const size_t groups = k / BNC_QC4_GROUP, stride = (groups + SAMPLED - 1) / SAMPLED;
  float most = 0.0f, best = 1.0f, least = FLT_MAX;
  for (size_t g = 0; g < groups; g++) {
    const float s = liked_scale(w + g * BNC_QC4_GROUP);
    most = s > most ? s : most;
  }
  for (size_t c = 0; c < sizeof candidates / sizeof *candidates; c++) {
    const float scale = most / STEPS * candidates[c];
    float sum = 0.0f;
    if (scale < FLT_MIN) continue; /* a row of zeros, or of values that float cannot scale up: 1 makes zeros of them */
    for (size_t g = 0; g < groups; g += stride) {
      float error;
      best_step(w + g * BNC_QC4_GROUP, scale, &error);
      sum += error;
    }
    if (sum < least) {
      least = sum;
      best = scale;
    }
  }
  return best;
}

void bnc_quantize_row_qc4(const float *restrict w, size_t k, uint8_t *restrict q, uint8_t *restrict steps, float *scale) {
  *scale = bnc_qc4_row_scale(w, k);
  for (size_t g = 0; g < k / BNC_QC4_GROUP; g++) {
    const float *x = w + g * BNC_QC4_GROUP;
    float error;
    const float step = best_step(x, *scale, &error), inverse = 1.0f / (step * *scale);
    int32_t v[BNC_QC4_GROUP];
    nibbles_of(x, BNC_QC4_GROUP, inverse, v);
    steps[g] = (uint8_t)step;
    for (size_t j = 0; j < BNC_QC4_GROUP; j++) v[j] = v[j] == 0 && step == STEPS ? 1 : v[j]; /* -128 is no int8 weight of ours */
    for (size_t j = 0; j < BNC_QC4_GROUP; j += 2) q[(g * BNC_QC4_GROUP + j) / 2] = (uint8_t)(v[j] | v[j + 1] << 4);
  }
}
