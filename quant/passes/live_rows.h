/* SPDX-License-Identifier: Apache-2.0 */
/** @file live_rows.h  Which rows of each value reach the output of a graph. */
#ifndef BINOCLE_QUANT_PASSES_LIVE_ROWS_H
#define BINOCLE_QUANT_PASSES_LIVE_ROWS_H

#include "quant/graph/graph.h"

typedef enum bnc_live_kind {
  BNC_LIVE_NONE,
  BNC_LIVE_LAST, /* of a varying value: the run's last row */
  BNC_LIVE_SOME, /* those of the bitmap */
  BNC_LIVE_ALL
} bnc_live_kind;

typedef struct bnc_live_rows {
  bnc_live_kind kind;
  size_t rows;   /* of the value */
  uint8_t *mark; /* SOME: [rows], 0 or 1 */
} bnc_live_rows;

/** [graph->values], computed backwards from the program's output and from all writes to the KV cache. Free with bnc_live_rows_free. */
bnc_status bnc_live_rows_compute(const bnc_graph *graph, bnc_live_rows **live);
void bnc_live_rows_free(bnc_live_rows *live, size_t values);

void bnc_live_free(bnc_live_rows *live);
size_t bnc_live_count(const bnc_live_rows *live);
bool bnc_live_equal(const bnc_live_rows *a, const bnc_live_rows *b);
/** The part [first, first + rows) as a set of its own (free with bnc_live_free). BNC_ERROR_MEMORY without memory. */
bnc_status bnc_live_slice(bnc_live_rows *part, const bnc_live_rows *whole, size_t first, size_t rows);
static inline bool bnc_live_has(const bnc_live_rows *live, size_t row) {
  return live->kind == BNC_LIVE_ALL || (live->kind == BNC_LIVE_SOME && live->mark[row]);
}

/** True where row r of the output is computed from row r of input i (and no other row of it). */
bool bnc_node_rowwise_input(bnc_node_kind kind, size_t i);

#endif
