/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernels.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "ops/kernels_table.h"

/* Each slot has its row: none is left empty. */
#define ONE(...) +1
enum { ROWS = 0 BNC_KERNEL_TABLE(ONE) };
_Static_assert(sizeof(bnc_kernels) - offsetof(bnc_kernels, norm) == ROWS * sizeof(void (*)(void)), "a slot has no row in kernels_table.h");

/* TAKE_x: the level has the kernel. Levels of other architectures have no code here. */
#define TAKE__(level_needed, slot, kernel)
#define TAKE_x(level_needed, slot, kernel)                                                                                                 \
  if (level >= (level_needed)) kernels->slot = kernel;
#define SKIP(has, slot, name)
#if BINOCLE_LEVEL_AVX2
#define AVX2(has, slot, name) TAKE_##has(BNC_CPU_AVX2, slot, bnc_##name##_avx2)
#define AVX512VNNI(has, slot, name) TAKE_##has(BNC_CPU_AVX512VNNI, slot, bnc_##name##_avx512vnni)
#define AVX512BF16(has, slot, name) TAKE_##has(BNC_CPU_AVX512BF16, slot, bnc_##name##_avx512bf16)
#define AMX(has, slot, name) TAKE_##has(BNC_CPU_AMX, slot, bnc_##name##_amx)
#else
#define AVX2 SKIP
#define AVX512VNNI SKIP
#define AVX512BF16 SKIP
#define AMX SKIP
#endif
#if BINOCLE_LEVEL_NEON
#define NEON(has, slot, name) TAKE_##has(BNC_CPU_NEON, slot, bnc_##name##_neon)
#define NEON_DOTPROD(has, slot, name) TAKE_##has(BNC_CPU_NEON_DOTPROD, slot, bnc_##name##_neon_dotprod)
#else
#define NEON SKIP
#define NEON_DOTPROD SKIP
#endif
#if BINOCLE_LEVEL_NEON_I8MM
#define NEON_I8MM(has, slot, name) TAKE_##has(BNC_CPU_NEON_I8MM, slot, bnc_##name##_neon_i8mm)
#define NEON_BF16(has, slot, name) TAKE_##has(BNC_CPU_NEON_BF16, slot, bnc_##name##_neon_bf16)
#else
#define NEON_I8MM SKIP
#define NEON_BF16 SKIP
#endif

/* The one ladder: scalar's kernel, then each level's own up to `level`. */
#define FILL(slot, name, avx2, avx512vnni, avx512bf16, amx, neon, dotprod, i8mm, bf16)                                                     \
  kernels->slot = bnc_##name##_scalar;                                                                                                     \
  AVX2(avx2, slot, name)                                                                                                                   \
  AVX512VNNI(avx512vnni, slot, name)                                                                                                       \
  AVX512BF16(avx512bf16, slot, name)                                                                                                       \
  AMX(amx, slot, name)                                                                                                                     \
  NEON(neon, slot, name)                                                                                                                   \
  NEON_DOTPROD(dotprod, slot, name)                                                                                                        \
  NEON_I8MM(i8mm, slot, name)                                                                                                              \
  NEON_BF16(bf16, slot, name)                                                                                                              \
  assert(kernels->slot);

void bnc_kernels_init(bnc_kernels *kernels, bnc_cpu_level level) {
  kernels->level = level;
  BNC_KERNEL_TABLE(FILL)
}

void bnc_kernels_here(bnc_kernels *kernels) {
  bnc_cpu_level level;
  bnc_error err;
  bnc_kernels_init(kernels, bnc_cpu_detect_level(&level, &err) == BNC_OK ? level : BNC_CPU_SCALAR);
}

#define NAME(slot, name, ...) {offsetof(bnc_kernels, slot), #name},

const char *bnc_kernels_name(size_t offset) {
  static const struct {
    size_t offset;
    const char *name;
  } names[] = {BNC_KERNEL_TABLE(NAME)};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (names[i].offset == offset) return names[i].name;
  return NULL;
}

bnc_cpu_level bnc_kernels_level_of(const bnc_kernels *kernels, size_t offset) {
  bnc_kernels lower;
  for (bnc_cpu_level level = BNC_CPU_SCALAR; level < kernels->level; level++) {
    bnc_kernels_init(&lower, level);
    if (memcmp((const char *)&lower + offset, (const char *)kernels + offset, sizeof(void (*)(void))) == 0) return level;
  }
  return kernels->level;
}
