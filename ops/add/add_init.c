/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/add/add.h"

void bnc_add_init(bnc_add_ops *ops, bnc_cpu_level level) {
  ops->add_f32 = bnc_add_f32_scalar;
  ops->mean2_f32 = bnc_mean2_f32_scalar;
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) {
    ops->add_f32 = bnc_add_f32_avx2;
    ops->mean2_f32 = bnc_mean2_f32_avx2;
  }
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) {
    ops->add_f32 = bnc_add_f32_avx512vnni;
    ops->mean2_f32 = bnc_mean2_f32_avx512vnni;
  }
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) {
    ops->add_f32 = bnc_add_f32_neon;
    ops->mean2_f32 = bnc_mean2_f32_neon;
  }
#endif
  (void)level;
  assert(ops->add_f32 && ops->mean2_f32);
}
