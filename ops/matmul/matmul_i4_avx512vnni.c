/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/simd/v16_avx512vnni.h"

#include <stdbool.h>

#include "ops/matmul/matmul.h"
#include "ops/matmul/matmul_ahead.h"
#include "ops/matmul/matmul_dots_avx512vnni.h"
#include "ops/matmul/matmul_nibbles_avx512vnni.h"

/* For many rows, the nibbles of four panels, DEPTH columns of k at a time, become bytes once, and all rows of activations pass over them in
   tiles. A tile's sums are those of one group: as many registers hold what the groups before it come to. Between two slabs y does. */
enum {
  VECTORS = 2,
  COLUMNS = 16 * VECTORS,
  PANELS = COLUMNS / BNC_I4_PANEL,
  ROWS = 6,
  LEAST_ROWS = 12, /* from so many on */
  FEW_ROWS = 4,    /* of fewer, so many share what is taken apart */
  DEPTH = 4096,
  AHEAD = 4096 /* bytes of weights */
};
_Static_assert((int)ROWS <= (int)DOTS_ROWS && (int)VECTORS <= (int)DOTS_VECTORS, "a tile is one of dots()");
_Static_assert((int)ROWS <= (int)LEAST_ROWS, "the first tile is one of all rows");

/* ---- few rows: bound by reading the weights, or by taking them apart ---- */

BNC_INLINE __m512 scales_of(const uint16_t *first /* bf16 [8] */, const uint16_t *second /* bf16 [8] */) {
  const __m128i low = _mm_loadu_si128((const __m128i *)first), high = _mm_loadu_si128((const __m128i *)second);
  const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(both), 16));
}

/* `rows` (a constant) rows, two panels, the second one of which may be the first. Lanes i and i + 8 of a sum add up to row i of a panel. */
BNC_INLINE void few_panels(const bnc_matmul_args *a, size_t row, const size_t *panel /* [2] */, const size_t rows) {
  const bnc_i4_matrix *w = &a->w;
  const size_t groups = w->k / w->group;
  const int8_t *q = a->q + row * a->q_stride;
  const int32_t *sums = a->sums + row * groups;
  const uint8_t *nibbles[2];
  const uint16_t *scales[2];
  __m512 acc[FEW_ROWS];
  /* Sums of whole rows, in float: panel 0 in the low half, panel 1 in the high one. */
  DOTS_UNROLL for (size_t r = 0; r < rows; ++r) acc[r] = _mm512_setzero_ps();
  DOTS_UNROLL for (size_t p = 0; p < 2; ++p) {
    nibbles[p] = w->nibbles + panel[p] * bnc_i4_panel_nibbles(w->k);
    scales[p] = w->scales + panel[p] * groups * BNC_I4_PANEL;
  }
  for (size_t g = 0, at = 0; g < groups; ++g) {
    __m512i sum[FEW_ROWS][2];
    /* A group's exact sums, a register for each panel. */
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_si512();
    for (size_t k = 0; k < w->group; k += BNC_I4_BLOCK, q += BNC_I4_BLOCK, at += 4 * BNC_I4_BLOCK) {
      __m512i weights[2][4];
      /* The next block of both panels is taken apart once for all rows, while lines further on are fetched. */
      DOTS_UNROLL for (size_t p = 0; p < 2; ++p) {
        _mm_prefetch((const char *)(nibbles[p] + at + AHEAD), _MM_HINT_T0);
        _mm_prefetch((const char *)(nibbles[p] + at + AHEAD + 64), _MM_HINT_T0);
        nibbles_apart(nibbles[p] + at, weights[p]);
      }
      DOTS_UNROLL for (size_t r = 0; r < rows; ++r) {
        __m512i four[4];
        /* The panels take turns, so that a product need not wait for the one before it. */
        nibbles_spread(q + r * a->q_stride, four);
        DOTS_UNROLL for (size_t i = 0; i < 8; ++i) sum[r][i % 2] = _mm512_dpbusd_epi32(sum[r][i % 2], weights[i % 2][i / 2], four[i / 2]);
      }
    }
    const __m512 scale = scales_of(scales[0] + g * BNC_I4_PANEL, scales[1] + g * BNC_I4_PANEL);
    /* Halves of a panel's register add up to its eight rows; less what nibbles that stand for w + 8 add; times the scale.
     */
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r) {
      const __m512i both =
          _mm512_add_epi32(_mm512_shuffle_i64x2(sum[r][0], sum[r][1], 0x44), _mm512_shuffle_i64x2(sum[r][0], sum[r][1], 0xee));
      acc[r] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(_mm512_add_epi32(both, _mm512_set1_epi32(sums[r * groups + g]))), scale, acc[r]);
    }
  }
  /* y = scale of the row * (sum - zero point * offset) + bias, each panel's rows that there are. */
  DOTS_UNROLL for (size_t r = 0; r < rows; ++r) {
    const bnc_qd8_params x = a->params[row + r];
    DOTS_UNROLL for (size_t p = 0; p < 2; ++p) {
      const size_t n = panel[p] * BNC_I4_PANEL, left = w->n - n < BNC_I4_PANEL ? w->n - n : BNC_I4_PANEL;
      const __mmask8 mask = (__mmask8)v16_first(left);
      const __m256 total = p ? _mm512_extractf32x8_ps(acc[r], 1) : _mm512_castps512_ps256(acc[r]);
      const __m256 centred = _mm256_fmadd_ps(_mm256_set1_ps(-(float)x.zero_point), _mm256_loadu_ps(w->offset + n), total);
      const __m256 bias = a->bias ? _mm256_maskz_loadu_ps(mask, a->bias + n) : _mm256_setzero_ps();
      _mm256_mask_storeu_ps(a->y + (row + r) * a->y_stride + n, mask, _mm256_fmadd_ps(centred, _mm256_set1_ps(x.scale), bias));
    }
  }
}

/* Panels are read as two streams, each without a break: what is fetched ahead of a panel's end is then what the stream goes on with. */
static void few_rows(const bnc_matmul_args *a, size_t from, size_t to) {
  const size_t length = (to - from + 1) / 2;
  for (size_t i = 0; i < length; ++i) {
    const size_t other = from + length + i, panel[2] = {from + i, other < to ? other : from + i};
    size_t row = 0;
    for (; row + FEW_ROWS <= a->rows; row += FEW_ROWS) few_panels(a, row, panel, FEW_ROWS);
    switch (a->rows - row) {
      case 3: few_panels(a, row, panel, 3); break;
      case 2: few_panels(a, row, panel, 2); break;
      case 1: few_panels(a, row, panel, 1); break;
      default: break;
    }
  }
}

/* ---- many rows ---- */

/* COLUMNS columns of y and DEPTH of k, or less. */
typedef struct slab {
  uint8_t bytes[DEPTH / 4][VECTORS][64]; /* [4 columns of k][16 of y, 4] */
  float scales[DEPTH / BNC_I4_BLOCK][VECTORS][16];
  size_t n;                /* the first of y */
  __mmask16 mask[VECTORS]; /* which of y there are */
  size_t begin, end;       /* groups */
} slab;
_Static_assert(sizeof(slab) <= BNC_MATMUL_SCRATCH, "the scratch is too small");

/* What a slab is made of: of each vector two panels from its first column of k on. */
typedef struct source {
  const uint8_t *nibbles[VECTORS][2];
  const uint16_t *scales[VECTORS][2];
} source;

/* Panels that are not before `last` repeat the one that is, and are not kept. */
static source source_of(const bnc_i4_matrix *w, const slab *s, size_t panel, size_t last) {
  const size_t groups = w->k / w->group;
  source from;
  for (size_t i = 0; i < PANELS; ++i) {
    const size_t at = panel + i < last ? panel + i : last - 1;
    from.nibbles[i / 2][i % 2] = w->nibbles + at * bnc_i4_panel_nibbles(w->k) + 4 * s->begin * w->group;
    from.scales[i / 2][i % 2] = w->scales + (at * groups + s->begin) * BNC_I4_PANEL;
  }
  return from;
}

/* The g-th group of a slab, whose `blocks` blocks are fetched into the first cache for the group that follows. */
BNC_INLINE void expand_group(slab *s, const source *from, size_t g, const size_t blocks) {
  const __m512i low = _mm512_set1_epi8(15);
  const size_t begin = g * blocks * 128, end = begin + blocks * 128; /* bytes of a panel */
  DOTS_UNROLL for (size_t v = 0; v < VECTORS; ++v) {
    const uint8_t *a = from->nibbles[v][0], *b = from->nibbles[v][1];
    uint8_t(*out)[VECTORS][64] = s->bytes + begin / 16;
    for (size_t i = begin; i < end; i += 32, out += 2) {
      _mm_prefetch((const char *)a + i + blocks * 128, _MM_HINT_T0);
      _mm_prefetch((const char *)b + i + blocks * 128, _MM_HINT_T0);
      const __m256i one = _mm256_loadu_si256((const __m256i *)(a + i)), other = _mm256_loadu_si256((const __m256i *)(b + i));
      const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(one), other, 1);
      _mm512_store_si512((void *)out[0][v], _mm512_and_si512(both, low));
      _mm512_store_si512((void *)out[1][v], _mm512_and_si512(_mm512_srli_epi16(both, 4), low));
    }
    _mm512_store_ps(s->scales[g][v], scales_of(from->scales[v][0] + g * BNC_I4_PANEL, from->scales[v][1] + g * BNC_I4_PANEL));
  }
}

/* `rows` (a constant) rows from `row` on; groups of `blocks` blocks (a constant where it is 1), while what is next is fetched. from: of
   what the slab is made while these rows pass, so that making it and products share the time; NULL (a constant): it is made. */
BNC_INLINE void tile(const bnc_matmul_args *a, slab *s, size_t row, ahead *next, const size_t rows, const size_t blocks,
                     const source *from) {
  const size_t groups = a->w.k / a->w.group;
  const int8_t *q[ROWS];
  const int32_t *sums[ROWS];
  __m512 acc[ROWS][VECTORS];
  /* Where the slab before this one left off: y holds its sums. */
  DOTS_UNROLL for (size_t r = 0; r < rows; ++r) {
    q[r] = a->q + (row + r) * a->q_stride;
    sums[r] = a->sums + (row + r) * groups;
    _mm_prefetch((const char *)(a->y + (row + rows + r) * a->y_stride + s->n), _MM_HINT_T0); /* of the tile that follows */
    _mm_prefetch((const char *)(a->y + (row + rows + r) * a->y_stride + s->n + 16), _MM_HINT_T0);
    DOTS_UNROLL for (size_t v = 0; v < VECTORS; ++v) {
      acc[r][v] = s->begin ? _mm512_maskz_loadu_ps(s->mask[v], a->y + (row + r) * a->y_stride + s->n + 16 * v) : _mm512_setzero_ps();
    }
  }
  const uint8_t *bytes = s->bytes[0][0];
  size_t k = s->begin * a->w.group;
  for (size_t g = s->begin; g < s->end; ++g) {
    __m512i sum[ROWS][DOTS_VECTORS];
    /* A group's sums start with what nibbles that stand for w + 8 add. */
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r) {
      sum[r][0] = sum[r][1] = _mm512_set1_epi32(sums[r][g]);
      if (k % 64 == 0) _mm_prefetch(q[r] + rows * a->q_stride + k, _MM_HINT_T0); /* of the tile that follows */
    }
    fetch_ahead(next);
    if (from) expand_group(s, from, g - s->begin, blocks);
    for (size_t b = 0; b < blocks; ++b, k += BNC_I4_BLOCK, bytes += BNC_I4_BLOCK * COLUMNS) {
      DOTS_UNROLL for (size_t c = 0; c < BNC_I4_BLOCK / 4; ++c) dots_at(bytes + c * (4 * COLUMNS), q, k + 4 * c, sum, rows, VECTORS);
    }
    /* Exact sums become floats once per group. */
    DOTS_UNROLL for (size_t v = 0; v < VECTORS; ++v) {
      const __m512 scale = _mm512_load_ps(s->scales[g - s->begin][v]);
      DOTS_UNROLL for (size_t r = 0; r < rows; ++r) acc[r][v] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(sum[r][v]), scale, acc[r][v]);
    }
  }
  /* Behind the last group zero point, scale and bias; before it, y keeps the sums for the next slab. */
  DOTS_UNROLL for (size_t v = 0; v < VECTORS; ++v) {
    const __m512 offset = _mm512_maskz_loadu_ps(s->mask[v], a->w.offset + s->n + 16 * v);
    const __m512 bias = a->bias ? _mm512_maskz_loadu_ps(s->mask[v], a->bias + s->n + 16 * v) : _mm512_setzero_ps();
    DOTS_UNROLL for (size_t r = 0; r < rows; ++r) {
      if (s->end == groups) {
        const bnc_qd8_params p = a->params[row + r];
        const __m512 from_zero = _mm512_fmadd_ps(_mm512_set1_ps(-(float)p.zero_point), offset, acc[r][v]);
        acc[r][v] = _mm512_fmadd_ps(from_zero, _mm512_set1_ps(p.scale), bias);
      }
      _mm512_mask_storeu_ps(a->y + (row + r) * a->y_stride + s->n + 16 * v, s->mask[v], acc[r][v]);
    }
  }
}

/* Functions of their own: all in one, they would take compilers minutes under a sanitizer. */
#define TILE(rows, blocks) tile_##rows##_##blocks
#define DEFINE_TILE(rows)                                                                                                                  \
  static __attribute__((noinline)) void TILE(rows, 1)(const bnc_matmul_args *a, slab *s, size_t row, ahead *next) {                        \
    tile(a, s, row, next, rows, 1, NULL);                                                                                                  \
  }                                                                                                                                        \
  static __attribute__((noinline)) void TILE(rows, n)(const bnc_matmul_args *a, slab *s, size_t row, ahead *next) {                        \
    tile(a, s, row, next, rows, a->w.group / BNC_I4_BLOCK, NULL);                                                                          \
  }
DEFINE_TILE(6)
DEFINE_TILE(3)
DEFINE_TILE(1)
static __attribute__((noinline)) void first_tile_1(const bnc_matmul_args *a, slab *s, ahead *next, const source *from) {
  tile(a, s, 0, next, ROWS, 1, from);
}
static __attribute__((noinline)) void first_tile_n(const bnc_matmul_args *a, slab *s, ahead *next, const source *from) {
  tile(a, s, 0, next, ROWS, a->w.group / BNC_I4_BLOCK, from);
}

static void all_rows(const bnc_matmul_args *a, slab *s, ahead *next, const source *from) {
  const bool one = a->w.group == BNC_I4_BLOCK;
  size_t row = ROWS;
  (one ? first_tile_1 : first_tile_n)(a, s, next, from);
  for (; row + ROWS <= a->rows; row += ROWS) (one ? TILE(6, 1) : TILE(6, n))(a, s, row, next);
  for (; row + 3 <= a->rows; row += 3) (one ? TILE(3, 1) : TILE(3, n))(a, s, row, next);
  for (; row < a->rows; ++row) (one ? TILE(1, 1) : TILE(1, n))(a, s, row, next);
}

/* The nibbles of the same columns of k of the panels behind a slab's, to be fetched while all rows pass over it. */
static ahead behind(const bnc_matmul_args *a, const slab *s, size_t panel, size_t to) {
  const bnc_i4_matrix *w = &a->w;
  const size_t bytes = bnc_i4_panel_nibbles(w->k), groups = s->end - s->begin, count = to < panel + PANELS ? to - panel : PANELS;
  const char *at = (const char *)w->nibbles + panel * bytes + 4 * s->begin * w->group;
  const ahead all = {.at = at, .rows = count, .lines = (4 * groups * w->group + 63) / 64, .stride_bytes = bytes};
  return spread(all, (a->rows + ROWS - 1) / ROWS * groups);
}

static void many_rows(const bnc_matmul_args *a, size_t from, size_t to, slab *s) {
  const bnc_i4_matrix *w = &a->w;
  const size_t groups = w->k / w->group, most = DEPTH / w->group;
  for (s->begin = 0; s->begin < groups; s->begin = s->end) {
    s->end = groups - s->begin < most ? groups : s->begin + most;
    for (size_t panel = from; panel < to; panel += PANELS) {
      const size_t last = to < panel + PANELS ? to : panel + PANELS, end = last * BNC_I4_PANEL < w->n ? last * BNC_I4_PANEL : w->n;
      s->n = panel * BNC_I4_PANEL;
      for (size_t v = 0; v < VECTORS; ++v) {
        const size_t n = s->n + 16 * v;
        s->mask[v] = n < end ? v16_first(end - n < 16 ? end - n : 16) : 0;
      }
      const source these = source_of(w, s, panel, last);
      ahead next = behind(a, s, last, to);
      all_rows(a, s, &next, &these);
    }
  }
}

void bnc_matmul_i4_avx512vnni(const bnc_matmul_args *args, size_t from, size_t to, void *scratch) {
  if (args->rows >= LEAST_ROWS && args->w.group <= DEPTH)
    many_rows(args, from, to, scratch);
  else
    few_rows(args, from, to);
}
