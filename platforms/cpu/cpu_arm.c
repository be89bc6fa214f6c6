/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/cpu/cpu_record.h"

/* Portable on purpose: recorded ARM machines are tested on x86 hosts too, so the bits stand here and not in <asm/hwcap.h>. */

static const bnc_cpu_arm_part parts[] = {
    {0x41, 0xc05, true, "Cortex-A5"},      {0x41, 0xc07, true, "Cortex-A7"},
    {0x41, 0xc08, false, "Cortex-A8"},     {0x41, 0xc09, false, "Cortex-A9"},
    {0x41, 0xc0d, false, "Cortex-A12"},    {0x41, 0xc0e, false, "Cortex-A17"},
    {0x41, 0xc0f, false, "Cortex-A15"},    {0x41, 0xb76, false, "ARM1176"},
    {0x41, 0xd01, true, "Cortex-A32"},     {0x41, 0xd04, true, "Cortex-A35"},
    {0x41, 0xd03, true, "Cortex-A53"},     {0x41, 0xd05, true, "Cortex-A55"},
    {0x41, 0xd06, true, "Cortex-A65"},     {0x41, 0xd07, false, "Cortex-A57"},
    {0x41, 0xd08, false, "Cortex-A72"},    {0x41, 0xd09, false, "Cortex-A73"},
    {0x41, 0xd0a, false, "Cortex-A75"},    {0x41, 0xd0b, false, "Cortex-A76"},
    {0x41, 0xd0c, false, "Neoverse-N1"},   {0x41, 0xd0d, false, "Cortex-A77"},
    {0x41, 0xd0e, false, "Cortex-A76AE"},  {0x41, 0xd40, false, "Neoverse-V1"},
    {0x41, 0xd41, false, "Cortex-A78"},    {0x41, 0xd42, false, "Cortex-A78AE"},
    {0x41, 0xd43, true, "Cortex-A65AE"},   {0x41, 0xd44, false, "Cortex-X1"},
    {0x41, 0xd46, true, "Cortex-A510"},    {0x41, 0xd47, false, "Cortex-A710"},
    {0x41, 0xd48, false, "Cortex-X2"},     {0x41, 0xd49, false, "Neoverse-N2"},
    {0x41, 0xd4a, true, "Neoverse-E1"},    {0x41, 0xd4b, false, "Cortex-A78C"},
    {0x41, 0xd4c, false, "Cortex-X1C"},    {0x41, 0xd4d, false, "Cortex-A715"},
    {0x41, 0xd4e, false, "Cortex-X3"},     {0x41, 0xd4f, false, "Neoverse-V2"},
    {0x41, 0xd80, true, "Cortex-A520"},    {0x41, 0xd81, false, "Cortex-A720"},
    {0x41, 0xd82, false, "Cortex-X4"},     {0x41, 0xd84, false, "Neoverse-V3"},
    {0x41, 0xd85, false, "Cortex-X925"},   {0x41, 0xd87, false, "Cortex-A725"},
    {0x41, 0xd8e, false, "Neoverse-N3"},   {0x42, 0x516, false, "ThunderX2"},
    {0x43, 0x0a1, false, "ThunderX"},      {0x43, 0x0af, false, "ThunderX2"},
    {0x48, 0xd01, false, "TaiShan v110"},  {0x4e, 0x000, false, "Denver"},
    {0x4e, 0x003, false, "Denver 2"},      {0x4e, 0x004, false, "Carmel"},
    {0x50, 0x000, false, "X-Gene"},        {0x51, 0x001, false, "Oryon"},
    {0x51, 0x06f, false, "Krait"},         {0x51, 0x201, false, "Kryo"},
    {0x51, 0x205, false, "Kryo"},          {0x51, 0x211, true, "Kryo"},
    {0x51, 0x800, false, "Kryo 2xx Gold"}, {0x51, 0x801, true, "Kryo 2xx Silver"},
    {0x51, 0x802, false, "Kryo 385 Gold"}, {0x51, 0x803, true, "Kryo 385 Silver"},
    {0x51, 0x804, false, "Kryo 4xx Gold"}, {0x51, 0x805, true, "Kryo 4xx Silver"},
    {0x51, 0xc00, false, "Falkor"},        {0x53, 0x001, false, "Exynos M1"},
    {0x53, 0x002, false, "Exynos M3"},     {0x53, 0x003, false, "Exynos M4"},
    {0x53, 0x004, false, "Exynos M5"},     {0x61, 0x022, true, "Icestorm"},
    {0x61, 0x023, false, "Firestorm"},     {0x61, 0x032, true, "Blizzard"},
    {0x61, 0x033, false, "Avalanche"},     {0xc0, 0xac3, false, "Ampere-1"},
};

const bnc_cpu_arm_part *bnc_cpu_arm_part_find(uint32_t midr) {
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
    if (parts[i].implementer == midr >> 24 && parts[i].part == ((midr >> 4) & 0xfff)) return &parts[i];
  return NULL;
}

typedef struct cap_bit {
  uint8_t word, bit; /* word 0: AT_HWCAP, 1: AT_HWCAP2 */
  uint32_t feature;
} cap_bit;

/* Linux: arch/arm64/include/uapi/asm/hwcap.h and arch/arm/include/uapi/asm/hwcap.h. */
static const cap_bit arm64_caps[] = {
    {0, 1, BNC_CPU_HAS_NEON | BNC_CPU_HAS_VFPV4},
    {0, 10, BNC_CPU_HAS_FP16},
    {0, 20, BNC_CPU_HAS_DOTPROD},
    {0, 22, BNC_CPU_HAS_SVE},
    {1, 13, BNC_CPU_HAS_I8MM},
    {1, 14, BNC_CPU_HAS_BF16},
};
static const cap_bit arm32_caps[] = {
    {0, 12, BNC_CPU_HAS_NEON},    {0, 16, BNC_CPU_HAS_VFPV4}, {0, 23, BNC_CPU_HAS_FP16},
    {0, 24, BNC_CPU_HAS_DOTPROD}, {0, 26, BNC_CPU_HAS_BF16},  {0, 27, BNC_CPU_HAS_I8MM},
};

uint32_t bnc_cpu_arm_features(const bnc_cpu_arm_record *r) {
  bool arm64 = r->arch == BNC_ARCH_AARCH64;
  const cap_bit *caps = arm64 ? arm64_caps : arm32_caps;
  size_t count = arm64 ? sizeof arm64_caps / sizeof arm64_caps[0] : sizeof arm32_caps / sizeof arm32_caps[0];
  uint32_t f = 0;
  for (size_t i = 0; i < count; i++)
    if (((caps[i].word ? r->hwcap2 : r->hwcap) >> caps[i].bit) & 1) f |= caps[i].feature;
  return (f & BNC_CPU_HAS_NEON) ? f : 0;
}
