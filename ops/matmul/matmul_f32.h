/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_f32.h  matmul_float.h's product with w float32 [n, k], straight from the model file's matrix: nothing is packed
 * beforehand. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_F32_H
#define BINOCLE_OPS_MATMUL_MATMUL_F32_H

#include "ops/matmul/matmul_float.h"

/** All rows, the items (of BNC_FLOAT_COLUMNS columns) [from, to). scratch: BNC_FLOAT_SCRATCH bytes, 64-byte aligned, that no other thread
 * uses. */
BNC_KERNEL(matmul_f32, const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch);

#endif
