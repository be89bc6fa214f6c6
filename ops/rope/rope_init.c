/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/rope/rope.h"

void bnc_rope_init(bnc_rope_ops *ops, bnc_cpu_level level) {
  ops->f32 = bnc_rope_f32_scalar;
  (void)level;
  assert(ops->f32);
}
