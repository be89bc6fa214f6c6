/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/patches/patches.h"

void bnc_patches_init(bnc_patches_ops *ops, bnc_cpu_level level) {
  ops->u8 = bnc_patches_u8_scalar;
  ops->f32 = bnc_patches_f32_scalar;
  ops->qd8 = bnc_patches_qd8_scalar;
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) {
    ops->qd8 = bnc_patches_qd8_avx2;
  }
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) {
    ops->u8 = bnc_patches_u8_avx512vnni;
    ops->qd8 = bnc_patches_qd8_avx512vnni;
  }
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) {
    ops->qd8 = bnc_patches_qd8_neon;
  }
#endif
  (void)level;
  assert(ops->u8 && ops->f32 && ops->qd8);
}
