/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file level.h  How a kernel is declared.
 *
 * BNC_KERNEL(layer_norm_f32, ARGUMENTS) declares the function type bnc_layer_norm_f32_fn and the kernel's prototype on every level, so
 * that signatures cannot drift. Which levels define it stands in ops/kernels_table.h; ops/README.md tells how files are named.
 *
 * All kernels take a const argument block, prepared once, and a range [from, to) of rows (or other items, as the op's header says). They
 * run on the calling thread, allocate nothing, read nothing outside the tensors, and compute each row by the same arithmetic however the
 * range is cut. The caller guarantees shapes and ranges; kernels only assert.
 */
#ifndef BINOCLE_OPS_LEVEL_H
#define BINOCLE_OPS_LEVEL_H

#include <stddef.h>
#include <stdint.h>

#include "platforms/cpu/cpu.h"

#define BNC_KERNEL(name, ...) BNC_KERNEL_GIVING(void, name, __VA_ARGS__)
/** The same of a kernel that returns something. */
#define BNC_KERNEL_GIVING(type, name, ...)                                                                                                 \
  typedef type bnc_##name##_fn(__VA_ARGS__);                                                                                               \
  bnc_##name##_fn bnc_##name##_scalar, bnc_##name##_avx2, bnc_##name##_avx512vnni, bnc_##name##_avx512bf16, bnc_##name##_amx,              \
      bnc_##name##_neon, bnc_##name##_neon_dotprod, bnc_##name##_neon_i8mm, bnc_##name##_neon_bf16

/** In a file NAME_v16.c, which is compiled once per level of sixteen lanes: the kernel's name on the level at hand, which
 * toolchains/levels.cmake passes as BINOCLE_LEVEL. */
#define BNC_AT_LEVEL(name) BNC_KERNEL_NAME(name, BINOCLE_LEVEL)
#define BNC_KERNEL_NAME(name, level) BNC_KERNEL_NAME_OF(name, level)
#define BNC_KERNEL_NAME_OF(name, level) bnc_##name##_##level

#endif
