/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_i8_smmla_neon.h"

void bnc_matmul_i8_neon_i8mm(const bnc_matmul_i8_args *args, size_t from, size_t to, void *scratch) {
  if (args->rows >= FEW)
    i8_walk(args, from, to, BNC_I8_COLUMNS, run_part, scratch);
  else
    bnc_matmul_i8_neon_dotprod(args, from, to, scratch);
}
