/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/compile/quantize_weights.h"

#include <float.h>
#include <math.h>
#include <string.h>

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
  float most = 0.0f;
  for (size_t i = 0; i < n; i++) most = fmaxf(most, fabsf(w[i]));
  return most;
}

void bnc_quantize_row_qc8(const float *w, size_t k, int8_t *q, float *scale) {
  float s = largest(w, k) / 127.0f;
  if (s < FLT_MIN) s = 1.0f; /* a row of zeros, or of values that float cannot scale up */
  for (size_t i = 0; i < k; i++) {
    float v = rintf(w[i] / s);
    q[i] = (int8_t)(v > 127.0f ? 127.0f : v < -127.0f ? -127.0f : v);
  }
  *scale = s;
}

static float nibble_of(float w, float s) {
  float v = rintf(w / s);
  return v > 7.0f ? 7.0f : v < -8.0f ? -8.0f : v;
}

static float group_scale(const float *w, size_t n) {
  /* Of the candidates, 7 never clips, 8 clips only positive peaks, those above trade peaks for the many small values. */
  static const float candidates[] = {7.0f, 7.5f, 8.0f, 8.5f, 9.0f};
  float most = largest(w, n), best = 0.0f, least = INFINITY;
  if (most < 8.0f * FLT_MIN) return FLT_MIN; /* zeros: the smallest scale keeps XNNPACK's rounding residue out of the result */
  for (size_t c = 0; c < sizeof candidates / sizeof *candidates; c++) {
    float s = bnc_bf16_to_f32(bnc_bf16_from_f32(most / candidates[c])), error = 0.0f;
    if (s < FLT_MIN) continue;
    for (size_t i = 0; i < n; i++) {
      float d = w[i] - nibble_of(w[i], s) * s;
      error += d * d;
    }
    if (error < least) {
      least = error;
      best = s;
    }
  }
  return best > 0.0f ? best : FLT_MIN;
}

void bnc_quantize_row_qg4(const float *w, size_t k, size_t group, uint8_t *q, uint16_t *scales) {
  for (size_t g = 0; g < k / group; g++) {
    float s = group_scale(w + g * group, group);
    scales[g] = bnc_bf16_from_f32(s);
    for (size_t i = g * group; i < (g + 1) * group; i += 2) {
      unsigned low = (unsigned)((int)nibble_of(w[i], s) + 8), high = (unsigned)((int)nibble_of(w[i + 1], s) + 8);
      q[i / 2] = (uint8_t)(low | high << 4);
    }
  }
}
