/* SPDX-License-Identifier: Apache-2.0 */
/** @file kv_fixture.h  Keys and values for attention checks: as plain rows and, for the cache forms, appended to a cache. */
#ifndef BINOCLE_TESTS_CHECKKERN_KV_FIXTURE_H
#define BINOCLE_TESTS_CHECKKERN_KV_FIXTURE_H

#include "tests/ops/checkkern/check.h"

typedef struct kv_fixture {
  int form;           /* 0 rows, 1 f32 cache, 2 f16 cache, 3 int8 cache */
  tensor k, v;        /* [keys, kv_heads * d] */
  bnc_kv_cache cache; /* unused by form 0 */
  tensor ck, cv, sk, sv;
} kv_fixture;

/** gap: rows lie fewer than so many elements apart, at random. */
kv_fixture kv_make(check *c, int form, size_t keys, size_t kv_heads, size_t d, tensor_side side, size_t gap);
void kv_free(kv_fixture *kv);
/** An element of a key (or value) as attention must see it. */
double kv_element(const kv_fixture *kv, bool key, size_t kv_head, size_t token, size_t i);

#endif
