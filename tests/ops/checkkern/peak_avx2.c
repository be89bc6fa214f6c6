/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx2.h"

#include "tests/ops/checkkern/peak_v16.h"

float peak_flops_avx2(void) { return peak_flops_v16(6); }
