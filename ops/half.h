/* SPDX-License-Identifier: Apache-2.0 */
/** @file half.h  float32 <-> IEEE half and bfloat16 in integer arithmetic, rounding to nearest even: what F16C and NEON compute. */
#ifndef BINOCLE_OPS_HALF_H
#define BINOCLE_OPS_HALF_H

#include <stdint.h>
#include <string.h>

static inline float bnc_f32_from_bits(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static inline uint32_t bnc_bits_from_f32(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits;
}

static inline float bnc_f32_from_bf16(uint16_t b) { return bnc_f32_from_bits((uint32_t)b << 16); }

/** Of a finite number: NaNs may become infinite. */
static inline uint16_t bnc_bf16_from_f32(float f) {
  const uint32_t bits = bnc_bits_from_f32(f);
  return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

static inline float bnc_f32_from_f16(uint16_t h) {
  const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exponent = (h >> 10) & 31u, mantissa = h & 0x3ffu;
  if (exponent == 31) return bnc_f32_from_bits(sign | 0x7f800000u | mantissa << 13 | (mantissa ? 0x400000u : 0));
  if (exponent) return bnc_f32_from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
  const float small = (float)mantissa * 0x1p-24f;
  return sign ? -small : small;
}

static inline uint16_t bnc_f16_from_f32(float f) {
  const uint32_t bits = bnc_bits_from_f32(f), sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
  if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520 and more round to Inf */
  if (magnitude < 0x38800000u) { /* below 2^-14: adding 0.5 leaves the rounded subnormal in the low bits */
    return (uint16_t)(sign | (bnc_bits_from_f32(bnc_f32_from_bits(magnitude) + 0.5f) - 0x3f000000u));
  }
  return (uint16_t)(sign | (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13);
}

#endif
