/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx2.h"

#include "ops/kv_append/kv_append_v16.h"

static void store(const bnc_kv_cache *cache, const bnc_kv_run *run) { kv_store(cache, run, KV_F16); }

void bnc_kv_append_f16_avx2(const bnc_kv_append_args *args, size_t from, size_t to) { bnc_kv_append(args, from, to, store); }
