/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/gather/gather.h"

void bnc_gather_init(bnc_gather_ops *ops, bnc_cpu_level level) {
  ops->gather_taps_f32 = bnc_gather_taps_f32_scalar;
  ops->gather_f32 = bnc_gather_f32_scalar;
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) {
    ops->gather_taps_f32 = bnc_gather_taps_f32_avx2;
  }
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) {
    ops->gather_taps_f32 = bnc_gather_taps_f32_avx512vnni;
  }
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) {
    ops->gather_taps_f32 = bnc_gather_taps_f32_neon;
  }
#endif
  (void)level;
  assert(ops->gather_taps_f32 && ops->gather_f32);
}
