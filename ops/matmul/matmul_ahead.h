/* SPDX-License-Identifier: Apache-2.0 */
/** @file matmul_ahead.h  What a product will read next, fetched a few lines at a time while others are multiplied: the third cache and the
 * memory answer late, and later yet where other programs use them. */
#ifndef BINOCLE_OPS_MATMUL_MATMUL_AHEAD_H
#define BINOCLE_OPS_MATMUL_MATMUL_AHEAD_H

#include <stddef.h>

#include "ops/inline.h"

typedef struct ahead {
  const char *at; /* [rows, lines, 64 bytes] */
  size_t rows, lines, stride_bytes;
  size_t each;        /* lines to fetch at a time */
  size_t row, line;   /* the next one */
  struct ahead *then; /* what comes behind the last one, or NULL */
} ahead;

/* All lines in so many times. */
BNC_INLINE ahead spread(ahead all, size_t times) {
  size_t lines = all.rows * all.lines;
  for (const ahead *i = all.then; i; i = i->then) lines += i->rows * i->lines;
  all.each = (lines + times - 1) / times;
  return all;
}

BNC_INLINE void fetch_ahead(ahead *next) {
  for (size_t i = 0; i < next->each && next->row < next->rows; ++i) {
    __builtin_prefetch(next->at + next->row * next->stride_bytes + next->line * 64, 0, 2);
    if (++next->line < next->lines) continue;
    next->line = 0;
    if (++next->row < next->rows || !next->then) continue;
    const size_t each = next->each;
    *next = *next->then;
    next->each = each;
  }
}

#endif
