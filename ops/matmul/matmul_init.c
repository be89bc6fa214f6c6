/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/matmul/matmul.h"

void bnc_matmul_init(bnc_matmul_ops *ops, bnc_cpu_level level) {
  ops->sums = bnc_matmul_sums_scalar;
  ops->i4 = bnc_matmul_i4_scalar;
  ops->i8 = bnc_matmul_i8_scalar;
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) {
    ops->sums = bnc_matmul_sums_avx2;
    ops->i4 = bnc_matmul_i4_avx2;
    ops->i8 = bnc_matmul_i8_avx2;
  }
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) {
    ops->i4 = bnc_matmul_i4_avx512vnni;
    ops->i8 = bnc_matmul_i8_avx512vnni;
  }
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) {
    ops->i4 = bnc_matmul_i4_neon;
  }
#endif
#if BINOCLE_LEVEL_NEON_DOTPROD
  if (level >= BNC_CPU_NEON_DOTPROD) {
    ops->i4 = bnc_matmul_i4_neon_dotprod;
  }
#endif
#if BINOCLE_LEVEL_NEON_I8MM
  if (level >= BNC_CPU_NEON_I8MM) {
    ops->i4 = bnc_matmul_i4_neon_i8mm;
  }
#endif
  (void)level;
  assert(ops->sums && ops->i4 && ops->i8);
}

bool bnc_matmul_i8_wins(bnc_cpu_level level, uint32_t features) {
  return level == BNC_CPU_AVX512VNNI || (level == BNC_CPU_AVX2 && !(features & BNC_CPU_HAS_AVXVNNI));
}
