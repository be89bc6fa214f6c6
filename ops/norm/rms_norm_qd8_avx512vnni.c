/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx512vnni.h"

#include "ops/norm/norm_v16.h"

void bnc_rms_norm_qd8_avx512vnni(const bnc_norm_args *args, size_t from, size_t to) { norm_qd8(args, from, to, false); }
