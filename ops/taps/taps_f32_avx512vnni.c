/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx512vnni.h"

#include "ops/taps/taps_v16.h"

void bnc_taps_f32_avx512vnni(const bnc_taps_args *args, size_t from, size_t to) { taps_f32(args, from, to); }
