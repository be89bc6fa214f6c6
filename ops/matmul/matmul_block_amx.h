/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_block_amx.h  A block of 32 rows by a slab of weights (matmul_slabs_amx.h), and what happens between its products. The file
 * that includes it defines SLAB_FLOATS: 1 for tiles of bf16, whose sums are floats, 0 for those of int8. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_BLOCK_AMX_H
#define BINOCLE_OPS_MATMUL_MATMUL_BLOCK_AMX_H

#include "ops/matmul/matmul_slab_amx.h"

#if SLAB_FLOATS
#define SLAB_DOT _tile_dpbf16ps
#else
#define SLAB_DOT _tile_dpbssd
#endif

/* Sums that are to become y. */
typedef struct pending {
  const int32_t *sums; /* [BLOCK_ROWS, SLAB_COLUMNS] */
  size_t row, next, end, n;
  __mmask16 mask[2];
  __m512i totals[2];
  __m512 scale[2], bias[2];
} pending;

/* y = (sum - zero point * total) * scale of the row * scale of the column + bias, or sum + bias, of up to `rows` rows. */
BNC_INLINE void finish(const walk *w, pending *p, size_t rows) {
  for (size_t end = least(p->next + rows, p->end); p->next < end; ++p->next) {
    const bnc_qd8_params x = SLAB_FLOATS ? (bnc_qd8_params){0} : w->params[p->row + p->next];
    const int32_t *sums = p->sums + p->next * SLAB_COLUMNS;
    float *y = w->y + (p->row + p->next) * w->y_stride + p->n;
    BNC_UNROLL(2) for (size_t v = 0; v < 2; ++v) {
      __builtin_prefetch(y + BLOCK_ROWS * w->y_stride + TILE_COLUMNS * v, 0, 2); /* of the block behind this one */
      const __m512i sum = _mm512_load_si512((const void *)(sums + TILE_COLUMNS * v));
      __m512 made;
      if (SLAB_FLOATS) {
        made = _mm512_add_ps(_mm512_castsi512_ps(sum), p->bias[v]);
      } else {
        const __m512i exact = _mm512_sub_epi32(sum, _mm512_mullo_epi32(p->totals[v], _mm512_set1_epi32(x.zero_point)));
        made = _mm512_fmadd_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(exact), _mm512_set1_ps(x.scale)), p->scale[v], p->bias[v]);
      }
      _mm512_mask_storeu_ps(y + TILE_COLUMNS * v, p->mask[v], made);
    }
  }
}

static void suspend(const walk *w, const slab *s, const int32_t *sums, size_t row, size_t rows, pending *p) {
  *p = (pending){.sums = sums, .row = row, .end = rows, .n = s->n};
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

/* What happens between products. */
typedef struct meanwhile {
  ahead weights;      /* of a slab yet to come, to be fetched */
  const slab *next;   /* to be laid out */
  size_t tile, tiles; /* the next one of it, and how many there are */
  size_t every, wait; /* so many steps lie between two, so many until the next one */
  size_t finish;      /* rows a step to finish */
  pending before;
} meanwhile;

BNC_INLINE void use_step(const walk *w, meanwhile *m) {
  finish(w, &m->before, m->finish);
  fetch_ahead(&m->weights);
  if (SLAB_FLOATS || m->wait-- || m->tile == m->tiles) return;
  m->wait = m->every;
  w->lay_out(w, m->next, m->tile++);
}

/* The sums of a block, which has a second tile of rows or not, by a slab that has one of columns or not. */
BNC_INLINE void multiply(const walk *w, const slab *s, size_t row, const int32_t *sums, meanwhile *m, const _Bool second,
                         const _Bool right) {
  const size_t steps = slab_steps(s), padded = bnc_matmul_tiles_blocks(w->rows) * BLOCK_ROWS;
  const int8_t *a = w->tiles + s->from * padded + row * SLAB_STEP * steps, *b = s->w;
  size_t side = s->side;
  TILE_FENCE();
  if (s->from) {
    TILE_LOAD(0, sums, SUMS_STRIDE);
    if (right) TILE_LOAD(1, sums + TILE_COLUMNS, SUMS_STRIDE);
    if (second) TILE_LOAD(2, sums + TILE_ROWS * SLAB_COLUMNS, SUMS_STRIDE);
    if (second && right) TILE_LOAD(3, sums + TILE_ROWS * SLAB_COLUMNS + TILE_COLUMNS, SUMS_STRIDE);
  } else {
    _tile_zero(0);
    if (right) _tile_zero(1);
    if (second) _tile_zero(2);
    if (second && right) _tile_zero(3);
  }
  for (size_t i = 0; i < steps; ++i, a += 2 * TILE, b += SLAB_FLOATS ? TILE : 2 * TILE) {
    if (SLAB_FLOATS && s->tail && i + 1 == steps) {
      b = s->tail;
      side = TILE;
    }
    TILE_LOAD(6, b, TILE_BYTES);
    TILE_STREAM(4, a, TILE_BYTES);
    if (right) TILE_LOAD(7, b + side, TILE_BYTES);
    if (second) TILE_STREAM(5, a + TILE, TILE_BYTES);
    SLAB_DOT(0, 4, 6);
    if (right) SLAB_DOT(1, 4, 7);
    if (second) SLAB_DOT(2, 5, 6);
    if (second && right) SLAB_DOT(3, 5, 7);
    use_step(w, m);
  }
}

/* One block: its sums so far, or, where k ends, those that y is to be made of. */
BNC_INLINE void block(const walk *w, const slab *s, size_t row, size_t rows, int32_t *kept, int32_t *last, meanwhile *m, const _Bool second,
                      const _Bool right) {
  const _Bool ends = s->from + s->depth == w->bytes;
  int32_t *sums = ends ? last : kept;
  multiply(w, s, row, kept, m, second, right);
  finish(w, &m->before, BLOCK_ROWS);
  TILE_STORE(0, sums, SUMS_STRIDE);
  if (right) TILE_STORE(1, sums + TILE_COLUMNS, SUMS_STRIDE);
  if (second) TILE_STORE(2, sums + TILE_ROWS * SLAB_COLUMNS, SUMS_STRIDE);
  if (second && right) TILE_STORE(3, sums + TILE_ROWS * SLAB_COLUMNS + TILE_COLUMNS, SUMS_STRIDE);
  TILE_FENCE();
  if (ends) suspend(w, s, sums, row, rows, &m->before);
}

/* Functions of their own, so that constants reach their loops. */
static __attribute__((noinline)) void block_whole(const walk *w, const slab *s, size_t row, size_t rows, int32_t *kept, int32_t *last,
                                                  meanwhile *m) {
  block(w, s, row, rows, kept, last, m, 1, 1);
}
static __attribute__((noinline)) void block_part(const walk *w, const slab *s, size_t row, size_t rows, int32_t *kept, int32_t *last,
                                                 meanwhile *m) {
  const _Bool second = rows > TILE_ROWS, right = s->columns > TILE_COLUMNS;
  if (second)
    right ? block(w, s, row, rows, kept, last, m, 1, 1) : block(w, s, row, rows, kept, last, m, 1, 0);
  else
    right ? block(w, s, row, rows, kept, last, m, 0, 1) : block(w, s, row, rows, kept, last, m, 0, 0);
}

#endif
