/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_neon.h"

#include "ops/activate/activate_v16.h"

void bnc_quick_gelu_f32_neon(const bnc_activate_args *args, size_t from, size_t to) {
  activate_f32(args, from, to, activate_quick_gelu, 0);
}
