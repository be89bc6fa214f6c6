/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_neon.h"

#include "ops/kv_append/kv_append_v16.h"

static void store(const bnc_kv_cache *cache, const bnc_kv_run *run) { kv_store(cache, run, KV_I8); }

void bnc_kv_append_i8_neon(const bnc_kv_append_args *args, size_t from, size_t to) { bnc_kv_append(args, from, to, store); }
