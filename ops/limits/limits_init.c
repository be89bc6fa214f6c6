/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/limits/limits.h"

void bnc_limits_init(bnc_limits_ops *ops, bnc_cpu_level level) {
  bnc_limits_scalar(ops);
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) bnc_limits_avx2(ops);
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) bnc_limits_avx512vnni(ops);
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) bnc_limits_neon(ops);
#endif
#if BINOCLE_LEVEL_NEON_DOTPROD
  if (level >= BNC_CPU_NEON_DOTPROD) bnc_limits_neon_dotprod(ops);
#endif
#if BINOCLE_LEVEL_NEON_I8MM
  if (level >= BNC_CPU_NEON_I8MM) bnc_limits_neon_i8mm(ops);
#endif
  (void)level;
  assert(ops->int8 && ops->flops && ops->read);
}
