/* SPDX-License-Identifier: Apache-2.0 */
/** @file int_matmul.h  What holds for every kernel that multiplies rows of int8 with integer weights: any cut of its items gives scalar's
 * bits, and scalar the exact sums. */
#ifndef BINOCLE_TESTS_OPS_CHECKKERN_INT_MATMUL_H
#define BINOCLE_TESTS_OPS_CHECKKERN_INT_MATMUL_H

#include "ops/matmul/matmul_i8.h"
#include "tests/ops/checkkern/check.h"

typedef struct int_matmul {
  bnc_matmul_i8_args *to; /* part of the kernel's arguments; y is set here */
  const void *args;       /* of run */
  void (*run)(const bnc_kernels *kernels, const void *args, size_t from, size_t until, void *scratch);
  const tensor *scratch;
  int (*value)(const void *fixture, size_t n, size_t k); /* of weight [n, k] */
  const void *fixture;
} int_matmul;

void check_int_matmul(check *c, const int_matmul *m, tensor_side side);

#endif
