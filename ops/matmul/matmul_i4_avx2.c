/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx2.h"

#include "ops/inline.h"
#include "ops/matmul/matmul.h"

#define I4_UNROLL BNC_UNROLL(16)

enum {
  AHEAD = 2048, /* bytes of weights: prefetchers of the hardware stop at the end of a page */
  ROWS = 4,     /* 4 x 2 sums of pairs, 2 of nibbles, an activation and a product, of 16 registers */
  DEPTH = 512,  /* columns of k whose bytes lie in the first cache */
  CHUNK = 128,  /* rows whose activations and sums of so many columns stay in the second, though neighbours use it too */
  PAIR = 2 * BNC_I4_PANEL
};

/* Four activations, for all rows of the panel. */
BNC_INLINE __m256i i4_four(const int8_t *q) {
  int32_t bits;
  memcpy(&bits, q, sizeof bits);
  return _mm256_set1_epi32(bits);
}

BNC_INLINE __m256 i4_scales8(const uint16_t *bf16 /* [8] */) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)bf16)), 16));
}

/* ---- few rows: one at a time, bound by reading the weights ---- */

/* Pairs of products in int16: the range scheme of matmul.h. */
BNC_INLINE __m256i i4_nibbles(const uint8_t *nibbles, const int8_t *q, __m256i wide) {
  const __m256i low = _mm256_set1_epi8(15), one = _mm256_set1_epi16(1);
  __m256i narrow = _mm256_setzero_si256();
  /* Eight columns of eight rows at a time, the low nibbles of which are columns 0 to 3 and the high ones 4 to 7. */
  I4_UNROLL for (size_t c = 0; c < 4; ++c) {
    const __m256i both = _mm256_loadu_si256((const __m256i *)(nibbles + 32 * c));
    const __m256i even = _mm256_and_si256(both, low), odd = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
    const __m256i x = _mm256_maddubs_epi16(even, i4_four(q + 8 * c)), y = _mm256_maddubs_epi16(odd, i4_four(q + 8 * c + 4));
    narrow = _mm256_add_epi16(narrow, _mm256_add_epi16(x, y));
  }
  return _mm256_add_epi32(wide, _mm256_madd_epi16(narrow, one));
}

BNC_INLINE void i4_row(const bnc_matmul_args *a, size_t panel, size_t row) {
  const bnc_i4_matrix *w = &a->w;
  const size_t groups = w->k / w->group;
  const uint8_t *nibbles = w->nibbles + panel * bnc_i4_panel_nibbles(w->k);
  const uint16_t *scales = w->scales + panel * groups * BNC_I4_PANEL;
  const int8_t *q = a->q + row * a->q_stride;
  const int32_t *sums = a->sums + row * groups;
  __m256 acc = _mm256_setzero_ps();
  for (size_t g = 0; g < groups; ++g) {
    /* A group's sums start with what nibbles that stand for w + 8 add. */
    __m256i wide = _mm256_set1_epi32(sums[g]);
    for (size_t k = 0; k < w->group; k += BNC_I4_BLOCK, nibbles += 4 * 32, q += BNC_I4_BLOCK) {
      _mm_prefetch((const char *)(nibbles + AHEAD), _MM_HINT_T0);
      _mm_prefetch((const char *)(nibbles + AHEAD + 64), _MM_HINT_T0);
      wide = i4_nibbles(nibbles, q, wide);
    }
    acc = _mm256_fmadd_ps(_mm256_cvtepi32_ps(wide), i4_scales8(scales + g * BNC_I4_PANEL), acc);
  }
  /* y = scale of the row * (sum - zero point * offset) + bias, of the rows that there are. */
  const size_t n = panel * BNC_I4_PANEL, left = w->n - n < BNC_I4_PANEL ? w->n - n : BNC_I4_PANEL;
  const bnc_qd8_params p = a->params[row];
  float bias[BNC_I4_PANEL] = {0}, y[BNC_I4_PANEL];
  if (a->bias) memcpy(bias, a->bias + n, left * sizeof *bias);
  const __m256 centred = _mm256_fmadd_ps(_mm256_set1_ps(-(float)p.zero_point), _mm256_loadu_ps(w->offset + n), acc);
  _mm256_storeu_ps(y, _mm256_fmadd_ps(centred, _mm256_set1_ps(p.scale), _mm256_loadu_ps(bias)));
  memcpy(a->y + row * a->y_stride + n, y, left * sizeof *y);
}

BNC_INLINE void i4_row_by_row(const bnc_matmul_args *a, size_t from, size_t to) {
  for (size_t panel = from; panel < to; ++panel) {
    for (size_t row = 0; row < a->rows; ++row) i4_row(a, panel, row);
  }
}

/* ---- many rows: the nibbles of two panels, DEPTH columns at a time, become bytes in the first cache, and a chunk of rows of activations,
   of which so many columns stay in the second cache, passes over them. y holds the sums of the groups so far between two slabs. ---- */

typedef struct i4_wide { /* int32 sums of 16 columns of y */
  __m256i a, b;
} i4_wide;

/* sum += x, in sum's register and in this order: GCC would else compute all products of a step first, and run out of registers. */
#define I4_ADD(sum, x) __asm__ volatile("vpaddw %1, %0, %0" : "+x"(sum) : "x"(x))

/* 16 sums that start at x. */
BNC_INLINE i4_wide i4_start(int32_t x) { return (i4_wide){_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }

/* wide[r] += the products of a block's 32 columns with row r, for `rows` (a constant) rows. */
BNC_INLINE void i4_block(const uint8_t *bytes /* [8, 16, 4] */, const int8_t *const *q /* [rows] */, size_t k, i4_wide *wide,
                         const size_t rows) {
  const __m256i one = _mm256_set1_epi16(1);
  i4_wide narrow[ROWS];
  I4_UNROLL for (size_t r = 0; r < rows; ++r) narrow[r] = i4_start(0);
  /* Sums of pairs stay within int16 for a block: the range scheme of matmul.h. */
  for (size_t c = 0; c < 8; ++c) {
    const __m256i first = _mm256_load_si256((const __m256i *)(bytes + 64 * c)),
                  second = _mm256_load_si256((const __m256i *)(bytes + 64 * c + 32));
    I4_UNROLL for (size_t r = 0; r < rows; ++r) {
      const __m256i x = i4_four(q[r] + k + 4 * c);
      I4_ADD(narrow[r].a, _mm256_maddubs_epi16(first, x));
      I4_ADD(narrow[r].b, _mm256_maddubs_epi16(second, x));
    }
  }
  /* Pairs add up to int32, exactly. */
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    wide[r].a = _mm256_add_epi32(wide[r].a, _mm256_madd_epi16(narrow[r].a, one));
    wide[r].b = _mm256_add_epi32(wide[r].b, _mm256_madd_epi16(narrow[r].b, one));
  }
}

BNC_INLINE v16 i4_float(i4_wide wide) { return (v16){_mm256_cvtepi32_ps(wide.a), _mm256_cvtepi32_ps(wide.b)}; }

/* Those of one group of two panels. */
BNC_INLINE v16 i4_scales(const uint16_t *first /* bf16 [8] */, const uint16_t *second /* bf16 [8] */) {
  return (v16){i4_scales8(first), i4_scales8(second)};
}

/* Eight columns of two panels: columns 0 to 3 of 16 rows, then 4 to 7. */
BNC_INLINE void i4_expand(const uint8_t *first /* [8, 4] */, const uint8_t *second /* [8, 4] */, uint8_t *bytes /* [2, 16, 4] */) {
  const __m256i low = _mm256_set1_epi8(15), a = _mm256_loadu_si256((const __m256i *)first), b = _mm256_loadu_si256((const __m256i *)second);
  _mm256_store_si256((__m256i *)bytes, _mm256_and_si256(a, low));
  _mm256_store_si256((__m256i *)(bytes + 32), _mm256_and_si256(b, low));
  _mm256_store_si256((__m256i *)(bytes + 64), _mm256_and_si256(_mm256_srli_epi16(a, 4), low));
  _mm256_store_si256((__m256i *)(bytes + 96), _mm256_and_si256(_mm256_srli_epi16(b, 4), low));
}

typedef struct i4_slab {
  const uint8_t *bytes;             /* [(end - begin) * group / 4, 16, 4] */
  const uint16_t *scales[2];        /* bf16 [groups, 8] of each panel */
  size_t begin, end, groups, group; /* the slab's groups, of how many, of how many columns */
  size_t n, columns;                /* of y: at most 16 */
  size_t first, last;               /* of rows */
  v16 offset, bias;
} i4_slab;

/* `rows` (a constant) rows from `row` on; groups of `blocks` blocks (a constant where it is 1). */
BNC_INLINE void i4_slab_rows(const bnc_matmul_args *a, const i4_slab *s, size_t row, const size_t rows, const size_t blocks) {
  const int8_t *q[ROWS];
  const int32_t *sums[ROWS];
  v16 acc[ROWS];
  /* Where the slab before this one left off: y holds its sums. */
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    const float *y = a->y + (row + r) * a->y_stride + s->n;
    q[r] = a->q + (row + r) * a->q_stride;
    sums[r] = a->sums + (row + r) * s->groups;
    acc[r] = s->begin == 0 ? v16_set1(0.0f) : s->columns == PAIR ? v16_load(y) : v16_load_n(y, s->columns);
  }
  const uint8_t *bytes = s->bytes;
  size_t k = s->begin * s->group;
  for (size_t g = s->begin; g < s->end; ++g) {
    i4_wide wide[ROWS];
    /* A group: exact sums, which become floats once. */
    I4_UNROLL for (size_t r = 0; r < rows; ++r) wide[r] = i4_start(sums[r][g]);
    for (size_t b = 0; b < blocks; ++b, k += BNC_I4_BLOCK, bytes += BNC_I4_BLOCK * PAIR) i4_block(bytes, q, k, wide, rows);
    const v16 scale = i4_scales(s->scales[0] + g * BNC_I4_PANEL, s->scales[1] + g * BNC_I4_PANEL);
    I4_UNROLL for (size_t r = 0; r < rows; ++r) acc[r] = v16_fma(i4_float(wide[r]), scale, acc[r]);
  }
  /* Behind the last group zero point, scale and bias; before it, y keeps the sums for the next slab. */
  I4_UNROLL for (size_t r = 0; r < rows; ++r) {
    float *y = a->y + (row + r) * a->y_stride + s->n;
    if (s->end == s->groups) {
      const bnc_qd8_params p = a->params[row + r];
      acc[r] = v16_fma(v16_fma(v16_set1(-(float)p.zero_point), s->offset, acc[r]), v16_set1(p.scale), s->bias);
    }
    if (s->columns == PAIR)
      v16_store(y, acc[r]);
    else
      v16_store_n(y, acc[r], s->columns);
  }
}

BNC_INLINE void i4_slab_chunk(const bnc_matmul_args *a, const i4_slab *s, const size_t blocks) {
  size_t row = s->first;
  for (; row + ROWS <= s->last; row += ROWS) i4_slab_rows(a, s, row, ROWS, blocks);
  for (; row < s->last; ++row) i4_slab_rows(a, s, row, 1, blocks);
}

/* Rows [first, last). A range of an odd number of panels ends in a pair of one and the same, of which half is not kept. */
BNC_INLINE void i4_slab_matmul(const bnc_matmul_args *a, size_t from, size_t to, size_t first, size_t last) {
  const bnc_i4_matrix *w = &a->w;
  const size_t most = DEPTH / w->group;
  _Alignas(64) uint8_t bytes[DEPTH * PAIR];
  i4_slab s = {.bytes = bytes, .groups = w->k / w->group, .group = w->group, .first = first, .last = last};
  for (; s.begin < s.groups; s.begin = s.end) {
    s.end = s.groups - s.begin < most ? s.groups : s.begin + most;
    for (size_t panel = from; panel < to; panel += 2) {
      const size_t other = panel + 1 < to ? panel + 1 : panel, end = (other + 1) * BNC_I4_PANEL < w->n ? (other + 1) * BNC_I4_PANEL : w->n;
      const uint8_t *even = w->nibbles + panel * bnc_i4_panel_nibbles(w->k), *odd = w->nibbles + other * bnc_i4_panel_nibbles(w->k);
      for (size_t k = s.begin * w->group, i = 0; k < s.end * w->group; k += 8, ++i)
        i4_expand(even + 4 * k, odd + 4 * k, bytes + 8 * PAIR * i);
      s.n = panel * BNC_I4_PANEL;
      s.columns = end - s.n;
      s.scales[0] = w->scales + panel * s.groups * BNC_I4_PANEL;
      s.scales[1] = w->scales + other * s.groups * BNC_I4_PANEL;
      s.offset = v16_load_n(w->offset + s.n, s.columns);
      s.bias = a->bias ? v16_load_n(a->bias + s.n, s.columns) : v16_set1(0.0f);
      if (w->group == BNC_I4_BLOCK)
        i4_slab_chunk(a, &s, 1);
      else
        i4_slab_chunk(a, &s, w->group / BNC_I4_BLOCK);
    }
  }
}

void bnc_matmul_i4_avx2(const bnc_matmul_args *args, size_t from, size_t to, void *scratch) {
  (void)scratch;
  if (args->rows >= ROWS && args->w.group <= DEPTH)
    for (size_t row = 0; row < args->rows; row += CHUNK) {
      i4_slab_matmul(args, from, to, row, args->rows - row < CHUNK ? args->rows : row + CHUNK);
    }
  else
    i4_row_by_row(args, from, to);
}
