/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/attention/attention.h"

void bnc_attention_init(bnc_attention_ops *ops, bnc_cpu_level level) {
  ops->rows_f32 = bnc_attention_rows_f32_scalar;
  ops->rows_i8 = bnc_attention_rows_i8_scalar;
  ops->cache_f32 = bnc_attention_cache_f32_scalar;
  ops->cache_f16 = bnc_attention_cache_f16_scalar;
  ops->cache_i8 = bnc_attention_cache_i8_scalar;
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) {
    ops->rows_f32 = bnc_attention_rows_f32_avx2;
    ops->rows_i8 = bnc_attention_rows_i8_avx2;
    ops->cache_f32 = bnc_attention_cache_f32_avx2;
    ops->cache_f16 = bnc_attention_cache_f16_avx2;
    ops->cache_i8 = bnc_attention_cache_i8_avx2;
  }
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) {
    ops->rows_f32 = bnc_attention_rows_f32_avx512vnni;
    ops->rows_i8 = bnc_attention_rows_i8_avx512vnni;
    ops->cache_f32 = bnc_attention_cache_f32_avx512vnni;
    ops->cache_f16 = bnc_attention_cache_f16_avx512vnni;
    ops->cache_i8 = bnc_attention_cache_i8_avx512vnni;
  }
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) {
    ops->rows_f32 = bnc_attention_rows_f32_neon;
    ops->rows_i8 = bnc_attention_rows_i8_neon;
    ops->cache_f32 = bnc_attention_cache_f32_neon;
    ops->cache_f16 = bnc_attention_cache_f16_neon;
    ops->cache_i8 = bnc_attention_cache_i8_neon;
  }
#endif
#if BINOCLE_LEVEL_NEON_DOTPROD
  if (level >= BNC_CPU_NEON_DOTPROD) ops->rows_i8 = bnc_attention_rows_i8_neon_dotprod;
#endif
  (void)level;
  assert(ops->rows_f32 && ops->rows_i8 && ops->cache_f32 && ops->cache_f16 && ops->cache_i8);
}
