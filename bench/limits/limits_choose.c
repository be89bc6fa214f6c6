/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/limits/limits.h"
#include "tests/ops/checkkern/peak.h"

limit_loops limits_choose(bnc_cpu_level level) {
  limit_loops l = {limit_int8_scalar, limit_read_scalar, peak_flops_scalar};
#if BINOCLE_LEVEL_AVX2
  if (level >= BNC_CPU_AVX2) l.int8 = limit_int8_avx2, l.read = limit_read_avx2, l.flops = peak_flops_avx2;
#endif
#if BINOCLE_LEVEL_AVX512VNNI
  if (level >= BNC_CPU_AVX512VNNI) l.int8 = limit_int8_avx512vnni, l.read = limit_read_avx512vnni, l.flops = peak_flops_avx512vnni;
#endif
#if BINOCLE_LEVEL_NEON
  if (level >= BNC_CPU_NEON) l.int8 = limit_int8_neon, l.read = limit_read_neon, l.flops = peak_flops_neon;
#endif
#if BINOCLE_LEVEL_NEON_DOTPROD
  if (level >= BNC_CPU_NEON_DOTPROD) l.int8 = limit_int8_neon_dotprod;
#endif
#if BINOCLE_LEVEL_NEON_I8MM
  if (level >= BNC_CPU_NEON_I8MM) l.int8 = limit_int8_neon_i8mm;
#endif
  (void)level;
  return l;
}
