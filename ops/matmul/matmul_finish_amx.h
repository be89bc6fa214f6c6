/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_finish_amx.h  How the sums of a block become y (matmul_block_amx.h, where SLAB_FLOATS is told). */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_FINISH_AMX_H
#define BINOCLE_OPS_MATMUL_MATMUL_FINISH_AMX_H

#include "ops/matmul/matmul_slab_amx.h"

/* Rows of sums that are to become y: what is next, and how many are left. */
typedef struct pending {
  const int32_t *sums; /* [left, SLAB_COLUMNS] */
  float *y;            /* [left, columns] */
  const bnc_qd8_params *x;
  size_t left, stride;
  __mmask16 mask[2];
  __m512i totals[2];
  __m512 scale[2], bias[2];
} pending;

/* y = (sum - zero point * total) * scale of the row * scale of the column + bias, or sum + bias. */
BNC_INLINE void finish_row(pending *p) {
  __builtin_prefetch(p->y + BLOCK_ROWS * p->stride, 1, 2); /* of the block behind this one; the line beside it comes along */
  BNC_UNROLL(2) for (size_t v = 0; v < 2; ++v) {
    const __m512i sum = _mm512_load_si512((const void *)(p->sums + TILE_COLUMNS * v));
    __m512 made;
    if (SLAB_FLOATS) {
      made = _mm512_add_ps(_mm512_castsi512_ps(sum), p->bias[v]);
    } else {
      const __m512i exact = _mm512_sub_epi32(sum, _mm512_mullo_epi32(p->totals[v], _mm512_set1_epi32(p->x->zero_point)));
      made = _mm512_fmadd_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(exact), _mm512_set1_ps(p->x->scale)), p->scale[v], p->bias[v]);
    }
    _mm512_mask_storeu_ps(p->y + TILE_COLUMNS * v, p->mask[v], made);
  }
  p->sums += SLAB_COLUMNS;
  p->y += p->stride;
  if (!SLAB_FLOATS) ++p->x;
  --p->left;
}

/* Up to `rows` of them. */
BNC_INLINE void finish(pending *p, size_t rows) {
  for (size_t n = least(rows, p->left); n; --n) finish_row(p);
}

static void suspend(const walk *w, const slab *s, const int32_t *sums, size_t row, size_t rows, pending *p) {
  *p = (pending){.sums = sums, .y = w->y + row * w->y_stride + s->n, .stride = w->y_stride, .left = rows};
  if (!SLAB_FLOATS) p->x = w->params + row;
  for (size_t v = 0; v < 2; ++v) {
    const size_t n = s->n + TILE_COLUMNS * v;
    const __mmask16 mask = s->columns > TILE_COLUMNS * v ? lanes_before(s->columns - TILE_COLUMNS * v) : 0;
    p->mask[v] = mask;
    p->bias[v] = w->bias ? _mm512_maskz_loadu_ps(mask, w->bias + n) : _mm512_setzero_ps();
    if (SLAB_FLOATS) continue;
    p->totals[v] = _mm512_loadu_si512((const void *)(s->totals + TILE_COLUMNS * v));
    p->scale[v] = _mm512_maskz_loadu_ps(mask, w->scale + n);
  }
}

#endif
