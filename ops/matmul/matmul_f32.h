/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_f32.h  matmul_float.h's product with w float32 [n, k], straight from the model file's matrix: nothing is packed
 * beforehand. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_F32_H
#define BINOCLE_OPS_MATMUL_MATMUL_F32_H

#include "ops/matmul/matmul_float.h"

/** All rows, the items (of BNC_FLOAT_COLUMNS columns) [from, to). scratch: BNC_FLOAT_SCRATCH bytes, 64-byte aligned, that no other thread
 * uses. */
BNC_KERNEL(matmul_f32, const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch);

/** Whether this kernel is preferred to XNNPACK's operator for hundreds of rows, as vision has them, on a machine that runs `level`: with
 * AVX-512 (bench/baselines/bf16-model-amd-zen5.csv, bf16-intel-xeon.csv). */
bool bnc_matmul_f32_wins(bnc_cpu_level level);

#endif
