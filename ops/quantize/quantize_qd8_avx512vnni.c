/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx512vnni.h"

#include "ops/quantize/quantize_v16.h"

void bnc_quantize_qd8_avx512vnni(const bnc_quantize_args *args, size_t from, size_t to) { quantize_qd8(args, from, to); }
