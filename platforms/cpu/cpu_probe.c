/* SPDX-License-Identifier: Apache-2.0 */
#include <cpuinfo.h>
#include <stdio.h>

#include "platforms/cpu/cpu_record.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_LEAVES 16

static uint64_t read_xcr0(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static bnc_cpu_x86_record read_record(bnc_cpuid_leaf leaves[MAX_LEAVES]) {
  static const uint32_t wanted[][2] = {{0, 0},           {1, 0},           {7, 0},           {7, 1},
                                       {0x80000000u, 0}, {0x80000002u, 0}, {0x80000003u, 0}, {0x80000004u, 0}};
  bnc_cpu_x86_record r = {leaves, 0, 0};
  for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
    bnc_cpuid_leaf l = {.leaf = wanted[i][0], .subleaf = wanted[i][1]};
    if (!__get_cpuid_count(l.leaf, l.subleaf, &l.eax, &l.ebx, &l.ecx, &l.edx)) continue;
    if (l.leaf == 1 && (l.ecx >> 27 & 1)) r.xcr0 = read_xcr0();
    leaves[r.count++] = l;
  }
  return r;
}

/* Linux gives tiles to a process that asks, for all its threads and their children; it refuses where one of them has a stack for signals
   that is too small for them (the kernel's x86/xstate document). */
static bool tiles_granted(void) {
  enum { REQUEST_PERMISSION = 0x1023 /* ARCH_REQ_XCOMP_PERM */, TILE_DATA = 18 };
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
}

uint32_t bnc_cpu_probe_features(void) {
  enum { TILES = BNC_CPU_HAS_AMX_INT8 | BNC_CPU_HAS_AMX_BF16 };
  bnc_cpuid_leaf leaves[MAX_LEAVES];
  bnc_cpu_x86_record r = read_record(leaves);
  const uint32_t features = bnc_cpu_x86_features(&r);
  return (features & TILES) && !tiles_granted() ? features & ~(uint32_t)TILES : features;
}

void bnc_cpu_probe_names(char *brand, size_t brand_size, char *uarch, size_t uarch_size) {
  bnc_cpuid_leaf leaves[MAX_LEAVES];
  bnc_cpu_x86_record r = read_record(leaves);
  bnc_cpu_x86_brand(&r, brand, brand_size);
  snprintf(uarch, uarch_size, "%s", bnc_cpu_x86_uarch(&r));
}

#else

#include <sys/auxv.h>

uint32_t bnc_cpu_probe_features(void) {
  bnc_cpu_arm_record r = {.arch = BNC_CPU_ARCH, .hwcap = getauxval(AT_HWCAP), .hwcap2 = getauxval(AT_HWCAP2)};
  uint32_t f = bnc_cpu_arm_features(&r);
#if defined(__arm__)
  /* Kernels before 6.1 do not report the dot product to 32-bit programs; cpuinfo knows it from the kinds of core. */
  if ((f & BNC_CPU_HAS_NEON) && bnc_cpuinfo_start() && cpuinfo_has_arm_neon_dot()) f |= BNC_CPU_HAS_DOTPROD;
#endif
  return f;
}

void bnc_cpu_probe_names(char *brand, size_t brand_size, char *uarch, size_t uarch_size) {
  snprintf(brand, brand_size, "unknown");
  snprintf(uarch, uarch_size, "unknown");
}

#endif
