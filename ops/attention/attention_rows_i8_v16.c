/* SPDX-License-Identifier: Apache-2.0 */
/* The int8 kernel where bytes cannot be multiplied as such: integers kept as f32. */
#include "ops/simd/v16.h"

#include "ops/attention/attention_load_i8_v16.h"

void BNC_AT_LEVEL(attention_rows_i8)(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  assert(!args->causal && args->head_size <= BNC_ATTENTION_I8_SIZE);
  attention_v16(args, kv_head, from, to, scratch, attention_load_rows_i8, true, ATTENTION_F32);
}
