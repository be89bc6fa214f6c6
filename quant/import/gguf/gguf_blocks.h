/* SPDX-License-Identifier: Apache-2.0 */
/** @file gguf_blocks.h  How GGUF tensors store their values: blocks of some elements that share scales. */
#ifndef BINOCLE_QUANT_IMPORT_GGUF_BLOCKS_H
#define BINOCLE_QUANT_IMPORT_GGUF_BLOCKS_H

#include <stdint.h>
#include <string.h>

#include "ops/half.h"
#include "quant/import/source_tensor.h"

/** The type of that number, or NULL where nobody knows it. Those that Binocle does not read have BNC_SOURCE_OTHER. */
const bnc_block_type *bnc_gguf_block_type(uint32_t number);

/** What a type's `read` is: count blocks to f32, each value rounded as the formulas round in float32, left to right. In the 32-blocks d and
 * m are f16, q is an integer: value = q d, or q d + m. */
void bnc_read_q4_0(const uint8_t *blocks /* [count][18] */, size_t count, float *out /* [count][32] */);
void bnc_read_q4_1(const uint8_t *blocks /* [count][20] */, size_t count, float *out /* [count][32] */);
void bnc_read_q5_0(const uint8_t *blocks /* [count][22] */, size_t count, float *out /* [count][32] */);
void bnc_read_q5_1(const uint8_t *blocks /* [count][24] */, size_t count, float *out /* [count][32] */);
void bnc_read_q8_0(const uint8_t *blocks /* [count][34] */, size_t count, float *out /* [count][32] */);
void bnc_read_iq4_nl(const uint8_t *blocks /* [count][18] */, size_t count, float *out /* [count][32] */);
/** The "k" types have two levels: in blocks of 256, each 16 or 32 values have a small integer scale s (and a minimum t) of their own:
 * value = (d s) q - (e t), or (d s) q. */
void bnc_read_q2_k(const uint8_t *blocks /* [count][84] */, size_t count, float *out /* [count][256] */);
void bnc_read_q3_k(const uint8_t *blocks /* [count][110] */, size_t count, float *out /* [count][256] */);
void bnc_read_q4_k(const uint8_t *blocks /* [count][144] */, size_t count, float *out /* [count][256] */);
void bnc_read_q5_k(const uint8_t *blocks /* [count][176] */, size_t count, float *out /* [count][256] */);
void bnc_read_q6_k(const uint8_t *blocks /* [count][210] */, size_t count, float *out /* [count][256] */);
void bnc_read_iq4_xs(const uint8_t *blocks /* [count][136] */, size_t count, float *out /* [count][256] */);

/** The f16 that lies there, aligned or not. */
static inline float bnc_gguf_half(const uint8_t *at /* [2] */) {
  uint16_t half;
  memcpy(&half, at, sizeof half);
  return bnc_f32_from_f16(half);
}

/** The 16 values of the IQ4 types. */
extern const int8_t bnc_iq4_values[16];

#endif
