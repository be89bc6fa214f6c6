/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runtime/exec/executor_private.h"
#include "runtime/model/kv_layout.h"

void bnc_executor_clear_keys_behind(bnc_executor *ex, size_t rows) {
  const size_t element = bnc_kv_element_bytes(ex->file->meta.kv_dtype), left = rows % BNC_KV_BLOCK ? BNC_KV_BLOCK - rows % BNC_KV_BLOCK : 0;
  if (left == 0) return;
  for (size_t layer = 0; layer < ex->file->meta.layers; layer++) {
    const bnc_kv_cache *c = &ex->cache[layer];
    for (size_t h = 0; h < c->kv_heads; h++) {
      uint8_t *keys = (uint8_t *)c->k + h * c->capacity * c->head_size * element;
      for (size_t i = 0; i < c->head_size; i++) memset(keys + bnc_kv_key_offset(c, rows, i) * element, 0, left * element);
    }
  }
}

/* A part of a cache that lies in one piece for each head: `bytes` of `stride` from head to head. */
static bool visit_heads(void *base, size_t heads, size_t stride, size_t bytes, bnc_kv_visitor *visit, void *context) {
  for (size_t h = 0; h < heads; h++)
    if (!visit(context, (uint8_t *)base + h * stride, bytes)) return false;
  return true;
}

bool bnc_executor_visit_kv(bnc_executor *ex, size_t rows, bnc_kv_visitor *visit, void *context) {
  const bnc_file_meta *m = &ex->file->meta;
  const size_t element = bnc_kv_element_bytes(m->kv_dtype), filled = (rows + BNC_KV_BLOCK - 1) / BNC_KV_BLOCK * BNC_KV_BLOCK;
  for (size_t i = 0; i < m->layers; i++) {
    const bnc_kv_cache *c = &ex->cache[i];
    const size_t row = c->head_size * element;
    if (!visit_heads(c->k, c->kv_heads, c->capacity * row, filled * row, visit, context)) return false;
    if (!visit_heads(c->v, c->kv_heads, c->capacity * row, rows * row, visit, context)) return false;
    if (!c->k_scale) continue;
    const size_t scale = sizeof *c->k_scale;
    if (!visit_heads(c->k_scale, c->kv_heads, c->capacity * scale, rows * scale, visit, context)) return false;
    if (!visit_heads(c->v_scale, c->kv_heads, c->capacity * scale, rows * scale, visit, context)) return false;
  }
  return true;
}
