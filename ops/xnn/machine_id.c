/* SPDX-License-Identifier: Apache-2.0 */
#include <cpuinfo.h>
#include <xnnpack.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "ops/xnn/packed.h"
#include "platforms/cpu/cpu_record.h"

uint64_t bnc_packed_machine_id(void) {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  if (!bnc_cpuinfo_start()) return XXH3_64bits_digest(&state); /* nothing is packed on such a machine */
  if (xnn_initialize(NULL) == xnn_status_success)
    XXH3_64bits_update(&state, xnn_experimental_get_build_identifier_data(), xnn_experimental_get_build_identifier_size());
  /* XNNPACK picks its kernels, and with them the packed form, from these. */
  const uint8_t features[] = {
      sizeof(void *),
      (uint8_t)cpuinfo_has_x86_avx2(),
      (uint8_t)cpuinfo_has_x86_fma3(),
      (uint8_t)cpuinfo_has_x86_avx512f(),
      (uint8_t)cpuinfo_has_x86_avx512bw(),
      (uint8_t)cpuinfo_has_x86_avx512dq(),
      (uint8_t)cpuinfo_has_x86_avx512vl(),
      (uint8_t)cpuinfo_has_x86_avx512cd(),
      (uint8_t)cpuinfo_has_x86_avx512vnni(),
      (uint8_t)cpuinfo_has_x86_avxvnni(),
      (uint8_t)cpuinfo_has_x86_avx512vbmi(),
      (uint8_t)cpuinfo_has_x86_f16c(),
      (uint8_t)cpuinfo_has_x86_avx(),
      (uint8_t)cpuinfo_has_x86_sse4_1(),
      (uint8_t)cpuinfo_has_x86_ssse3(),
      (uint8_t)cpuinfo_has_x86_gfni(),
      (uint8_t)cpuinfo_has_arm_neon(),
      (uint8_t)cpuinfo_has_arm_neon_v8(),
      (uint8_t)cpuinfo_has_arm_neon_dot(),
      (uint8_t)cpuinfo_has_arm_i8mm(),
      (uint8_t)cpuinfo_has_arm_neon_fp16_arith(),
      (uint8_t)cpuinfo_has_arm_sve(),
  };
  XXH3_64bits_update(&state, features, sizeof features);
  for (uint32_t i = 0; i < cpuinfo_get_uarchs_count(); i++) {
    uint32_t uarch = (uint32_t)cpuinfo_get_uarch(i)->uarch;
    XXH3_64bits_update(&state, &uarch, sizeof uarch);
  }
  return XXH3_64bits_digest(&state);
}
