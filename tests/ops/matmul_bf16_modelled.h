/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BINOCLE_TESTS_OPS_MATMUL_BF16_MODELLED_H
#define BINOCLE_TESTS_OPS_MATMUL_BF16_MODELLED_H

#include "ops/matmul/matmul_bf16.h"

/** bnc_matmul_bf16_avx512bf16 for any CPU of level avx512vnni. */
void matmul_bf16_modelled(const bnc_matmul_float_args *args, size_t from, size_t to, void *scratch);

#endif
