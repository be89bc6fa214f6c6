/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "platforms/cpu/cpu.h"
#include "platforms/cpu/cpu_record.h"

#define AVX2_FEATURES (BNC_CPU_HAS_AVX | BNC_CPU_HAS_AVX2 | BNC_CPU_HAS_FMA | BNC_CPU_HAS_F16C)
#define AVX512VNNI_FEATURES                                                                                                                \
  (AVX2_FEATURES | BNC_CPU_HAS_AVX512F | BNC_CPU_HAS_AVX512BW | BNC_CPU_HAS_AVX512DQ | BNC_CPU_HAS_AVX512VL | BNC_CPU_HAS_AVX512VNNI)

static const char *const level_names[BNC_CPU_LEVELS] = {"scalar", "avx2",         "avx512vnni", "avx512bf16", "amx",
                                                        "neon",   "neon_dotprod", "neon_i8mm",  "neon_bf16"};

static const struct {
  uint32_t bit;
  const char *name;
} features[] = {
    {BNC_CPU_HAS_AVX, "avx"},
    {BNC_CPU_HAS_AVX2, "avx2"},
    {BNC_CPU_HAS_FMA, "fma"},
    {BNC_CPU_HAS_F16C, "f16c"},
    {BNC_CPU_HAS_AVX512F, "avx512f"},
    {BNC_CPU_HAS_AVX512BW, "avx512bw"},
    {BNC_CPU_HAS_AVX512DQ, "avx512dq"},
    {BNC_CPU_HAS_AVX512VL, "avx512vl"},
    {BNC_CPU_HAS_AVX512VNNI, "avx512vnni"},
    {BNC_CPU_HAS_AVX512BF16, "avx512bf16"},
    {BNC_CPU_HAS_AMX_INT8, "amx_int8"},
    {BNC_CPU_HAS_AMX_BF16, "amx_bf16"},
    {BNC_CPU_HAS_AVXVNNI, "avxvnni"},
    {BNC_CPU_HAS_NEON, "neon"},
    {BNC_CPU_HAS_VFPV4, "vfpv4"},
    {BNC_CPU_HAS_FP16, "fp16"},
    {BNC_CPU_HAS_DOTPROD, "dotprod"},
    {BNC_CPU_HAS_I8MM, "i8mm"},
    {BNC_CPU_HAS_BF16, "bf16"},
    {BNC_CPU_HAS_SVE, "sve"},
};

const char *bnc_cpu_feature_name(size_t i, uint32_t *bit) {
  if (i >= sizeof features / sizeof features[0]) return NULL;
  *bit = features[i].bit;
  return features[i].name;
}

const char *bnc_cpu_level_name(bnc_cpu_level level) { return (unsigned)level < BNC_CPU_LEVELS ? level_names[level] : "unknown"; }

bool bnc_cpu_level_from_name(const char *name, bnc_cpu_level *level) {
  for (unsigned i = 0; i < BNC_CPU_LEVELS; i++)
    if (strcmp(name, level_names[i]) == 0) {
      *level = (bnc_cpu_level)i;
      return true;
    }
  return false;
}

const char *bnc_cpu_arch_name(bnc_cpu_arch arch) {
  switch (arch) {
    case BNC_ARCH_X86_64: return "x86_64";
    case BNC_ARCH_AARCH64: return "aarch64";
    case BNC_ARCH_ARMHF: return "armhf";
  }
  return "unknown";
}

bool bnc_cpu_level_of_arch(bnc_cpu_level level, bnc_cpu_arch arch) {
  switch (level) {
    case BNC_CPU_SCALAR: return true;
    case BNC_CPU_AVX2:
    case BNC_CPU_AVX512VNNI:
    case BNC_CPU_AVX512BF16:
    case BNC_CPU_AMX: return arch == BNC_ARCH_X86_64;
    case BNC_CPU_NEON:
    case BNC_CPU_NEON_DOTPROD: return arch != BNC_ARCH_X86_64;
    case BNC_CPU_NEON_I8MM:
    case BNC_CPU_NEON_BF16: return arch == BNC_ARCH_AARCH64;
    case BNC_CPU_LEVELS: break;
  }
  return false;
}

bool bnc_cpu_level_includes(bnc_cpu_level level, bnc_cpu_level other) {
  const bool arm = level >= BNC_CPU_NEON, other_arm = other >= BNC_CPU_NEON;
  return other == BNC_CPU_SCALAR || (level >= other && arm == other_arm);
}

uint32_t bnc_cpu_level_features(bnc_cpu_level level, bnc_cpu_arch arch) {
  uint32_t neon = arch == BNC_ARCH_ARMHF ? BNC_CPU_HAS_NEON | BNC_CPU_HAS_VFPV4 : BNC_CPU_HAS_NEON;
  switch (level) {
    case BNC_CPU_AVX2: return AVX2_FEATURES;
    case BNC_CPU_AVX512VNNI: return AVX512VNNI_FEATURES;
    case BNC_CPU_AVX512BF16: return AVX512VNNI_FEATURES | BNC_CPU_HAS_AVX512BF16;
    case BNC_CPU_AMX: return AVX512VNNI_FEATURES | BNC_CPU_HAS_AVX512BF16 | BNC_CPU_HAS_AMX_INT8 | BNC_CPU_HAS_AMX_BF16;
    case BNC_CPU_NEON: return neon;
    case BNC_CPU_NEON_DOTPROD: return neon | BNC_CPU_HAS_DOTPROD;
    case BNC_CPU_NEON_I8MM: return neon | BNC_CPU_HAS_DOTPROD | BNC_CPU_HAS_I8MM;
    case BNC_CPU_NEON_BF16: return neon | BNC_CPU_HAS_DOTPROD | BNC_CPU_HAS_I8MM | BNC_CPU_HAS_BF16;
    default: return 0;
  }
}

static bool has_level(bnc_cpu_arch arch, uint32_t have, bnc_cpu_level level) {
  uint32_t need = bnc_cpu_level_features(level, arch);
  return bnc_cpu_level_of_arch(level, arch) && (have & need) == need;
}

bnc_cpu_level bnc_cpu_best_level(bnc_cpu_arch arch, uint32_t have) {
  bnc_cpu_level best = BNC_CPU_SCALAR;
  for (unsigned i = 1; i < BNC_CPU_LEVELS; i++)
    if (has_level(arch, have, (bnc_cpu_level)i) && !(i == BNC_CPU_AVX512BF16 && (have & BNC_CPU_SLOW_BF16))) best = (bnc_cpu_level)i;
  return best;
}

bool bnc_cpu_level_supported(const bnc_cpu *cpu, bnc_cpu_level level) { return has_level(cpu->arch, cpu->features, level); }

/* "scalar, avx2, avx512vnni": the levels that BINOCLE_CPU may name here. */
static void list_levels(bnc_cpu_arch arch, uint32_t have, char *text, size_t size) {
  size_t n = 0;
  text[0] = 0;
  for (unsigned i = 0; i < BNC_CPU_LEVELS && n < size; i++)
    if (has_level(arch, have, (bnc_cpu_level)i)) n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "", level_names[i]);
}

bnc_status bnc_cpu_cap_level(const char *cap, bnc_cpu_arch arch, uint32_t have, bnc_cpu_level *level, bnc_error *err) {
  char valid[96];
  bnc_cpu_level wanted;
  *level = bnc_cpu_best_level(arch, have);
  if (!cap || !*cap) return BNC_OK;
  list_levels(arch, have, valid, sizeof valid);
  if (!bnc_cpu_level_from_name(cap, &wanted))
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "BINOCLE_CPU: found '%.64s', expected one of: %s", cap, valid);
  if (!bnc_cpu_level_of_arch(wanted, arch))
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "BINOCLE_CPU: '%s' is no level of %s, expected one of: %s", cap, bnc_cpu_arch_name(arch),
                    valid);
  if (!has_level(arch, have, wanted))
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "BINOCLE_CPU: this CPU cannot run '%s', expected one of: %s", cap, valid);
  *level = wanted;
  return BNC_OK;
}
