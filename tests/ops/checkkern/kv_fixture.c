/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ops/half.h"
#include "tests/ops/checkkern/kv_fixture.h"

static tensor zeroed(size_t rows, size_t cols, size_t size, tensor_side side) {
  tensor t = tensor_make(rows, cols, cols, size, side);
  memset(t.data, 0, rows * cols * size);
  return t;
}

kv_fixture kv_make(check *c, int form, size_t keys, size_t kv_heads, size_t d, tensor_side side, size_t gap) {
  static const size_t sizes[] = {4, 4, 2, 1};
  const size_t capacity = (keys + 15) / 16 * 16, cols = kv_heads * d;
  kv_fixture kv = {.form = form};
  kv.k = tensor_make(keys, cols, cols + check_below(c, gap), 4, side);
  kv.v = tensor_make(keys, cols, cols + check_below(c, gap), 4, side);
  check_fill(c, &kv.k, 1.0f, 0);
  check_fill(c, &kv.v, 1.0f, 0);
  tensor_protect(&kv.k);
  tensor_protect(&kv.v);
  kv.ck = zeroed(kv_heads * capacity, d, sizes[form], side);
  kv.cv = zeroed(kv_heads * capacity, d, sizes[form], side);
  kv.sk = zeroed(kv_heads, capacity, 4, side);
  kv.sv = zeroed(kv_heads, capacity, 4, side);
  kv.cache = (bnc_kv_cache){kv_heads, d, capacity, kv.ck.data, kv.cv.data, kv.sk.data, kv.sv.data};
  const bnc_kv_append_args a = {kv.cache, kv.k.data, kv.v.data, kv.k.stride, kv.v.stride, 0};
  if (form == 1) c->scalar.kv_append.f32(&a, 0, keys);
  if (form == 2) c->scalar.kv_append.f16(&a, 0, keys);
  if (form == 3) c->scalar.kv_append.i8(&a, 0, keys);
  tensor_protect(&kv.ck);
  tensor_protect(&kv.cv);
  return kv;
}

void kv_free(kv_fixture *kv) {
  tensor *all[] = {&kv->k, &kv->v, &kv->ck, &kv->cv, &kv->sk, &kv->sv};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) tensor_free(all[i]);
}

double kv_element(const kv_fixture *kv, bool key, size_t kv_head, size_t token, size_t i) {
  const bnc_kv_cache *cache = &kv->cache;
  const size_t d = cache->head_size;
  if (kv->form == 0) {
    const tensor *t = key ? &kv->k : &kv->v;
    return (double)((float *)t->data)[token * t->stride + kv_head * d + i];
  }
  const size_t at = key ? kv_head * cache->capacity * d + bnc_kv_key_offset(cache, token, i) : (kv_head * cache->capacity + token) * d + i;
  const void *x = key ? cache->k : cache->v;
  if (kv->form == 1) return (double)((const float *)x)[at];
  if (kv->form == 2) return (double)bnc_f32_from_f16(((const uint16_t *)x)[at]);
  return (double)((float)((const int8_t *)x)[at] * (key ? cache->k_scale : cache->v_scale)[kv_head * cache->capacity + token]);
}
