/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_i8_smmla_neon.h"

#include "ops/matmul/matmul_c4_neon.h"

_Static_assert(sizeof(room) + BNC_I8_COLUMNS * I8_DEPTH <= BNC_MATMUL_SCRATCH, "the scratch is too small");

enum { SLAB_ROWS = 7 }; /* fewer are the dot product's, which makes no bytes of weights for them */

void bnc_matmul_c4_neon_i8mm(const bnc_matmul_c4_args *args, size_t from, size_t to, void *scratch) {
  if (args->to.rows >= SLAB_ROWS)
    c4_walk(args, from, to, BNC_I8_COLUMNS, run_part, scratch, sizeof(room));
  else
    bnc_matmul_c4_neon_dotprod(args, from, to, scratch);
}
