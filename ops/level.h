/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file level.h  How a kernel is declared.
 *
 * BNC_KERNEL(layer_norm_f32, ARGUMENTS) declares the function type bnc_layer_norm_f32_fn and the kernel's prototype on every level, so
 * that signatures cannot drift. Only the levels that have a file are defined; an op's init file names those and no others.
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

#define BNC_KERNEL(name, ...)                                                                                                              \
  typedef void bnc_##name##_fn(__VA_ARGS__);                                                                                               \
  bnc_##name##_fn bnc_##name##_scalar, bnc_##name##_avx2, bnc_##name##_avx512vnni, bnc_##name##_neon, bnc_##name##_neon_dotprod,           \
      bnc_##name##_neon_i8mm

#endif
