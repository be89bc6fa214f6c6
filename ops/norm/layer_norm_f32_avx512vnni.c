/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx512vnni.h"

#include "ops/norm/norm_v16.h"

void bnc_layer_norm_f32_avx512vnni(const bnc_norm_args *args, size_t from, size_t to) { norm_f32(args, from, to, true); }
