/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/cpu/cpu_record.h"

/* Portable on purpose: recorded x86 dumps are tested on ARM hosts too. */

static const bnc_cpuid_leaf *find(const bnc_cpu_x86_record *r, uint32_t leaf, uint32_t subleaf) {
  static const bnc_cpuid_leaf nothing;
  for (size_t i = 0; i < r->count; i++)
    if (r->leaves[i].leaf == leaf && r->leaves[i].subleaf == subleaf) return &r->leaves[i];
  return &nothing;
}

static bool bit(uint32_t reg, unsigned n) { return (reg >> n) & 1; }

static bool is_intel(const bnc_cpu_x86_record *r) { return find(r, 0, 0)->ebx == 0x756e6547u; } /* "Genu"ineIntel */

uint32_t bnc_cpu_x86_features(const bnc_cpu_x86_record *r) {
  const bnc_cpuid_leaf *l1 = find(r, 1, 0), *l7 = find(r, 7, 0), *l71 = find(r, 7, 1);
  uint32_t f = 0;
  uint32_t max_leaf = find(r, 0, 0)->eax;
  if (max_leaf < 1 || !bit(l1->ecx, 27)) return 0; /* no OSXSAVE: the system saves SSE state alone */
  if ((r->xcr0 & 0x6) != 0x6 || !bit(l1->ecx, 28)) return 0;
  f |= BNC_CPU_HAS_AVX;
  if (bit(l1->ecx, 12)) f |= BNC_CPU_HAS_FMA;
  if (bit(l1->ecx, 29)) f |= BNC_CPU_HAS_F16C;
  if (max_leaf < 7) return f;
  if (bit(l7->ebx, 5)) f |= BNC_CPU_HAS_AVX2;
  if (l7->eax >= 1 && bit(l71->eax, 4)) f |= BNC_CPU_HAS_AVXVNNI;
  if ((r->xcr0 & 0xe6) != 0xe6 || !bit(l7->ebx, 16)) return f;
  f |= BNC_CPU_HAS_AVX512F;
  if (bit(l7->ebx, 17)) f |= BNC_CPU_HAS_AVX512DQ;
  if (bit(l7->ebx, 30)) f |= BNC_CPU_HAS_AVX512BW;
  if (bit(l7->ebx, 31)) f |= BNC_CPU_HAS_AVX512VL;
  if (bit(l7->ecx, 11)) f |= BNC_CPU_HAS_AVX512VNNI;
  if (l7->eax >= 1 && bit(l71->eax, 5)) f |= BNC_CPU_HAS_AVX512BF16;
  if (is_intel(r)) f |= BNC_CPU_SLOW_BF16;                           /* Emerald Rapids: bench/baselines/bf16-intel-xeon.csv */
  if ((r->xcr0 & 0x60000) != 0x60000 || !bit(l7->edx, 24)) return f; /* tiles; Linux lets a process use them once it has asked */
  if (bit(l7->edx, 25)) f |= BNC_CPU_HAS_AMX_INT8;
  if (bit(l7->edx, 22)) f |= BNC_CPU_HAS_AMX_BF16;
  return f;
}

void bnc_cpu_x86_brand(const bnc_cpu_x86_record *r, char *brand, size_t size) {
  char text[49] = {0};
  if (find(r, 0x80000000u, 0)->eax >= 0x80000004u)
    for (uint32_t i = 0; i < 3; i++) {
      const bnc_cpuid_leaf *l = find(r, 0x80000002u + i, 0);
      const uint32_t words[4] = {l->eax, l->ebx, l->ecx, l->edx};
      for (size_t b = 0; b < 16; b++) text[16 * i + b] = (char)(words[b / 4] >> (8 * (b % 4)) & 0xff);
    }
  /* Some brands are padded in front or hold runs of blanks. */
  size_t n = 0;
  for (const char *p = text; *p && n + 1 < size; p++)
    if (*p != ' ' || (n > 0 && brand[n - 1] != ' ')) brand[n++] = *p;
  while (n > 0 && brand[n - 1] == ' ') n--;
  brand[n] = 0;
  if (n == 0 && size > 7) memcpy(brand, "unknown", 8);
}

typedef struct model_range {
  uint8_t family, from, to;
  const char *name;
} model_range;

/* Family and model as displayed (extended fields added). AMD: PPRs by family; Intel: SDM vol. 4, table 2-1. */
static const model_range amd[] = {
    {0x15, 0x60, 0x7f, "Excavator"}, {0x15, 0x30, 0x4f, "Steamroller"}, {0x15, 0x02, 0x2f, "Piledriver"}, {0x15, 0x00, 0x01, "Bulldozer"},
    {0x16, 0x00, 0xff, "Jaguar"},    {0x17, 0x30, 0xff, "Zen 2"},       {0x17, 0x00, 0x2f, "Zen"},        {0x19, 0x10, 0x1f, "Zen 4"},
    {0x19, 0x60, 0x7f, "Zen 4"},     {0x19, 0xa0, 0xaf, "Zen 4"},       {0x19, 0x00, 0x5f, "Zen 3"},      {0x1a, 0x00, 0xff, "Zen 5"},
};
static const model_range intel[] = {
    {6, 0x1a, 0x1a, "Nehalem"},         {6, 0x1e, 0x1f, "Nehalem"},        {6, 0x2e, 0x2e, "Nehalem"},
    {6, 0x25, 0x25, "Westmere"},        {6, 0x2c, 0x2c, "Westmere"},       {6, 0x2a, 0x2a, "Sandy Bridge"},
    {6, 0x2d, 0x2d, "Sandy Bridge"},    {6, 0x3a, 0x3a, "Ivy Bridge"},     {6, 0x3e, 0x3e, "Ivy Bridge"},
    {6, 0x3c, 0x3c, "Haswell"},         {6, 0x3f, 0x3f, "Haswell"},        {6, 0x45, 0x46, "Haswell"},
    {6, 0x3d, 0x3d, "Broadwell"},       {6, 0x47, 0x47, "Broadwell"},      {6, 0x4f, 0x4f, "Broadwell"},
    {6, 0x56, 0x56, "Broadwell"},       {6, 0x4e, 0x4e, "Skylake"},        {6, 0x5e, 0x5e, "Skylake"},
    {6, 0x8e, 0x8e, "Kaby Lake"},       {6, 0x9e, 0x9e, "Kaby Lake"},      {6, 0xa5, 0xa6, "Comet Lake"},
    {6, 0x66, 0x66, "Cannon Lake"},     {6, 0x7d, 0x7e, "Ice Lake"},       {6, 0x6a, 0x6a, "Ice Lake"},
    {6, 0x6c, 0x6c, "Ice Lake"},        {6, 0x8c, 0x8d, "Tiger Lake"},     {6, 0xa7, 0xa7, "Rocket Lake"},
    {6, 0x97, 0x97, "Alder Lake"},      {6, 0x9a, 0x9a, "Alder Lake"},     {6, 0xb7, 0xb7, "Raptor Lake"},
    {6, 0xba, 0xba, "Raptor Lake"},     {6, 0xbf, 0xbf, "Raptor Lake"},    {6, 0xaa, 0xaa, "Meteor Lake"},
    {6, 0xac, 0xac, "Meteor Lake"},     {6, 0xbd, 0xbd, "Lunar Lake"},     {6, 0xc5, 0xc6, "Arrow Lake"},
    {6, 0x8f, 0x8f, "Sapphire Rapids"}, {6, 0xcf, 0xcf, "Emerald Rapids"}, {6, 0xad, 0xae, "Granite Rapids"},
    {6, 0xbe, 0xbe, "Gracemont"},       {6, 0x5c, 0x5c, "Goldmont"},       {6, 0x5f, 0x5f, "Goldmont"},
    {6, 0x7a, 0x7a, "Goldmont Plus"},   {6, 0x9c, 0x9c, "Tremont"},        {6, 0x96, 0x96, "Tremont"},
    {6, 0x37, 0x37, "Silvermont"},      {6, 0x4c, 0x4c, "Airmont"},
};

static const char *lookup(const model_range *table, size_t count, uint32_t family, uint32_t model) {
  for (size_t i = 0; i < count; i++)
    if (table[i].family == family && table[i].from <= model && model <= table[i].to) return table[i].name;
  return "unknown";
}

const char *bnc_cpu_x86_uarch(const bnc_cpu_x86_record *r) {
  const bnc_cpuid_leaf *l0 = find(r, 0, 0), *l1 = find(r, 1, 0), *l7 = find(r, 7, 0);
  uint32_t family = (l1->eax >> 8) & 0xf, model = (l1->eax >> 4) & 0xf, stepping = l1->eax & 0xf;
  if (family == 0xf || family == 6) model += ((l1->eax >> 16) & 0xf) << 4;
  if (family == 0xf) family += (l1->eax >> 20) & 0xff;
  if (l0->ebx == 0x68747541u) return lookup(amd, sizeof amd / sizeof amd[0], family, model); /* "Auth"enticAMD */
  if (!is_intel(r)) return "unknown";
  /* One model number for three server cores: told apart by stepping and features. */
  if (family == 6 && model == 0x55) return stepping >= 10 ? "Cooper Lake" : bit(l7->ecx, 11) ? "Cascade Lake" : "Skylake-SP";
  const char *name = lookup(intel, sizeof intel / sizeof intel[0], family, model);
  /* Hypervisors give server cores the numbers of others; what has tiles is no older than this. */
  return bit(l7->edx, 24) && !strstr(name, "Rapids") ? "Sapphire Rapids+" : name;
}
