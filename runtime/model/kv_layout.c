/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/model/kv_layout.h"

#include "platforms/base/mem.h"

static uint64_t round_up(uint64_t x, uint64_t to) { return (x + to - 1) / to * to; }

size_t bnc_kv_element_bytes(uint32_t kv_dtype) {
  static const size_t element[] = {[BNC_KV_F32] = 4, [BNC_KV_F16] = 2, [BNC_KV_INT8] = 1};
  return element[kv_dtype];
}

bnc_kv_layout bnc_kv_layout_of(const bnc_file_meta *m, uint64_t rows) {
  bnc_kv_layout l = {.capacity = round_up(rows, BNC_KV_BLOCK)};
  l.values = round_up(l.capacity * m->kv_heads * m->head_dim * bnc_kv_element_bytes(m->kv_dtype), BNC_ALIGNMENT);
  l.scales = m->kv_dtype == BNC_KV_INT8 ? round_up(l.capacity * m->kv_heads * sizeof(float), BNC_ALIGNMENT) : 0;
  l.layer = 2 * (l.values + l.scales);
  l.total = l.layer * m->layers;
  return l;
}

bnc_kv_cache bnc_kv_layer(const bnc_file_meta *m, const bnc_kv_layout *l, uint8_t *block, size_t layer) {
  uint8_t *at = block + layer * (size_t)l->layer;
  bnc_kv_cache cache = {
      .kv_heads = m->kv_heads, .head_size = m->head_dim, .capacity = (size_t)l->capacity, .k = at, .v = at + (size_t)l->values};
  if (l->scales) {
    cache.k_scale = (float *)(void *)(at + 2 * (size_t)l->values);
    cache.v_scale = (float *)(void *)(at + 2 * (size_t)l->values + (size_t)l->scales);
  }
  return cache;
}
