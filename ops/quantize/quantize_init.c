/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/quantize/quantize.h"

void bnc_quantize_init(bnc_quantize_ops *ops, bnc_cpu_level level) {
  ops->qd8 = bnc_quantize_qd8_scalar;
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) {
    ops->qd8 = bnc_quantize_qd8_avx2;
  }
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) {
    ops->qd8 = bnc_quantize_qd8_avx512vnni;
  }
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) {
    ops->qd8 = bnc_quantize_qd8_neon;
  }
#endif
  (void)level;
  assert(ops->qd8);
}
