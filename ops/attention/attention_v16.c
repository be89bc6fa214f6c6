/* SPDX-License-Identifier: Apache-2.0 */
/* Attention over sixteen lanes; the levels share all but the sixteen lanes. */
#include "ops/simd/v16.h"

#include "ops/attention/attention_load_v16.h"

void BNC_AT_LEVEL(attention_rows_f32)(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  attention_v16(args, kv_head, from, to, scratch, attention_load_rows_f32, false, ATTENTION_F32);
}

void BNC_AT_LEVEL(attention_cache_f32)(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  attention_v16(args, kv_head, from, to, scratch, attention_load_cache_f32, false, ATTENTION_F32);
}

void BNC_AT_LEVEL(attention_cache_f16)(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  if (attention_reads_cache(args, from, to))
    attention_v16(args, kv_head, from, to, scratch, attention_take_cache_f16, false, ATTENTION_F16);
  else
    attention_v16(args, kv_head, from, to, scratch, attention_load_cache_f16, false, ATTENTION_F32);
}

void BNC_AT_LEVEL(attention_cache_i8)(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  if (attention_reads_cache(args, from, to))
    attention_v16(args, kv_head, from, to, scratch, attention_take_cache_i8, false, ATTENTION_I8);
  else
    attention_v16(args, kv_head, from, to, scratch, attention_load_cache_i8, false, ATTENTION_F32);
}
