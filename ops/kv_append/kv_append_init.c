/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/kv_append/kv_append.h"

void bnc_kv_append_init(bnc_kv_append_ops *ops, bnc_cpu_level level) {
  ops->f32 = bnc_kv_append_f32_scalar;
  ops->f16 = bnc_kv_append_f16_scalar;
  ops->i8 = bnc_kv_append_i8_scalar;
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) {
    ops->f32 = bnc_kv_append_f32_avx2;
    ops->f16 = bnc_kv_append_f16_avx2;
    ops->i8 = bnc_kv_append_i8_avx2;
  }
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) {
    ops->f32 = bnc_kv_append_f32_avx512vnni;
    ops->f16 = bnc_kv_append_f16_avx512vnni;
    ops->i8 = bnc_kv_append_i8_avx512vnni;
  }
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) {
    ops->f32 = bnc_kv_append_f32_neon;
    ops->f16 = bnc_kv_append_f16_neon;
    ops->i8 = bnc_kv_append_i8_neon;
  }
#endif
  (void)level;
  assert(ops->f32 && ops->f16 && ops->i8);
}
