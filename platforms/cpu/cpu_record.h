/* SPDX-License-Identifier: Apache-2.0 */
/** @file cpu_record.h  The raw facts that CPU detection decides on. Read from this machine, or recorded on another one by a test. */
#ifndef BINOCLE_PLATFORMS_CPU_CPU_RECORD_H
#define BINOCLE_PLATFORMS_CPU_CPU_RECORD_H

#include <stdbool.h>

#include "platforms/cpu/cpu.h"

/** One answer of the CPUID instruction. */
typedef struct bnc_cpuid_leaf {
  uint32_t leaf, subleaf, eax, ebx, ecx, edx;
} bnc_cpuid_leaf;

typedef struct bnc_cpu_x86_record {
  const bnc_cpuid_leaf *leaves; /* [count], any order; an absent leaf reads as zeros */
  size_t count;
  uint64_t xcr0; /* XGETBV(0); only looked at where OSXSAVE says that it can be read */
} bnc_cpu_x86_record;

/** Features by Intel SDM vol. 1, 14.3 and 15.2-15.4: the CPUID bit, and for AVX the XCR0 bits SSE|YMM, for AVX-512 also opmask|ZMM. */
uint32_t bnc_cpu_x86_features(const bnc_cpu_x86_record *record);
/** Leaves 0x80000002-4 without the padding; "unknown" where absent. */
void bnc_cpu_x86_brand(const bnc_cpu_x86_record *record, char *brand, size_t size);
/** The core's name from vendor, family and model (leaves 0, 1); "unknown". */
const char *bnc_cpu_x86_uarch(const bnc_cpu_x86_record *record);

typedef struct bnc_cpu_arm_record {
  bnc_cpu_arch arch;      /* aarch64 or armhf: their hwcap bits differ */
  uint64_t hwcap, hwcap2; /* AT_HWCAP, AT_HWCAP2: what the kernel lets programs use */
} bnc_cpu_arm_record;

/** Features from hwcaps. armhf kernels before 6.1 do not report the dot product: bnc_cpu_probe_features asks cpuinfo there. */
uint32_t bnc_cpu_arm_features(const bnc_cpu_arm_record *record);

typedef struct bnc_cpu_arm_part {
  uint8_t implementer; /* MIDR[31:24] */
  uint16_t part;       /* MIDR[15:4] */
  bool little;         /* an efficiency core */
  const char *name;
} bnc_cpu_arm_part;

/** NULL for a core that the table does not know. */
const bnc_cpu_arm_part *bnc_cpu_arm_part_find(uint32_t midr);

/** Reads this machine's features, and x86 names ("unknown" on ARM: they come from /proc). */
uint32_t bnc_cpu_probe_features(void);
void bnc_cpu_probe_names(char *brand, size_t brand_size, char *uarch, size_t uarch_size);

/** Starts cpuinfo, which XNNPACK asks too. False without the files of /proc and /sys that it reads, or where they tell of no CPU; it is not
 * called then, as it would complain on standard error or die. */
bool bnc_cpuinfo_start(void);

/** cap: the value of BINOCLE_CPU or NULL. */
bnc_status bnc_cpu_cap_level(const char *cap, bnc_cpu_arch arch, uint32_t features, bnc_cpu_level *level, bnc_error *err);

/** Fills clusters, caches, counts and names from /sys and /proc (below BINOCLE_SYSFS). Never fails: what is not told stays 0 or "unknown".
 */
void bnc_cpu_read_topology(bnc_cpu *cpu);

#endif
