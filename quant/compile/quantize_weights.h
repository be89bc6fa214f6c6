/* SPDX-License-Identifier: Apache-2.0 */
/** @file quantize_weights.h  Rows of float weights to their stored forms, by rounding to nearest. */
#ifndef BINOCLE_QUANT_COMPILE_QUANTIZE_WEIGHTS_H
#define BINOCLE_QUANT_COMPILE_QUANTIZE_WEIGHTS_H

#include <stddef.h>
#include <stdint.h>

/** One row: q[i] = round(w[i] / scale) in [-127, 127], scale the one of 25 from max |w| / 127 to max |w| / 144.5 that leaves the least
   squared error (1 for a row of zeros). A row that lies on the first one's grid is kept. */
void bnc_quantize_row_qc8(const float *w /* [k] */, size_t k, int8_t *q /* [k] */, float *scale);

/** One row in groups: value = (nibble - 8) * scale, scale a positive normal bf16 that minimises the group's squared error among a few
   candidates near max |w| / 7.5. Even k in the low nibble. */
void bnc_quantize_row_qg4(const float *w /* [k] */, size_t k, size_t group, uint8_t *q /* [k / 2] */, uint16_t *scales /* [k / group] */);

/** One row for QC4: value = (nibble - 8) * step * scale, |(nibble - 8) * step| at most 127, scale a positive normal number. The scale is
   the one of a few that leaves the least squared error; each group's step the better one beside the scale that the group would like best.
 */
void bnc_quantize_row_qc4(const float *w /* [k] */, size_t k, uint8_t *q /* [k / 2] */, uint8_t *steps /* [k / 16] of 1 to 16 */,
                          float *scale);

/** The scale of such a row. */
float bnc_qc4_row_scale(const float *w /* [k] */, size_t k);

#endif
