/* SPDX-License-Identifier: Apache-2.0 */
/** @file v16.h  Sixteen floats on the level that a file NAME_v16.c is compiled for. */
#ifndef BINOCLE_OPS_SIMD_V16_H
#define BINOCLE_OPS_SIMD_V16_H

#if defined(__AVX512VNNI__)
#include "ops/simd/v16_avx512vnni.h"
#elif defined(__AVX2__)
#include "ops/simd/v16_avx2.h"
#elif defined(__ARM_NEON)
#include "ops/simd/v16_neon.h"
#else
#error "no sixteen lanes on this level"
#endif

#endif
