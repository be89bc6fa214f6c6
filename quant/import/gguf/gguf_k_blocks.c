/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of 256 values with two levels of scales. */
#include "quant/import/gguf/gguf_blocks.h"

enum { K = 256 };

/* Two bits of each value: of a byte's four, bits 2 j and 2 j + 1 belong to value 32 j of its 128. */
static int two_bits(const uint8_t *q /* [64] */, size_t i) { return q[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3; }

/* One bit of each value: bit j of byte l belongs to value 32 j + l. */
static int one_bit(const uint8_t *h /* [32] */, size_t i) { return h[i % 32] >> (i / 32) & 1; }

/* Four bits of each value: of 64 values the first half has the low nibbles. */
static int four_bits(const uint8_t *q /* [128] */, size_t i) { return q[i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4) & 15; }

void bnc_read_q2_k(const uint8_t *b, size_t count, float *out) {
  for (; count--; b += 84, out += K) {
    const float d = bnc_gguf_half(b + 80), e = bnc_gguf_half(b + 82);
    for (size_t i = 0; i < K; i++) {
      const uint8_t scale = b[i / 16];
      out[i] = d * (float)(scale & 15) * (float)two_bits(b + 16, i) - e * (float)(scale >> 4);
    }
  }
}

/* 16 scales of 6 bits: nibbles in the first 8 bytes, upper pairs of bits in the last 4. */
static int q3_scale(const uint8_t *s, size_t i) {
  const int low = i < 8 ? s[i] & 15 : s[i - 8] >> 4, high = s[8 + i % 4] >> (i / 4 * 2) & 3;
  return (low | high << 4) - 32;
}

void bnc_read_q3_k(const uint8_t *b, size_t count, float *out) {
  for (; count--; b += 110, out += K) {
    const float d = bnc_gguf_half(b + 108);
    for (size_t i = 0; i < K; i++) {
      const int q = two_bits(b + 32, i) - (one_bit(b, i) ? 0 : 4);
      out[i] = d * (float)q3_scale(b + 96, i / 16) * (float)q;
    }
  }
}

/* 8 scales and 8 minima of 6 bits in 12 bytes. */
static int q4_scale(const uint8_t *s, size_t i) { return i < 4 ? s[i] & 63 : (s[i + 4] & 15) | (s[i - 4] >> 6) << 4; }
static int q4_minimum(const uint8_t *s, size_t i) { return i < 4 ? s[i + 4] & 63 : s[i + 4] >> 4 | (s[i] >> 6) << 4; }

void bnc_read_q4_k(const uint8_t *b, size_t count, float *out) {
  for (; count--; b += 144, out += K) {
    const float d = bnc_gguf_half(b), e = bnc_gguf_half(b + 2);
    for (size_t i = 0; i < K; i++)
      out[i] = d * (float)q4_scale(b + 4, i / 32) * (float)four_bits(b + 16, i) - e * (float)q4_minimum(b + 4, i / 32);
  }
}

void bnc_read_q5_k(const uint8_t *b, size_t count, float *out) {
  for (; count--; b += 176, out += K) {
    const float d = bnc_gguf_half(b), e = bnc_gguf_half(b + 2);
    for (size_t i = 0; i < K; i++) {
      const int q = four_bits(b + 48, i) | one_bit(b + 16, i) << 4;
      out[i] = d * (float)q4_scale(b + 4, i / 32) * (float)q - e * (float)q4_minimum(b + 4, i / 32);
    }
  }
}

void bnc_read_q6_k(const uint8_t *b, size_t count, float *out) {
  for (; count--; b += 210, out += K) {
    const float d = bnc_gguf_half(b + 208);
    for (size_t i = 0; i < K; i++) {
      /* Of 128 values the first 64 have the low nibbles. */
      const int low = b[i / 128 * 64 + i % 64] >> (i % 128 / 64 * 4) & 15;
      out[i] = d * (float)(int8_t)b[192 + i / 16] * (float)((low | two_bits(b + 128, i) << 4) - 32);
    }
  }
}

void bnc_read_iq4_xs(const uint8_t *b, size_t count, float *out) {
  for (; count--; b += 136, out += K) {
    const float d = bnc_gguf_half(b);
    for (size_t i = 0; i < K; i++) {
      const size_t part = i / 32;
      const int low = b[4 + part / 2] >> (part % 2 * 4) & 15, high = b[2 + part / 4] >> (part % 4 * 2) & 3;
      const uint8_t q = b[8 + part * 16 + i % 16];
      out[i] = d * (float)((low | high << 4) - 32) * (float)bnc_iq4_values[i % 32 < 16 ? q & 15 : q >> 4];
    }
  }
}
