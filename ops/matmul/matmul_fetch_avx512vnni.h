/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_fetch_avx512vnni.h  Weights that are wanted next, fetched while tiles of rows pass over those at hand. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_FETCH_AVX512VNNI_H
#define BINOCLE_OPS_MATMUL_MATMUL_FETCH_AVX512VNNI_H

#include "ops/matmul/matmul_dots_avx512vnni.h"

/* Brings lines of what the next slab is made of into the second cache, some with each tile: short pieces far apart, which no hardware
 * prefetcher follows, and too many to wait for at once. */
typedef struct fetcher {
  const char *w; /* [columns, depth] bytes */
  size_t stride, columns, depth, k;
} fetcher;

/* How many lines each of the tiles of so many rows is to fetch. */
BNC_INLINE size_t fetch_each(const fetcher *f, size_t rows) { return f->columns * ((f->depth + 63) / 64) * DOTS_ROWS / rows + 1; }

BNC_INLINE void fetch(fetcher *f, size_t count) {
  for (; count && f->columns; --count) {
    _mm_prefetch(f->w + f->k, _MM_HINT_T1);
    f->k += 64;
    if (f->k < f->depth) continue;
    f->k = 0;
    f->w += f->stride;
    --f->columns;
  }
}

#endif
