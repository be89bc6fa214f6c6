/* SPDX-License-Identifier: Apache-2.0 */
/** @file peak.h  Loops that do nothing but independent fused multiply-adds in registers: a level's f32 limit. */
#ifndef BINOCLE_TESTS_CHECKKERN_PEAK_H
#define BINOCLE_TESTS_CHECKKERN_PEAK_H

enum { PEAK_ROUNDS = 1000000, PEAK_SUMS = 12 };
#define PEAK_FLOPS (2.0 * PEAK_ROUNDS * PEAK_SUMS * 16)

float peak_flops_scalar(void);
float peak_flops_avx2(void);
float peak_flops_avx512vnni(void);
float peak_flops_neon(void);

#endif
