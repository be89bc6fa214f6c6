/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_neon.h"

#include "tests/ops/checkkern/peak_v16.h"

float peak_flops_neon(void) { return peak_flops_v16(6); }
