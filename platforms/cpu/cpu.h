/* SPDX-License-Identifier: Apache-2.0 */
/** @file cpu.h  What this machine's CPU can run: instruction sets that the system has switched on, kernel levels, caches, kinds of core. */
#ifndef BINOCLE_PLATFORMS_CPU_CPU_H
#define BINOCLE_PLATFORMS_CPU_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"

typedef enum bnc_cpu_arch { BNC_ARCH_X86_64, BNC_ARCH_AARCH64, BNC_ARCH_ARMHF } bnc_cpu_arch;

#if defined(__x86_64__)
#define BNC_CPU_ARCH BNC_ARCH_X86_64
#elif defined(__aarch64__)
#define BNC_CPU_ARCH BNC_ARCH_AARCH64
#elif defined(__arm__)
#define BNC_CPU_ARCH BNC_ARCH_ARMHF
#else
#error "no CPU detection for this architecture"
#endif

/** Kernel levels; toolchains/levels.cmake maps them to compiler flags. Within an architecture each one includes those before it. */
typedef enum bnc_cpu_level {
  BNC_CPU_SCALAR,       /* every machine */
  BNC_CPU_AVX2,         /* AVX2, FMA, F16C; YMM state saved by the system */
  BNC_CPU_AVX512VNNI,   /* the above and AVX-512 F, BW, DQ, VL, VNNI; ZMM state saved by the system */
  BNC_CPU_AVX512BF16,   /* the above and AVX512-BF16 */
  BNC_CPU_AMX,          /* the above and AMX tiles, INT8 and BF16, which the system has granted */
  BNC_CPU_NEON,         /* aarch64: Advanced SIMD; armhf: NEON and VFPv4 (fused multiply-add, half floats) */
  BNC_CPU_NEON_DOTPROD, /* the above and SDOT/UDOT */
  BNC_CPU_NEON_I8MM,    /* the above and SMMLA/UMMLA (aarch64 only) */
  BNC_CPU_NEON_BF16,    /* the above and BFDOT/BFMMLA (aarch64 only) */
  BNC_CPU_LEVELS
} bnc_cpu_level;

/** Bits of bnc_cpu.features: set where the CPU has it and the system lets programs use it. */
enum {
  BNC_CPU_HAS_AVX = 1 << 0,
  BNC_CPU_HAS_AVX2 = 1 << 1,
  BNC_CPU_HAS_FMA = 1 << 2,
  BNC_CPU_HAS_F16C = 1 << 3,
  BNC_CPU_HAS_AVX512F = 1 << 4,
  BNC_CPU_HAS_AVX512BW = 1 << 5,
  BNC_CPU_HAS_AVX512DQ = 1 << 6,
  BNC_CPU_HAS_AVX512VL = 1 << 7,
  BNC_CPU_HAS_AVX512VNNI = 1 << 8,
  BNC_CPU_HAS_AVXVNNI = 1 << 9, /* the VEX form; no level needs it */
  BNC_CPU_HAS_AVX512BF16 = 1 << 10,
  BNC_CPU_HAS_AMX_INT8 = 1 << 11, /* tiles that the system saves and grants */
  BNC_CPU_HAS_AMX_BF16 = 1 << 12, /* likewise */
  BNC_CPU_SLOW_BF16 = 1 << 13,    /* AVX512-BF16 at half the rate of f32's multiply-adds: its level is used only where it is asked for */
  BNC_CPU_HAS_NEON = 1 << 16,
  BNC_CPU_HAS_VFPV4 = 1 << 17,
  BNC_CPU_HAS_FP16 = 1 << 18, /* half-float arithmetic; no level needs it */
  BNC_CPU_HAS_DOTPROD = 1 << 19,
  BNC_CPU_HAS_I8MM = 1 << 20,
  BNC_CPU_HAS_BF16 = 1 << 21,
  BNC_CPU_HAS_SVE = 1 << 22 /* no level needs it */
};

#define BNC_CPU_MAX_CLUSTERS 8
#define BNC_CPU_MAX_CPUS 1024 /* logical CPUs of higher number are left out */

typedef struct bnc_cpu_cache {
  size_t bytes;    /* 0: not known */
  unsigned shared; /* logical CPUs that share one such cache; 0: not known */
} bnc_cpu_cache;

/** Cores of one kind, fastest kind first. */
typedef struct bnc_cpu_cluster {
  char uarch[32];            /* "Cortex-A76", "Zen 3", "unknown" */
  unsigned cores, cpus;      /* physical cores, logical CPUs that are online */
  unsigned max_mhz;          /* 0: not known */
  bool little;               /* efficiency cores beside faster ones: left out of the default thread count */
  bnc_cpu_cache l1d, l2, l3; /* as one core of the cluster sees them */
} bnc_cpu_cluster;

typedef struct bnc_cpu {
  bnc_cpu_arch arch;
  uint32_t features;       /* BNC_CPU_HAS_... */
  bnc_cpu_level supported; /* the fastest level of this machine */
  bnc_cpu_level level;     /* the level to use: supported, or the one that BINOCLE_CPU names */
  char brand[64];          /* "AMD Ryzen 7 5800X", "Raspberry Pi 5 Model B"; "unknown" */
  char uarch[32];          /* of the first cluster */
  bnc_cpu_cache l1d, l2, l3;
  unsigned cores, cpus; /* over all clusters */
  size_t cluster_count; /* at least 1 */
  bnc_cpu_cluster clusters[BNC_CPU_MAX_CLUSTERS];
  uint8_t cluster_of[BNC_CPU_MAX_CPUS]; /* logical CPU -> cluster; 0xff: offline or absent */
  uint16_t core_of[BNC_CPU_MAX_CPUS];   /* logical CPU -> the lowest numbered CPU on the same core */
} bnc_cpu;

/**
 * Looks at this machine. Topology comes from /sys and /proc (below BINOCLE_SYSFS where set) and is "unknown" or 0 where they do not tell.
 * BINOCLE_CPU caps the level: BNC_ERROR_ARGUMENT for a name that is no level, BNC_ERROR_UNSUPPORTED for one that this machine has not.
 */
bnc_status bnc_cpu_detect(bnc_cpu *cpu, bnc_error *err);

/** Only the level to use, with the same errors; reads no files. */
bnc_status bnc_cpu_detect_level(bnc_cpu_level *level, bnc_error *err);

/** Whether this machine can run a level's kernels (BINOCLE_CPU left aside). */
bool bnc_cpu_level_supported(const bnc_cpu *cpu, bnc_cpu_level level);

/** Whether a level belongs to an architecture (scalar: to all), whatever its CPUs have. */
bool bnc_cpu_level_of_arch(bnc_cpu_level level, bnc_cpu_arch arch);
/** Whether a level has all that another one has: is it or one behind it in the same architecture, or the other one is scalar. */
bool bnc_cpu_level_includes(bnc_cpu_level level, bnc_cpu_level other);

/** The BNC_CPU_HAS_ bits that a level needs, and the fastest level of an architecture that a set of features allows. */
uint32_t bnc_cpu_level_features(bnc_cpu_level level, bnc_cpu_arch arch);
bnc_cpu_level bnc_cpu_best_level(bnc_cpu_arch arch, uint32_t features);

/** "avx2" for BNC_CPU_AVX2 and back (false: no such name); "unknown" for a value that is no level. */
const char *bnc_cpu_level_name(bnc_cpu_level level);
bool bnc_cpu_level_from_name(const char *name, bnc_cpu_level *level);
const char *bnc_cpu_arch_name(bnc_cpu_arch arch);

/** The i-th feature bit's name ("avx512vnni"), NULL behind the last; *bit gets the bit. */
const char *bnc_cpu_feature_name(size_t i, uint32_t *bit);

#endif
