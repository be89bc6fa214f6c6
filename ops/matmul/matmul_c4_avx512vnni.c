/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/matmul/matmul_c4_steps_avx512vnni.h"
#include "ops/matmul/matmul_i8_slab_avx512vnni.h"
#include "ops/matmul/matmul_nibbles_avx512vnni.h"

/* Many rows: panels become slabs of v + 128 as matmul_i8's are, and its tiles pass over them. Few: the same bytes never leave registers. */
enum {
  LEAST_ROWS = 12, /* from so many on a slab pays */
  FEW_ROWS = 4,    /* of fewer, so many share what is taken apart */
  AHEAD = 4096,    /* bytes of weights */
  STEPS_LINE = 256 /* columns of k whose steps are a line */
};

_Static_assert((int)DOTS_ROWS <= (int)LEAST_ROWS, "the first tile is one of all rows");

/* ---- few rows: bound by reading the weights, or by taking them apart ---- */

/* A block's bytes v + 128: of the low nibbles of its first half, of the high ones, of its second half's. */
BNC_INLINE void take_apart(const uint8_t *nibbles /* [2, 64] */, const uint8_t *steps /* [8] */, __m512i *out /* [4] */) {
  const __m512i four = _mm512_set_epi32(0x07070707, 0x06060606, 0x05050505, 0x04040404, 0x03030303, 0x02020202, 0x01010101, 0, 0x07070707,
                                        0x06060606, 0x05050505, 0x04040404, 0x03030303, 0x02020202, 0x01010101, 0);
  int64_t eight;
  memcpy(&eight, steps, sizeof eight);
  const block_steps s = steps_of(_mm512_shuffle_epi8(_mm512_set1_epi64(eight), four), -128);
  nibbles_apart(nibbles, out);
  DOTS_UNROLL for (size_t i = 0; i < 4; ++i) out[i] = values_of(out[i], &s, i / 2);
}

/* `rows` (a constant) rows, two panels, the second one of which may be the first. Lanes i and i + 8 of a sum add up to column i. */
BNC_INLINE void few_panels(const bnc_matmul_c4_args *args, size_t row, const size_t *panel /* [2] */, const int32_t *starts,
                           const size_t rows) {
  const bnc_matmul_i8_args *a = &args->to;
  const int8_t *q = a->q + row * a->q_stride;
  const size_t bytes = bnc_c4_panel_bytes(a->k), most = bnc_c4_nibble_bytes(a->k);
  const uint8_t *nibbles[2], *steps[2];
  __m512i sum[FEW_ROWS][2];
  DOTS_UNROLL for (size_t p = 0; p < 2; ++p) {
    nibbles[p] = args->panels + panel[p] * bytes;
    steps[p] = nibbles[p] + most;
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r) sum[r][p] = _mm512_setzero_si512();
  }
  for (size_t k = 0; k < a->k; k += BNC_C4_BLOCK) {
    __m512i weights[2][4];
    const size_t further = 4 * k + AHEAD + (4 * k + AHEAD < most ? 0 : bytes - most); /* nibbles, if need be of the stream's next panel */
    DOTS_UNROLL for (size_t p = 0; p < 2; ++p) {
      _mm_prefetch((const char *)(nibbles[p] + further), _MM_HINT_T0);
      _mm_prefetch((const char *)(nibbles[p] + further + 64), _MM_HINT_T0);
      if (k % STEPS_LINE == 0) _mm_prefetch((const char *)(steps[p] + k / 4 + bytes), _MM_HINT_T0); /* of the stream's next panel */
      take_apart(nibbles[p] + 4 * k, steps[p] + k / 4, weights[p]);
    }
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r) {
      __m512i four[4];
      /* The panels take turns, so that a product need not wait for the one before it. */
      nibbles_spread(q + k + r * a->q_stride, four);
      DOTS_UNROLL for (size_t i = 0; i < 8; ++i) sum[r][i % 2] = _mm512_dpbusd_epi32(sum[r][i % 2], weights[i % 2][i / 2], four[i / 2]);
    }
  }
  /* y = (sum - zero point * total) * scale of the row * scale of the column + bias, of the columns that there are. */
  DOTS_UNROLL for (size_t p = 0; p < 2; ++p) {
    const size_t n = panel[p] * BNC_C4_PANEL;
    const __mmask8 mask = (__mmask8)lanes_before(least(a->n - n, BNC_C4_PANEL));
    const __m256i total = _mm256_loadu_si256((const __m256i *)(args->totals + n));
    const __m256 scale = _mm256_maskz_loadu_ps(mask, a->scale + n);
    const __m256 bias = a->bias ? _mm256_maskz_loadu_ps(mask, a->bias + n) : _mm256_setzero_ps();
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r) {
      const bnc_qd8_params x = a->params[row + r];
      const __m256i halves = _mm256_add_epi32(_mm512_castsi512_si256(sum[r][p]), _mm512_extracti64x4_epi64(sum[r][p], 1));
      const __m256i exact = _mm256_sub_epi32(_mm256_add_epi32(halves, _mm256_set1_epi32(starts[row + r])),
                                             _mm256_mullo_epi32(total, _mm256_set1_epi32(x.zero_point)));
      const __m256 y = _mm256_fmadd_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(exact), _mm256_set1_ps(x.scale)), scale, bias);
      _mm256_mask_storeu_ps(a->y + (row + r) * a->y_stride + n, mask, y);
    }
  }
}

/* Panels are read as two streams, each without a break: what is fetched ahead of a panel's end is then what the stream goes on with. */
static void few_rows(const bnc_matmul_c4_args *args, size_t from, size_t to) {
  const bnc_matmul_i8_args *a = &args->to;
  const size_t length = (to - from + 1) / 2;
  int32_t starts[LEAST_ROWS];
  for (size_t r = 0; r < a->rows; ++r) starts[r] = start_of(a->q + r * a->q_stride, a->k);
  for (size_t i = 0; i < length; ++i) {
    const size_t other = from + length + i, panel[2] = {from + i, other < to ? other : from + i};
    size_t row = 0;
    for (; row + FEW_ROWS <= a->rows; row += FEW_ROWS) few_panels(args, row, panel, starts, FEW_ROWS);
    switch (a->rows - row) {
      case 3: few_panels(args, row, panel, starts, 3); break;
      case 2: few_panels(args, row, panel, starts, 2); break;
      case 1: few_panels(args, row, panel, starts, 1); break;
      default: break;
    }
  }
}

/* ---- many rows ---- */

/* 64 columns of k of a slab's columns of y; panels that are not there repeat the last, and are not kept. */
BNC_INLINE void expand_columns(const void *weights, const slab *s, size_t from) {
  const bnc_matmul_c4_args *args = weights;
  const size_t k = args->to.k, bytes = bnc_c4_panel_bytes(k), end = bnc_c4_panels(args->to.n) - 1, to = least(s->depth, from + 64);
  uint8_t *out = (uint8_t *)(uintptr_t)s->w; /* the thread's scratch */
  for (size_t v = 0; v < DOTS_VECTORS; ++v) {
    const size_t panel = s->n / BNC_C4_PANEL + 2 * v;
    const uint8_t *first = args->panels + least(panel, end) * bytes, *second = args->panels + least(panel + 1, end) * bytes;
    for (size_t i = 0; i < 4; ++i) { /* what the next 64 are made of: out of the second cache, where fetch_ahead left it */
      _mm_prefetch((const char *)first + 4 * (s->from + to) + 64 * i, _MM_HINT_T0);
      _mm_prefetch((const char *)second + 4 * (s->from + to) + 64 * i, _MM_HINT_T0);
    }
    for (size_t i = from; i < to; i += BNC_C4_BLOCK)
      expand_block(first, second, k, s->from + i, -128, out + (i / 4 * DOTS_VECTORS + v) * 64, 64 * DOTS_VECTORS);
  }
}

/* The first rows of a slab, which is made between their products. */
static __attribute__((noinline)) void tile_expanding(const bnc_matmul_c4_args *args, const slab *s, size_t row, ahead *next) {
  tile(&args->to, s, row, next, DOTS_ROWS, expand_columns, args);
}

/* What a slab is expanded from: a run of nibbles and one of steps in each panel. */
static ahead nibbles_of(const bnc_matmul_c4_args *args, const slab *s) {
  const size_t bytes = bnc_c4_panel_bytes(args->to.k);
  const char *at = (const char *)args->panels + s->n / BNC_C4_PANEL * bytes + 4 * s->from;
  return (ahead){.at = at, .rows = bnc_c4_panels(s->columns), .lines = (4 * s->depth + 63) / 64, .stride_bytes = bytes};
}
static ahead steps_behind(const bnc_matmul_c4_args *args, const slab *s) {
  const size_t bytes = bnc_c4_panel_bytes(args->to.k);
  const char *at = (const char *)args->panels + s->n / BNC_C4_PANEL * bytes + bnc_c4_nibble_bytes(args->to.k) + s->from / 4;
  return (ahead){.at = at, .rows = bnc_c4_panels(s->columns), .lines = (s->depth / 4 + 63) / 64, .stride_bytes = bytes};
}

/* Rows [row, end), at least a tile's and at most MOST_ROWS; columns [n, last). */
static void many_rows(const bnc_matmul_c4_args *args, size_t row, size_t end, size_t n, size_t last, uint8_t *scratch) {
  const bnc_matmul_i8_args *a = &args->to;
  int32_t *starts = (int32_t *)(void *)(scratch + BNC_I8_COLUMNS * DEPTH); /* [MOST_ROWS] */
  const slab none = {.w = scratch, .starts = starts, .begin = row};
  for (slab s = slab_at(a, &none, n, 0, last), next; s.columns; s = next) {
    next = slab_after(a, &s, last);
    ahead steps = steps_behind(args, &next), weights = nibbles_of(args, &next);
    weights.then = &steps;
    weights = spread(weights, times_of(&s, end - row));
    for (size_t v = 0; v < DOTS_VECTORS; ++v) s.totals[v] = _mm512_maskz_loadu_epi32(lanes_of(&s, v), args->totals + s.n + 16 * v);
    int32_t *fresh = s.n == n && s.first ? starts : NULL;
    take_starts(a, &s, row, row + DOTS_ROWS, fresh);
    tile_expanding(args, &s, row, &weights);
    pass_rows(a, &s, row + DOTS_ROWS, end, fresh, &weights);
  }
}

void bnc_matmul_c4_avx512vnni(const bnc_matmul_c4_args *args, size_t from, size_t to, void *scratch) {
  const bnc_matmul_i8_args *a = &args->to;
  const size_t first = from * BNC_I8_COLUMNS, last = least(a->n, to * BNC_I8_COLUMNS);
  if (first >= last) return;
  if (a->rows < LEAST_ROWS) {
    few_rows(args, first / BNC_C4_PANEL, bnc_c4_panels(last));
    return;
  }
  /* In parts as even as can be: none has less than a tile's rows. */
  const size_t parts = (a->rows + MOST_ROWS - 1) / MOST_ROWS, most = (a->rows + parts - 1) / parts;
  for (size_t row = 0; row < a->rows; row += most) many_rows(args, row, least(a->rows, row + most), first, last, scratch);
}
