/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_block_amx.h  A block of 32 rows by a slab of weights (matmul_slabs_amx.h), and what happens between its products. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_BLOCK_AMX_H
#define BINOCLE_OPS_MATMUL_MATMUL_BLOCK_AMX_H

#include "ops/matmul/matmul_slab_amx.h"

/* Sums that are to become y. */
typedef struct pending {
  const int32_t *sums; /* [BLOCK_ROWS, SLAB_COLUMNS] */
  size_t row, next, end, n;
  __mmask16 mask[2];
  __m512i totals[2];
  __m512 scale[2], bias[2];
} pending;

/* y = (sum - zero point * total) * scale of the row * scale of the column + bias, of up to `rows` rows. */
BNC_INLINE void finish(const bnc_matmul_i8_args *args, pending *p, size_t rows) {
  for (size_t end = least(p->next + rows, p->end); p->next < end; ++p->next) {
    const bnc_qd8_params x = args->params[p->row + p->next];
    const __m512i zero_point = _mm512_set1_epi32(x.zero_point);
    const int32_t *sums = p->sums + p->next * SLAB_COLUMNS;
    float *y = args->y + (p->row + p->next) * args->y_stride + p->n;
    BNC_UNROLL(2) for (size_t v = 0; v < 2; ++v) {
      __builtin_prefetch(y + BLOCK_ROWS * args->y_stride + TILE_COLUMNS * v, 1); /* of the block behind this one */
      const __m512i sum = _mm512_load_si512((const void *)(sums + TILE_COLUMNS * v));
      const __m512i exact = _mm512_sub_epi32(sum, _mm512_mullo_epi32(p->totals[v], zero_point));
      const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(exact), _mm512_set1_ps(x.scale));
      _mm512_mask_storeu_ps(y + TILE_COLUMNS * v, p->mask[v], _mm512_fmadd_ps(scaled, p->scale[v], p->bias[v]));
    }
  }
}

static void suspend(const bnc_matmul_i8_args *args, const slab *s, const int32_t *sums, size_t row, size_t rows, pending *p) {
  *p = (pending){.sums = sums, .row = row, .end = rows, .n = s->n};
  for (size_t v = 0; v < 2; ++v) {
    const size_t n = s->n + TILE_COLUMNS * v;
    const __mmask16 mask = s->columns > TILE_COLUMNS * v ? lanes_before(s->columns - TILE_COLUMNS * v) : 0;
    p->mask[v] = mask;
    p->totals[v] = _mm512_loadu_si512((const void *)(s->totals + TILE_COLUMNS * v));
    p->scale[v] = _mm512_maskz_loadu_ps(mask, args->scale + n);
    p->bias[v] = args->bias ? _mm512_maskz_loadu_ps(mask, args->bias + n) : _mm512_setzero_ps();
  }
}

/* What happens between products. */
typedef struct meanwhile {
  const slab *next;   /* to be laid out */
  size_t tile, tiles; /* the next one of it, and how many there are */
  size_t every, wait; /* so many steps lie between two, so many until the next one */
  size_t finish;      /* rows a step to finish */
  pending before;
} meanwhile;

BNC_INLINE void use_step(const walk *w, meanwhile *m) {
  finish(w->args, &m->before, m->finish);
  if (m->wait-- || m->tile == m->tiles) return;
  m->wait = m->every;
  w->lay_out(w->matrix, m->next, m->tile++);
}

/* The sums of a block, which has a second tile of rows or not, by a slab that has one of columns or not. */
BNC_INLINE void multiply(const walk *w, const slab *s, size_t row, const int32_t *sums, meanwhile *m, const _Bool second,
                         const _Bool right) {
  const size_t steps = slab_steps(s);
  const size_t padded = bnc_matmul_tiles_blocks(w->args->rows) * BLOCK_ROWS;
  const int8_t *a = w->args->tiles + s->from * padded + row * SLAB_STEP * steps, *b = s->w;
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
  for (size_t i = 0; i < steps; ++i, a += 2 * TILE, b += 2 * TILE) {
    TILE_LOAD(6, b, TILE_BYTES);
    TILE_STREAM(4, a, TILE_BYTES);
    if (right) TILE_LOAD(7, b + TILE, TILE_BYTES);
    if (second) TILE_STREAM(5, a + TILE, TILE_BYTES);
    _tile_dpbssd(0, 4, 6);
    if (right) _tile_dpbssd(1, 4, 7);
    if (second) _tile_dpbssd(2, 5, 6);
    if (second && right) _tile_dpbssd(3, 5, 7);
    use_step(w, m);
  }
}

/* One block: its sums so far, or, where k ends, those that y is to be made of. */
BNC_INLINE void block(const walk *w, const slab *s, size_t row, size_t rows, int32_t *kept, int32_t *last, meanwhile *m, const _Bool second,
                      const _Bool right) {
  const _Bool ends = s->from + s->depth == w->args->k;
  int32_t *sums = ends ? last : kept;
  multiply(w, s, row, kept, m, second, right);
  finish(w->args, &m->before, BLOCK_ROWS);
  TILE_STORE(0, sums, SUMS_STRIDE);
  if (right) TILE_STORE(1, sums + TILE_COLUMNS, SUMS_STRIDE);
  if (second) TILE_STORE(2, sums + TILE_ROWS * SLAB_COLUMNS, SUMS_STRIDE);
  if (second && right) TILE_STORE(3, sums + TILE_ROWS * SLAB_COLUMNS + TILE_COLUMNS, SUMS_STRIDE);
  TILE_FENCE();
  if (ends) suspend(w->args, s, sums, row, rows, &m->before);
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
