/* SPDX-License-Identifier: Apache-2.0 */
/* Without instructions for bf16 there is nothing to gain from rounding. */
#include "ops/attention/attention.h"

void bnc_attention_rows_bf16_scalar(const bnc_attention_args *args, size_t kv_head, size_t from, size_t to, void *scratch) {
  bnc_attention_rows_f32_scalar(args, kv_head, from, to, scratch);
}
