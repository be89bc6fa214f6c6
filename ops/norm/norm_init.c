/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/norm/norm.h"

void bnc_norm_init(bnc_norm_ops *ops, bnc_cpu_level level) {
  ops->layer_f32 = bnc_layer_norm_f32_scalar;
  ops->layer_qd8 = bnc_layer_norm_qd8_scalar;
  ops->rms_f32 = bnc_rms_norm_f32_scalar;
  ops->rms_qd8 = bnc_rms_norm_qd8_scalar;
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) {
    ops->layer_f32 = bnc_layer_norm_f32_avx2;
    ops->layer_qd8 = bnc_layer_norm_qd8_avx2;
    ops->rms_f32 = bnc_rms_norm_f32_avx2;
    ops->rms_qd8 = bnc_rms_norm_qd8_avx2;
  }
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) {
    ops->layer_f32 = bnc_layer_norm_f32_avx512vnni;
    ops->layer_qd8 = bnc_layer_norm_qd8_avx512vnni;
    ops->rms_f32 = bnc_rms_norm_f32_avx512vnni;
    ops->rms_qd8 = bnc_rms_norm_qd8_avx512vnni;
  }
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) {
    ops->layer_f32 = bnc_layer_norm_f32_neon;
    ops->layer_qd8 = bnc_layer_norm_qd8_neon;
    ops->rms_f32 = bnc_rms_norm_f32_neon;
    ops->rms_qd8 = bnc_rms_norm_qd8_neon;
  }
#endif
  (void)level;
  assert(ops->layer_f32 && ops->layer_qd8 && ops->rms_f32 && ops->rms_qd8);
}
