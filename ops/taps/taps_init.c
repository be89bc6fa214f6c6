/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/taps/taps.h"

void bnc_taps_init(bnc_taps_ops *ops, bnc_cpu_level level) {
  ops->taps_f32 = bnc_taps_f32_scalar;
  ops->gather_f32 = bnc_gather_f32_scalar;
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) {
    ops->taps_f32 = bnc_taps_f32_avx2;
  }
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) {
    ops->taps_f32 = bnc_taps_f32_avx512vnni;
  }
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) {
    ops->taps_f32 = bnc_taps_f32_neon;
  }
#endif
  (void)level;
  assert(ops->taps_f32 && ops->gather_f32);
}
