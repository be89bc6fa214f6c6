/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_neon.h"

#include "ops/attention/attention_load_v16.h"

void bnc_attention_cache_f32_neon(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  attention_v16(args, kv_head, from, to, scratch, attention_load_cache_f32, false);
}
