/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx512vnni.h"

#include "ops/gather/gather_v16.h"

void bnc_gather_taps_f32_avx512vnni(const bnc_gather_args *args, size_t from, size_t to) { gather_taps_f32(args, from, to); }
