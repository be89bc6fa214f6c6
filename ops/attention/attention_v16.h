/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file attention_v16.h  Attention over sixteen lanes: the walk over key blocks and query tiles. A block is brought into f32 form once (by
 * a loader, see attention_load_v16.h) and serves all query rows of the call. Include a v16_*.h first.
 */
#ifndef BINOCLE_OPS_ATTENTION_ATTENTION_V16_H
#define BINOCLE_OPS_ATTENTION_ATTENTION_V16_H

#include <assert.h>

#include "ops/attention/attention_queries_v16.h"
#include "ops/attention/attention_step.h"

/* Sets b->k, b->v, b->v_stride and what else the form needs for the keys [b->base, b->base + b->n); k and v are room for them where they
 * must be converted. */
typedef void attention_loader(const bnc_attention_args *a, size_t kv_head, attention_block *b, float *k /* [4, d, 16] */,
                              float *v /* [64, padded] */);

/* So few rows read a cache as it lies: converting it apart takes as long as multiplying, and waits for memory meanwhile. */
enum { ATTENTION_FEW_ROWS = 4 };

BNC_INLINE void attention_walk(const attention_rows *x, const attention_block *b, const bool int8, const attention_form form) {
  const bnc_attention_args *a = x->args;
  float *state = x->state;
  size_t seen[V16_TILE_ROWS], ahead = 0;
  const size_t step = b->next_n * V16_TILE_ROWS / x->count + 1; /* rows to fetch per tile */
  for (size_t t = 0; t < x->count;) {
    const size_t rows = attention_tile_rows(x->count - t);
    const attention_tile tile = attention_tile_at(&state, b->d, b->padded, rows);
    for (size_t i = 0; i < step && ahead < b->next_n; ++i, ++ahead) {
      attention_fetch(b->next_k + ahead * b->next_k_stride, b->d);
      attention_fetch(b->next_v + ahead * b->next_v_stride, b->d);
    }
    size_t most = 0;
    for (size_t r = 0; r < rows; ++r, ++t) {
      const size_t keys = a->causal ? a->position + x->from + t / x->group + 1 : a->keys;
      seen[r] = keys <= b->base ? 0 : keys - b->base < b->n ? keys - b->base : b->n;
      most = seen[r] > most ? seen[r] : most;
    }
    if (!most) continue;
    if (rows == V16_TILE_ROWS && (form == ATTENTION_F32 || V16_TILE_ROWS <= ATTENTION_FEW_ROWS))
      attention_step(b, &tile, seen, most, V16_TILE_ROWS, int8, form);
    else if (V16_TILE_ROWS > 4 && rows == 4)
      attention_step(b, &tile, seen, most, V16_TILE_ROWS > 4 ? 4 : 1, int8, form);
    else if (V16_TILE_ROWS > 2 && rows == 2)
      attention_step(b, &tile, seen, most, V16_TILE_ROWS > 2 ? 2 : 1, int8, form);
    else
      attention_step(b, &tile, seen, most, 1, int8, form);
  }
}

BNC_INLINE void attention_v16(const bnc_attention_args *a, size_t kv_head, size_t from, size_t to, void *scratch, attention_loader *load,
                              const bool int8, const attention_form form) {
  if (from >= to) return;
  assert(a->keys && (!a->causal || a->position + to <= a->keys));
  const size_t padded = (a->head_size + 15) / 16 * 16, group = a->heads / a->kv_heads;
  float *k = scratch, *v = k + BNC_ATTENTION_BLOCK * padded;
  const attention_rows x = {a, kv_head, group, from, (to - from) * group, v + BNC_ATTENTION_BLOCK * (padded + 1) + padded};
  const size_t keys = a->causal ? a->position + to : a->keys;
  attention_begin(&x, padded, k, int8);
  for (size_t base = 0; base < keys; base += BNC_ATTENTION_BLOCK) {
    const size_t n = keys - base < BNC_ATTENTION_BLOCK ? keys - base : BNC_ATTENTION_BLOCK;
    attention_block b = {.v_stride = padded, .base = base, .n = n, .d = a->head_size, .padded = padded, .scale = a->scale};
    load(a, kv_head, &b, k, v);
    attention_walk(&x, &b, int8, form);
  }
  attention_end(&x, padded);
}

#endif
