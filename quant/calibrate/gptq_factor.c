/* SPDX-License-Identifier: Apache-2.0 */
/* Second moments and their factor. Everything is a tile at a time, each tile the work of one thread, in an order that is always the same.
 */
#include <math.h>

#include "quant/calibrate/gptq.h"
#include "quant/calibrate/outer_product.h"

#define BLOCK 32u /* columns that are factored before the rest learns of them */
#define DAMPING 0.01f

typedef struct product {
  float *h; /* [k, k] */
  size_t k;
  const float *x; /* [depth, k]: rows whose outer products go into h */
  size_t depth;
  float sign;
} product;

/* Tile rows [from, to) of 16 rows of h, columns up to the diagonal. */
static void add_products(void *context, size_t from, size_t to) {
  const product *p = context;
  for (size_t row = from * BNC_TILE_LANES; row < to * BNC_TILE_LANES; row += BNC_TILE_ROWS)
    for (size_t col = 0; col <= row; col += BNC_TILE_LANES) {
      float sum[BNC_TILE_ROWS][BNC_TILE_LANES];
      bnc_outer_product(p->x + row, 1, p->k, p->x + col, p->k, p->depth, sum);
      for (size_t i = 0; i < BNC_TILE_ROWS; i++)
        for (size_t lane = 0; lane < BNC_TILE_LANES; lane++) p->h[(row + i) * p->k + col + lane] += p->sign * sum[i][lane];
    }
}

void bnc_gptq_add_moments(float *h, size_t k, const float *x, size_t rows, bnc_pool *pool) {
  product p = {h, k, x, rows, 1.0f};
  bnc_pool_run(pool, add_products, &p, k / BNC_TILE_LANES, 1);
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
  const size_t k = p->k, begin = from * BNC_TILE_LANES, end = to * BNC_TILE_LANES;
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
  damp(h, k);
  for (size_t first = k; first > 0;) {
    first -= BLOCK;
    factor_diagonal(h, k, first);
    panel columns = {h, k, first};
    bnc_pool_run(pool, factor_panel, &columns, first / BNC_TILE_LANES, 4);
    product rest = {h, k, h + first * k, BLOCK, -1.0f};
    bnc_pool_run(pool, add_products, &rest, first / BNC_TILE_LANES, 1);
  }
}
