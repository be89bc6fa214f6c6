/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/activate/activate.h"

void bnc_activate_init(bnc_activate_ops *ops, bnc_cpu_level level) {
  ops->gelu_f32 = bnc_gelu_f32_scalar;
  ops->gelu_qd8 = bnc_gelu_qd8_scalar;
  ops->quick_gelu_f32 = bnc_quick_gelu_f32_scalar;
  ops->quick_gelu_qd8 = bnc_quick_gelu_qd8_scalar;
  ops->silu_mul_f32 = bnc_silu_mul_f32_scalar;
  ops->silu_mul_qd8 = bnc_silu_mul_qd8_scalar;
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) {
    ops->gelu_f32 = bnc_gelu_f32_avx2;
    ops->gelu_qd8 = bnc_gelu_qd8_avx2;
    ops->quick_gelu_f32 = bnc_quick_gelu_f32_avx2;
    ops->quick_gelu_qd8 = bnc_quick_gelu_qd8_avx2;
    ops->silu_mul_f32 = bnc_silu_mul_f32_avx2;
    ops->silu_mul_qd8 = bnc_silu_mul_qd8_avx2;
  }
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) {
    ops->gelu_f32 = bnc_gelu_f32_avx512vnni;
    ops->gelu_qd8 = bnc_gelu_qd8_avx512vnni;
    ops->quick_gelu_f32 = bnc_quick_gelu_f32_avx512vnni;
    ops->quick_gelu_qd8 = bnc_quick_gelu_qd8_avx512vnni;
    ops->silu_mul_f32 = bnc_silu_mul_f32_avx512vnni;
    ops->silu_mul_qd8 = bnc_silu_mul_qd8_avx512vnni;
  }
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) {
    ops->gelu_f32 = bnc_gelu_f32_neon;
    ops->gelu_qd8 = bnc_gelu_qd8_neon;
    ops->quick_gelu_f32 = bnc_quick_gelu_f32_neon;
    ops->quick_gelu_qd8 = bnc_quick_gelu_qd8_neon;
    ops->silu_mul_f32 = bnc_silu_mul_f32_neon;
    ops->silu_mul_qd8 = bnc_silu_mul_qd8_neon;
  }
#endif
  (void)level;
  assert(ops->gelu_f32 && ops->gelu_qd8 && ops->quick_gelu_f32 && ops->quick_gelu_qd8 && ops->silu_mul_f32 && ops->silu_mul_qd8);
}
