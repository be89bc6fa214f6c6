/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/resample/resample.h"

void bnc_resample_init(bnc_resample_ops *ops, bnc_cpu_level level) {
  ops->rows_u8 = bnc_resample_rows_u8_scalar;
  ops->columns_u8 = bnc_resample_columns_u8_scalar;
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) {
    ops->rows_u8 = bnc_resample_rows_u8_avx2;
    ops->columns_u8 = bnc_resample_columns_u8_avx2;
  }
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) {
    ops->rows_u8 = bnc_resample_rows_u8_avx512vnni;
    ops->columns_u8 = bnc_resample_columns_u8_avx512vnni;
  }
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) {
    ops->rows_u8 = bnc_resample_rows_u8_neon;
    ops->columns_u8 = bnc_resample_columns_u8_neon;
  }
#endif
  (void)level;
  assert(ops->rows_u8 && ops->columns_u8);
}
