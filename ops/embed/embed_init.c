/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/embed/embed.h"

void bnc_embed_init(bnc_embed_ops *ops, bnc_cpu_level level) {
  ops->f32 = bnc_embed_f32_scalar;
  ops->i8 = bnc_embed_i8_scalar;
  ops->bf16 = bnc_embed_bf16_scalar;
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) {
    ops->i8 = bnc_embed_i8_avx2;
    ops->bf16 = bnc_embed_bf16_avx2;
  }
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) {
    ops->i8 = bnc_embed_i8_avx512vnni;
    ops->bf16 = bnc_embed_bf16_avx512vnni;
  }
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) {
    ops->i8 = bnc_embed_i8_neon;
    ops->bf16 = bnc_embed_bf16_neon;
  }
#endif
  (void)level;
  assert(ops->f32 && ops->i8 && ops->bf16);
}
