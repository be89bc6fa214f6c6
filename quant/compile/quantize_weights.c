/* SPDX-License-Identifier: Apache-2.0 */
/* Compiling spends its time here. Loops run over fixed lanes, which compilers turn into vectors without being allowed to reorder float
   sums: results are the same on every machine. */
#include "quant/compile/quantize_weights.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define LANES 16u
#define MOST 128u /* values rounded at a time */

uint16_t bnc_bf16_from_f32(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

float bnc_bf16_to_f32(uint16_t x) {
  uint32_t bits = (uint32_t)x << 16;
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

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

/* rintf for |v| < 2^22: float's own rounding at the magnitude where its steps are 1. */
static inline float round_small(float v) {
  const float shift = 12582912.0f; /* 1.5 * 2^23 */
  return (v + shift) - shift;
}

/* In the operand order of the vector units' min and max. */
static inline float clamp(float v, float low, float high) {
  float below = high < v ? high : v;
  return low > below ? low : below;
}

void bnc_quantize_row_qc8(const float *restrict w, size_t k, int8_t *restrict q, float *scale) {
  float s = largest(w, k) / 127.0f;
  if (s < FLT_MIN) s = 1.0f; /* a row of zeros, or of values that float cannot scale up */
  size_t i = 0;
  for (; i + LANES <= k; i += LANES) {
    int32_t v[LANES];
    for (unsigned j = 0; j < LANES; j++) v[j] = (int32_t)clamp(round_small(w[i + j] / s), -127.0f, 127.0f);
    for (unsigned j = 0; j < LANES; j++) q[i + j] = (int8_t)v[j];
  }
  for (; i < k; i++) q[i] = (int8_t)clamp(round_small(w[i] / s), -127.0f, 127.0f);
  *scale = s;
}

static inline float nibble_of(float w, float inverse) { return clamp(round_small(w * inverse), -8.0f, 7.0f); }

/* n: a multiple of LANES, as groups are of 32. */
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
      on += v < 7.5f && fabsf(v - round_small(v)) < 1e-5f;
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
    float s = bnc_bf16_to_f32(bnc_bf16_from_f32(most / candidates[c]));
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
