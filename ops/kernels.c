/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/kernels.h"

void bnc_kernels_init(bnc_kernels *kernels, bnc_cpu_level level) {
  kernels->level = level;
  bnc_norm_init(&kernels->norm, level);
  bnc_quantize_init(&kernels->quantize, level);
  bnc_activate_init(&kernels->activate, level);
  bnc_add_init(&kernels->add, level);
  bnc_attention_init(&kernels->attention, level);
  bnc_rope_init(&kernels->rope, level);
  bnc_gather_init(&kernels->gather, level);
  bnc_patches_init(&kernels->patches, level);
  bnc_embed_init(&kernels->embed, level);
  bnc_kv_append_init(&kernels->kv_append, level);
  bnc_matmul_init(&kernels->matmul, level);
  bnc_resample_init(&kernels->resample, level);
}
