/* SPDX-License-Identifier: Apache-2.0 */
/** @file peak.h  Loops that do nothing but independent fused multiply-adds in registers: a level's f32 limit. */
#ifndef BINOCLE_TESTS_CHECKKERN_PEAK_H
#define BINOCLE_TESTS_CHECKKERN_PEAK_H

enum { PEAK_ROUNDS = 2000000, PEAK_LANES = 16 * 6 };
#define PEAK_FLOPS (2.0 * PEAK_ROUNDS * PEAK_LANES)

/** Pairs of int16 products, added up: what AVX2 has for int8 (ops/matmul/matmul_i8.h). Twelve sums, as the matrix kernel's. */
enum { PEAK_SUMS = 12 };
#define PEAK_INT8 (2.0 * 16 * PEAK_SUMS * PEAK_ROUNDS)
int peak_int8_avx2(void);

float peak_flops_scalar(void);
float peak_flops_avx2(void);
float peak_flops_avx512vnni(void);
float peak_flops_neon(void);

#endif
