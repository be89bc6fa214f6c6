/* SPDX-License-Identifier: Apache-2.0 */
/* Second moments and their factor. Everything is a tile at a time, each tile the work of one thread, in an order that is always the same.
 */
#include <math.h>
#include <string.h>

#include "ops/outer/outer.h"
#include "quant/calibrate/gptq.h"

#define BLOCK 32u /* columns that are factored before the rest learns of them */
#define DAMPING 0.01f
#define LANES BNC_OUTER_LANES
enum { BAND = 2 /* strips of sixteen rows that one thread takes together */, DEPTH = 256 /* of x, packed at a time */ };

typedef struct product {
  bnc_outer_product_fn *multiply;
  float *h; /* [k, k] */
  size_t k;
  const float *x; /* [depth, k]: rows whose outer products go into h */
  size_t depth;
  float sign; /* -1: at most DEPTH rows */
} product;

typedef float strip[DEPTH][LANES];

/* Sixteen columns of x side by side: where rows lie whole pages apart they would share few sets of a cache. */
static void pack(const product *p, size_t first, size_t depth, size_t col, strip out) {
  for (size_t i = 0; i < depth; i++) memcpy(out[i], p->x + (first + i) * p->k + col, sizeof out[i]);
}

/* A tile of h. Behind the first rows of x the sum goes on in its place. */
static void add_tile(const product *p, size_t row, size_t col, bool first, bnc_outer_args *args) {
  float *h = p->h + row * p->k + col, sum[BNC_OUTER_ROWS][LANES] = {{0}};
  args->sum = first ? sum[0] : h;
  args->sum_stride = first ? LANES : p->k;
  p->multiply(args);
  for (size_t i = 0; first && i < BNC_OUTER_ROWS; i++)
    for (size_t lane = 0; lane < LANES; lane++) h[i * p->k + lane] += p->sign * sum[i][lane];
}

/* Strips [from, to), at most BAND, of sixteen rows of h, columns up to the diagonal. */
static void add_products(void *context, size_t from, size_t to) {
  const product *p = context;
  for (size_t first = 0; first < p->depth; first += DEPTH) {
    const size_t depth = p->depth - first < DEPTH ? p->depth - first : DEPTH;
    strip rows[BAND], columns;
    for (size_t s = from; s < to; s++) pack(p, first, depth, s * LANES, rows[s - from]);
    for (size_t col = 0; col < to * LANES; col += LANES) {
      pack(p, first, depth, col, columns);
      for (size_t row = col < from * LANES ? from * LANES : col; row < to * LANES; row += BNC_OUTER_ROWS) {
        const float *a = rows[row / LANES - from][0] + row % LANES;
        add_tile(p, row, col, first == 0, &(bnc_outer_args){a, 1, LANES, columns[0], LANES, depth, NULL, 0});
      }
    }
  }
}

void bnc_gptq_add_moments(float *h, size_t k, const float *x, size_t rows, bnc_pool *pool) {
  product p = {bnc_outer_here(), h, k, x, rows, 1.0f};
  bnc_pool_run(pool, add_products, &p, k / LANES, BAND);
}

static void damp(float *h, size_t k) {
  double sum = 0;
  for (size_t i = 0; i < k; i++) sum += (double)h[i * k + i];
  const float more = sum > 0 ? (float)(sum / (double)k) * DAMPING : 1.0f;
  for (size_t i = 0; i < k; i++) h[i * k + i] += more;
}

/* Columns [first, first + BLOCK) of R, their rows from `first` on. */
static void factor_diagonal(float *h, size_t k, size_t first) {
  for (size_t c = first + BLOCK; c-- > first;) {
    for (size_t i = first; i <= c; i++) {
      double left = (double)h[c * k + i];
      for (size_t p = c + 1; p < first + BLOCK; p++) left -= (double)h[p * k + i] * (double)h[p * k + c];
      h[c * k + i] = (float)left;
    }
    /* Rounding may take a little too much where inputs depend on each other; damping bounds what is left in exact arithmetic. */
    const float least = 1e-12f, pivot = sqrtf(h[c * k + c] > least ? h[c * k + c] : least);
    for (size_t i = first; i < c; i++) h[c * k + i] /= pivot;
    h[c * k + c] = pivot;
  }
}

typedef struct panel {
  float *h;
  size_t k, first;
} panel;

/* The same columns' rows in front of the block: [16 * from, 16 * to). */
static void factor_panel(void *context, size_t from, size_t to) {
  const panel *p = context;
  const size_t k = p->k, begin = from * LANES, end = to * LANES;
  for (size_t c = p->first + BLOCK; c-- > p->first;) {
    float *row = p->h + c * k;
    for (size_t done = c + 1; done < p->first + BLOCK; done++) {
      const float *other = p->h + done * k;
      const float factor = other[c];
      for (size_t i = begin; i < end; i++) row[i] -= factor * other[i];
    }
    const float inverse = 1.0f / row[c];
    for (size_t i = begin; i < end; i++) row[i] *= inverse;
  }
}

void bnc_gptq_factor(float *h, size_t k, bnc_pool *pool) {
  bnc_outer_product_fn *multiply = bnc_outer_here();
  damp(h, k);
  for (size_t first = k; first > 0;) {
    first -= BLOCK;
    factor_diagonal(h, k, first);
    panel columns = {h, k, first};
    bnc_pool_run(pool, factor_panel, &columns, first / LANES, 4);
    product rest = {multiply, h, k, h + first * k, BLOCK, -1.0f};
    bnc_pool_run(pool, add_products, &rest, first / LANES, BAND);
  }
}
