/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_f32.h"
#include "ops/matmul/matmul_i8.h"

bool bnc_matmul_i8_wins(bnc_cpu_level level, uint32_t features) {
  return level != BNC_CPU_SCALAR && !(level == BNC_CPU_AVX2 && (features & BNC_CPU_HAS_AVXVNNI));
}

bool bnc_matmul_f32_wins(bnc_cpu_level level) { return bnc_cpu_level_includes(level, BNC_CPU_AVX512VNNI); }
