/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx512vnni.h"

#include "ops/add/add_v16.h"

void bnc_add_f32_avx512vnni(const bnc_add_args *args, size_t from, size_t to) { add_rows(args, from, to, 0); }
