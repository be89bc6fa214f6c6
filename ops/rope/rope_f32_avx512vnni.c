/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx512vnni.h"

#include "ops/rope/rope_v16.h"

void bnc_rope_f32_avx512vnni(const bnc_rope_args *args, size_t from, size_t to) { rope_f32(args, from, to); }
