/* SPDX-License-Identifier: Apache-2.0 */
#include <immintrin.h>
#include <string.h>

#include "ops/inline.h"
#include "ops/matmul/matmul_c4.h"

#define UNROLL BNC_UNROLL(16)

/* Nibbles are multiplied with activations, and the sums of a group, in int16, with its step (matmul_c4.h). What nibbles that stand for u -
   8 add is the same for all columns of y, before the step: a group's sums start with it. */
enum {
  AHEAD = 2048, /* bytes of weights: prefetchers of the hardware stop at the end of a page */
  TILE = 4,     /* rows: 4 x 2 sums of pairs, 2 of nibbles, an activation and a product, of 16 registers */
  DEPTH = 512,  /* columns of k whose nibbles lie in the first cache */
  PAIR = 2 * BNC_C4_PANEL,
  PARTS = BNC_C4_GROUP / 4,
  MOST_ROWS = 1024
};

typedef struct slab {
  uint8_t bytes[DEPTH / 4][PAIR * 4];              /* u */
  int16_t steps[DEPTH / BNC_C4_GROUP][2 * PAIR];   /* each twice */
  int32_t starts[MOST_ROWS][DEPTH / BNC_C4_GROUP]; /* of each row and group, a pair of int16 */
} slab;
_Static_assert(sizeof(slab) <= BNC_MATMUL_SCRATCH, "the scratch is too small");
_Static_assert(BNC_C4_GROUP == 16 && BNC_C4_BLOCK == 32, "two groups of four lanes a block");

typedef struct wide { /* int32 sums of 16 columns of y */
  __m256i a, b;
} wide;

/* sum += x, in sum's register and in this order: GCC would else compute all products of a step first, and run out of registers. */
#define ADD(sum, x) __asm__ volatile("vpaddw %1, %0, %0" : "+x"(sum) : "x"(x))

BNC_INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }
BNC_INLINE __m256i load(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }

/* Four activations, for all columns of the panel. */
BNC_INLINE __m256i four_of(const int8_t *q) {
  int32_t bits;
  memcpy(&bits, q, sizeof bits);
  return _mm256_set1_epi32(bits);
}

/* -8 times the sums of a group's activations, of lanes 0 and 1, 2 and 3 of each four: a pair of int16. */
BNC_INLINE int32_t start_of(const int8_t *q /* [16] */) {
  const __m128i x = _mm_loadu_si128((const __m128i *)q), pairs = _mm_maddubs_epi16(_mm_set1_epi8(8), x);
  const __m128i two = _mm_add_epi16(pairs, _mm_srli_si128(pairs, 8)), all = _mm_add_epi16(two, _mm_srli_si128(two, 4));
  return _mm_cvtsi128_si32(_mm_sub_epi16(_mm_setzero_si128(), all));
}

/* The steps of a block's two groups, each twice in int16. */
BNC_INLINE void steps_of(const uint8_t *steps /* [8] */, __m256i *out /* [2] */) {
  const __m256i x = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)steps)), one = _mm256_set1_epi16(1);
  const __m256i both = _mm256_or_si256(x, _mm256_slli_epi32(x, 16)), low = _mm256_set1_epi16(15);
  out[0] = _mm256_add_epi16(_mm256_and_si256(both, low), one);
  out[1] = _mm256_add_epi16(_mm256_srli_epi16(both, 4), one);
}

/* y = (sum - zero point * total) * scale of the row * scale of the column + bias for a panel, of the columns that there are. */
BNC_INLINE void put(const bnc_matmul_c4_args *args, size_t row, size_t n, __m256i sum) {
  const bnc_matmul_i8_args *a = &args->to;
  const size_t left = least(a->n - n, BNC_C4_PANEL);
  const bnc_qd8_params p = a->params[row];
  float scale[BNC_C4_PANEL] = {0}, bias[BNC_C4_PANEL] = {0}, y[BNC_C4_PANEL];
  memcpy(scale, a->scale + n, left * sizeof *scale);
  if (a->bias) memcpy(bias, a->bias + n, left * sizeof *bias);
  const __m256i exact = _mm256_sub_epi32(sum, _mm256_mullo_epi32(load(args->totals + n), _mm256_set1_epi32(p.zero_point)));
  const __m256 scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(exact), _mm256_set1_ps(p.scale));
  _mm256_storeu_ps(y, _mm256_fmadd_ps(scaled, _mm256_loadu_ps(scale), _mm256_loadu_ps(bias)));
  memcpy(a->y + row * a->y_stride + n, y, left * sizeof *y);
}

/* ---- few rows: one at a time, bound by reading the weights ---- */

/* A group: sum += the products of its nibbles, times its steps. */
BNC_INLINE __m256i add_group(const uint8_t *nibbles /* [2, 32] */, const int8_t *q /* [16] */, __m256i step, __m256i sum) {
  const __m256i low = _mm256_set1_epi8(15);
  __m256i narrow = _mm256_set1_epi32(start_of(q));
  UNROLL for (size_t c = 0; c < 2; ++c) {
    const __m256i both = load(nibbles + 32 * c);
    const __m256i even = _mm256_and_si256(both, low), odd = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
    const __m256i x = _mm256_maddubs_epi16(even, four_of(q + 8 * c)), y = _mm256_maddubs_epi16(odd, four_of(q + 8 * c + 4));
    narrow = _mm256_add_epi16(narrow, _mm256_add_epi16(x, y));
  }
  return _mm256_add_epi32(sum, _mm256_madd_epi16(narrow, step));
}

BNC_INLINE void one_row(const bnc_matmul_c4_args *args, size_t panel, size_t row) {
  const bnc_matmul_i8_args *a = &args->to;
  const uint8_t *nibbles = args->panels + panel * bnc_c4_panel_bytes(a->k), *steps = nibbles + bnc_c4_nibble_bytes(a->k);
  const int8_t *q = a->q + row * a->q_stride;
  __m256i sum[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
  for (size_t k = 0; k < a->k; k += BNC_C4_BLOCK, nibbles += 4 * 32, steps += BNC_C4_PANEL, q += BNC_C4_BLOCK) {
    __m256i step[2];
    _mm_prefetch((const char *)(nibbles + AHEAD), _MM_HINT_T0);
    _mm_prefetch((const char *)(nibbles + AHEAD + 64), _MM_HINT_T0);
    steps_of(steps, step);
    UNROLL for (size_t g = 0; g < 2; ++g) sum[g] = add_group(nibbles + 64 * g, q + BNC_C4_GROUP * g, step[g], sum[g]);
  }
  put(args, row, panel * BNC_C4_PANEL, _mm256_add_epi32(sum[0], sum[1]));
}

/* ---- many rows: the nibbles of two panels, DEPTH columns at a time, become bytes in the first cache once, and all rows of activations, of
   which so many columns stay in the second cache, pass over them. y holds the sums so far between two slabs, as integers. ---- */

/* Where a slab stands. */
typedef struct place {
  size_t row, end, panel, other, from, depth; /* rows [row, end); other == panel: half is not kept */
} place;

static void expand(const bnc_matmul_c4_args *args, const place *p, slab *s) {
  const size_t bytes = bnc_c4_panel_bytes(args->to.k), nibbles = bnc_c4_nibble_bytes(args->to.k);
  const size_t panel[2] = {p->panel, p->other};
  const __m256i low = _mm256_set1_epi8(15);
  for (size_t h = 0; h < 2; ++h) {
    const uint8_t *in = args->panels + panel[h] * bytes + 4 * p->from, *steps = args->panels + panel[h] * bytes + nibbles + p->from / 4;
    for (size_t i = 0; i < p->depth / 8; ++i) {
      const __m256i both = load(in + 32 * i);
      _mm256_store_si256((__m256i *)(s->bytes[2 * i] + 32 * h), _mm256_and_si256(both, low));
      _mm256_store_si256((__m256i *)(s->bytes[2 * i + 1] + 32 * h), _mm256_and_si256(_mm256_srli_epi16(both, 4), low));
    }
    for (size_t b = 0; b < p->depth / BNC_C4_BLOCK; ++b) {
      __m256i step[2];
      steps_of(steps + b * BNC_C4_PANEL, step);
      UNROLL for (size_t g = 0; g < 2; ++g) _mm256_store_si256((__m256i *)(s->steps[2 * b + g] + PAIR * h), step[g]);
    }
  }
}

/* Sums of 16 columns of y that lie in it, and back; half of them where that is all. */
BNC_INLINE wide take(const float *y, size_t left) {
  int32_t x[PAIR] = {0};
  if (left < PAIR) y = memcpy(x, y, left * sizeof *x);
  return (wide){load(y), load(y + 8)};
}
BNC_INLINE void keep(float *y, size_t left, wide x) {
  int32_t some[PAIR];
  _mm256_storeu_si256((__m256i *)(left < PAIR ? (void *)some : y), x.a);
  _mm256_storeu_si256((__m256i *)(left < PAIR ? (void *)(some + 8) : y + 8), x.b);
  if (left < PAIR) memcpy(y, some, left * sizeof *y);
}

/* `rows` (a constant) rows from `row` on. */
BNC_INLINE void tile(const bnc_matmul_c4_args *args, const place *p, const slab *s, size_t row, const size_t rows) {
  const bnc_matmul_i8_args *a = &args->to;
  const size_t n = p->panel * BNC_C4_PANEL, kept = p->other == p->panel ? BNC_C4_PANEL : PAIR, left = least(a->n - n, kept);
  const int8_t *q[TILE];
  const int32_t *starts[TILE];
  wide sum[TILE];
  UNROLL for (size_t r = 0; r < rows; ++r) {
    q[r] = a->q + (row + r) * a->q_stride + p->from;
    starts[r] = s->starts[row + r - p->row];
    sum[r] = p->from ? take(a->y + (row + r) * a->y_stride + n, left) : (wide){_mm256_setzero_si256(), _mm256_setzero_si256()};
  }
  for (size_t g = 0; g < p->depth / BNC_C4_GROUP; ++g) {
    wide narrow[TILE];
    UNROLL for (size_t r = 0; r < rows; ++r) narrow[r].a = narrow[r].b = _mm256_set1_epi32(starts[r][g]);
    UNROLL for (size_t c = 0; c < PARTS; ++c) {
      const uint8_t *bytes = s->bytes[g * PARTS + c];
      const __m256i first = _mm256_load_si256((const __m256i *)bytes), second = _mm256_load_si256((const __m256i *)(bytes + 32));
      UNROLL for (size_t r = 0; r < rows; ++r) {
        const __m256i x = four_of(q[r] + g * BNC_C4_GROUP + 4 * c);
        ADD(narrow[r].a, _mm256_maddubs_epi16(first, x));
        ADD(narrow[r].b, _mm256_maddubs_epi16(second, x));
      }
    }
    const __m256i one = _mm256_load_si256((const __m256i *)s->steps[g]), other = _mm256_load_si256((const __m256i *)(s->steps[g] + PAIR));
    UNROLL for (size_t r = 0; r < rows; ++r) {
      sum[r].a = _mm256_add_epi32(sum[r].a, _mm256_madd_epi16(narrow[r].a, one));
      sum[r].b = _mm256_add_epi32(sum[r].b, _mm256_madd_epi16(narrow[r].b, other));
    }
  }
  UNROLL for (size_t r = 0; r < rows; ++r) {
    if (p->from + p->depth < a->k) {
      keep(a->y + (row + r) * a->y_stride + n, left, sum[r]);
      continue;
    }
    put(args, row + r, n, sum[r].a);
    if (left > BNC_C4_PANEL) put(args, row + r, n + BNC_C4_PANEL, sum[r].b);
  }
}

/* Rows [p.row, p.end), at most MOST_ROWS; the panels [from, to). */
static void many_rows(const bnc_matmul_c4_args *args, place p, size_t from, size_t to, slab *s) {
  const bnc_matmul_i8_args *a = &args->to;
  for (p.from = 0; p.from < a->k; p.from += DEPTH) {
    p.depth = least(a->k - p.from, DEPTH);
    for (size_t r = p.row; r < p.end; ++r)
      for (size_t g = 0; g < p.depth / BNC_C4_GROUP; ++g)
        s->starts[r - p.row][g] = start_of(a->q + r * a->q_stride + p.from + g * BNC_C4_GROUP);
    for (p.panel = from; p.panel < to; p.panel += 2) {
      size_t row = p.row;
      p.other = p.panel + 1 < to ? p.panel + 1 : p.panel;
      expand(args, &p, s);
      for (; row + TILE <= p.end; row += TILE) tile(args, &p, s, row, TILE);
      for (; row < p.end; ++row) tile(args, &p, s, row, 1);
    }
  }
}

void bnc_matmul_c4_avx2(const bnc_matmul_c4_args *args, size_t from, size_t to, void *scratch) {
  const bnc_matmul_i8_args *a = &args->to;
  const size_t first = from * (BNC_I8_COLUMNS / BNC_C4_PANEL), last = bnc_c4_panels(least(a->n, to * BNC_I8_COLUMNS));
  if (a->rows >= TILE) {
    for (size_t row = 0; row < a->rows; row += MOST_ROWS)
      many_rows(args, (place){.row = row, .end = least(a->rows, row + MOST_ROWS)}, first, last, scratch);
    return;
  }
  for (size_t panel = first; panel < last; ++panel)
    for (size_t row = 0; row < a->rows; ++row) one_row(args, panel, row);
}
