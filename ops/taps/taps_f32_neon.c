/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_neon.h"

#include "ops/taps/taps_v16.h"

void bnc_taps_f32_neon(const bnc_taps_args *args, size_t from, size_t to) { taps_f32(args, from, to); }
