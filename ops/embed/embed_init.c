/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "ops/embed/embed.h"

void bnc_embed_init(bnc_embed_ops *ops, bnc_cpu_level level) {
  ops->f32 = bnc_embed_f32_scalar;
  ops->i8 = bnc_embed_i8_scalar;
  ops->bf16 = bnc_embed_bf16_scalar;
  (void)level;
  assert(ops->f32 && ops->i8 && ops->bf16);
}
