/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/schedule/target.h"

#include <stdio.h>
#include <string.h>

#include "platforms/base/mem.h"

#define KIB 1024u
#define MIB 1048576u
#define SMALL_L2 (256u * KIB)

static const bnc_target targets[] = {
    {"pi4", BNC_CPU_NEON, 4, 1 * MIB, 0, 8, 0, 0.7f},                  /* Raspberry Pi 4: four Cortex-A72 around one L2 */
    {"pi5", BNC_CPU_NEON_DOTPROD, 4, 512 * KIB, 2 * MIB, 16, 8, 1.2f}, /* Raspberry Pi 5: Cortex-A76 */
    {"jetson-nano", BNC_CPU_NEON, 4, 2 * MIB, 0, 8, 0, 2},             /* Cortex-A57 around one L2 */
    {"jetson-orin", BNC_CPU_NEON_DOTPROD, 8, 256 * KIB, 2 * MIB, 16, 8,
     3}, /* Cortex-A78AE in clusters of four; the smaller caches of the family */
    {"phone-i8mm", BNC_CPU_NEON_I8MM, 4, 512 * KIB, 4 * MIB, 16, 8, 2}, /* Cortex-A710, X2 and later */
    {"x86-avx2", BNC_CPU_AVX2, 4, 512 * KIB, 8 * MIB, 24, 10, 2},       /* laptops of ten years */
    {"x86-avx512vnni", BNC_CPU_AVX512VNNI, 4, 1280 * KIB, 12 * MIB, 32, 10, 3},
};

const bnc_target *bnc_target_at(size_t index) { return index < sizeof targets / sizeof *targets ? &targets[index] : NULL; }

const bnc_target *bnc_target_find(const char *name) {
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
    if (strcmp(targets[i].name, name) == 0) return &targets[i];
  return NULL;
}

bnc_status bnc_target_detect(bnc_target *target, bnc_error *err) {
  bnc_cpu *cpu = bnc_mem_alloc(sizeof *cpu); /* large for a stack */
  if (!cpu) return bnc_fail_memory(err, sizeof *cpu);
  bnc_status s = bnc_cpu_detect(cpu, err);
  if (s == BNC_OK) {
    bool x86 = cpu->arch == BNC_ARCH_X86_64;
    *target = (bnc_target){.level = cpu->level,
                           .cores = cpu->clusters[0].cores ? cpu->clusters[0].cores : 1,
                           .l2_bytes = cpu->l2.bytes ? cpu->l2.bytes : SMALL_L2,
                           .l3_bytes = cpu->l3.bytes,
                           .l2_rate = x86 ? 24 : 12,
                           .l3_rate = x86 ? 10 : 8,
                           .memory_rate = x86 ? 4 : 1.5f};
    snprintf(target->name, sizeof target->name, "%s", cpu->uarch);
  }
  bnc_mem_free(cpu);
  return s;
}
