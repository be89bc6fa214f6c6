/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_i8_sdot_neon.h"

#include "ops/matmul/matmul_c4_neon.h"

void bnc_matmul_c4_neon_dotprod(const bnc_matmul_c4_args *args, size_t from, size_t to, void *scratch) {
  c4_walk(args, from, to, I8_TOGETHER, i8_straight_part, scratch, 0);
}
