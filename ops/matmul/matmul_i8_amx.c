/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_ints_amx.h"
#include "ops/simd/transpose_avx512vnni.h"

static __mmask64 bytes_before(size_t n) { return n >= 64 ? ~(__mmask64)0 : ((__mmask64)1 << n) - 1; }

/* 64 columns of k of 16 weights' rows: a transposition of int32 makes row i of the tile of the columns 4 i to 4 i + 3 of all of them. */
static void lay_out_tile(const walk *walked, const slab *s, size_t i) {
  const bnc_matmul_i8_args *args = walked->matrix;
  const size_t column = i % 2 * TILE_COLUMNS, k = i / 2 * SLAB_STEP;
  const size_t columns = s->columns > column ? least(s->columns - column, TILE_COLUMNS) : 0;
  const int8_t *w = args->w + (s->n + column) * args->k + s->from + k;
  const __mmask64 mask = bytes_before(s->depth - k);
  int8_t *out = (int8_t *)(uintptr_t)s->w + i * TILE;
  __m512i *totals = (__m512i *)(void *)(s->totals + column), x[16];
  __m512i total = s->from || k ? _mm512_load_si512((const void *)totals) : _mm512_setzero_si512();
  if (columns == TILE_COLUMNS) {
    BNC_UNROLL(16) for (size_t c = 0; c < 16; ++c) x[c] = _mm512_maskz_loadu_epi8(mask, w + c * args->k);
  } else {
    for (size_t c = 0; c < 16; ++c) x[c] = c < columns ? _mm512_maskz_loadu_epi8(mask, w + c * args->k) : _mm512_setzero_si512();
  }
  bnc_transpose_16x16(x);
  BNC_UNROLL(16) for (size_t c = 0; c < 16; ++c) {
    _mm512_store_si512((void *)(out + TILE_BYTES * c), x[c]);
    total = _mm512_dpbusd_epi32(total, _mm512_set1_epi8(1), x[c]);
  }
  _mm512_store_si512((void *)totals, total);
}

/* Laid out, a matrix is its slabs, each as deep as k, with its totals behind it. */
static void place_laid(const walk *w, slab *s, int8_t *room) {
  (void)room;
  const bnc_matmul_i8_args *args = w->matrix;
  int8_t *whole = args->laid + s->n / SLAB_COLUMNS * bnc_matmul_i8_laid_slab(args->k);
  s->w = whole + s->from * SLAB_COLUMNS;
  s->side = TILE;
  s->totals = (int32_t *)(void *)(whole + bnc_matmul_i8_laid_slab(args->k)) - SLAB_COLUMNS;
}

static ahead lines_laid(const walk *w, const slab *s) {
  (void)w;
  return (ahead){.at = (const char *)s->w, .rows = 1, .lines = slab_steps(s) * 2 * TILE / 64};
}

static ahead lines_of(const walk *w, const slab *s) {
  const bnc_matmul_i8_args *args = w->matrix;
  const char *at = (const char *)args->w + s->n * args->k + s->from;
  return (ahead){.at = at, .rows = s->columns, .lines = (s->depth + 63) / 64, .stride_bytes = args->k};
}

void bnc_matmul_i8_amx(const bnc_matmul_i8_args *args, size_t from, size_t to, void *scratch) {
  const size_t first = from * BNC_I8_COLUMNS, last = least(args->n, to * BNC_I8_COLUMNS);
  if (!args->tiles) {
    bnc_matmul_i8_avx512vnni(args, from, to, scratch);
    return;
  }
  walk w = walk_of(args, args, lay_out_tile, lines_of);
  if (args->laid) w.place = place_laid;
  if (args->laid && args->is_laid) {
    w.lay_out = NULL;
    w.lines = lines_laid;
  }
  matmul_slabs(w, first, last, scratch);
}
