/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/rope/rope.h"

void bnc_rope_init(bnc_rope_ops *ops, bnc_cpu_level level) {
  ops->f32 = bnc_rope_f32_scalar;
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) {
    ops->f32 = bnc_rope_f32_avx2;
  }
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) {
    ops->f32 = bnc_rope_f32_avx512vnni;
  }
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) {
    ops->f32 = bnc_rope_f32_neon;
  }
#endif
  (void)level;
  assert(ops->f32);
}
