/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx2.h"

#include "ops/gather/gather_v16.h"

void bnc_gather_taps_f32_avx2(const bnc_gather_args *args, size_t from, size_t to) { gather_taps_f32(args, from, to); }
