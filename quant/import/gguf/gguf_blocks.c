/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/import/gguf/gguf_blocks.h"

enum { Q = 32 };

const int8_t bnc_iq4_values[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/* The low nibbles are the first half of a block's values, the high ones the second. */
static int nibble(const uint8_t *q, size_t i) { return i < Q / 2 ? q[i] & 15 : q[i - Q / 2] >> 4; }

/* Their fifth bits lie together in 32 bits. */
static int fifth(const uint8_t *bits, size_t i) { return (bits[i / 8] >> (i % 8) & 1) << 4; }

void bnc_read_q4_0(const uint8_t *b, size_t count, float *out) {
  for (; count--; b += 18, out += Q) {
    const float d = bnc_gguf_half(b);
    for (size_t i = 0; i < Q; i++) out[i] = (float)(nibble(b + 2, i) - 8) * d;
  }
}

void bnc_read_q4_1(const uint8_t *b, size_t count, float *out) {
  for (; count--; b += 20, out += Q) {
    const float d = bnc_gguf_half(b), m = bnc_gguf_half(b + 2);
    for (size_t i = 0; i < Q; i++) out[i] = (float)nibble(b + 4, i) * d + m;
  }
}

void bnc_read_q5_0(const uint8_t *b, size_t count, float *out) {
  for (; count--; b += 22, out += Q) {
    const float d = bnc_gguf_half(b);
    for (size_t i = 0; i < Q; i++) out[i] = (float)((nibble(b + 6, i) | fifth(b + 2, i)) - 16) * d;
  }
}

void bnc_read_q5_1(const uint8_t *b, size_t count, float *out) {
  for (; count--; b += 24, out += Q) {
    const float d = bnc_gguf_half(b), m = bnc_gguf_half(b + 2);
    for (size_t i = 0; i < Q; i++) out[i] = (float)(nibble(b + 8, i) | fifth(b + 4, i)) * d + m;
  }
}

void bnc_read_q8_0(const uint8_t *b, size_t count, float *out) {
  for (; count--; b += 34, out += Q) {
    const float d = bnc_gguf_half(b);
    for (size_t i = 0; i < Q; i++) out[i] = (float)(int8_t)b[2 + i] * d;
  }
}

void bnc_read_iq4_nl(const uint8_t *b, size_t count, float *out) {
  for (; count--; b += 18, out += Q) {
    const float d = bnc_gguf_half(b);
    for (size_t i = 0; i < Q; i++) out[i] = d * (float)bnc_iq4_values[nibble(b + 2, i)];
  }
}

#define OTHER BNC_SOURCE_OTHER
#define BLOCKS BNC_SOURCE_BLOCKS

/* By the file's numbers; 4 and 5 were given up, 31 to 33 and 36 to 38 are forms of one program's memory. */
static const bnc_block_type types[] = {
    [0] = {"F32", BNC_SOURCE_F32, 1, 4, NULL},
    [1] = {"F16", BNC_SOURCE_F16, 1, 2, NULL},
    [2] = {"Q4_0", BLOCKS, 32, 18, bnc_read_q4_0},
    [3] = {"Q4_1", BLOCKS, 32, 20, bnc_read_q4_1},
    [6] = {"Q5_0", BLOCKS, 32, 22, bnc_read_q5_0},
    [7] = {"Q5_1", BLOCKS, 32, 24, bnc_read_q5_1},
    [8] = {"Q8_0", BLOCKS, 32, 34, bnc_read_q8_0},
    [9] = {"Q8_1", OTHER, 32, 36, NULL},
    [10] = {"Q2_K", BLOCKS, 256, 84, bnc_read_q2_k},
    [11] = {"Q3_K", BLOCKS, 256, 110, bnc_read_q3_k},
    [12] = {"Q4_K", BLOCKS, 256, 144, bnc_read_q4_k},
    [13] = {"Q5_K", BLOCKS, 256, 176, bnc_read_q5_k},
    [14] = {"Q6_K", BLOCKS, 256, 210, bnc_read_q6_k},
    [15] = {"Q8_K", OTHER, 256, 292, NULL},
    [16] = {"IQ2_XXS", OTHER, 256, 66, NULL},
    [17] = {"IQ2_XS", OTHER, 256, 74, NULL},
    [18] = {"IQ3_XXS", OTHER, 256, 98, NULL},
    [19] = {"IQ1_S", OTHER, 256, 50, NULL},
    [20] = {"IQ4_NL", BLOCKS, 32, 18, bnc_read_iq4_nl},
    [21] = {"IQ3_S", OTHER, 256, 110, NULL},
    [22] = {"IQ2_S", OTHER, 256, 82, NULL},
    [23] = {"IQ4_XS", BLOCKS, 256, 136, bnc_read_iq4_xs},
    [24] = {"I8", OTHER, 1, 1, NULL},
    [25] = {"I16", OTHER, 1, 2, NULL},
    [26] = {"I32", OTHER, 1, 4, NULL},
    [27] = {"I64", OTHER, 1, 8, NULL},
    [28] = {"F64", OTHER, 1, 8, NULL},
    [29] = {"IQ1_M", OTHER, 256, 56, NULL},
    [30] = {"BF16", BNC_SOURCE_BF16, 1, 2, NULL},
    [34] = {"TQ1_0", OTHER, 256, 54, NULL},
    [35] = {"TQ2_0", OTHER, 256, 66, NULL},
};

const bnc_block_type *bnc_gguf_block_type(uint32_t number) {
  return number < sizeof types / sizeof *types && types[number].name ? &types[number] : NULL;
}
