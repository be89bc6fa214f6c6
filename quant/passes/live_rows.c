/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/passes/live_rows.h"

#include <string.h>

#include "platforms/base/mem.h"

bool bnc_node_rowwise_input(bnc_node_kind kind, size_t i) {
  if (kind == BNC_NODE_CONCAT_COLS || kind == BNC_NODE_SLICE_COLS) return true;
  return i < BNC_OP_INPUTS && bnc_role_is_rowwise(bnc_op_info_of(bnc_node_op(kind))->in[i]);
}

void bnc_live_free(bnc_live_rows *live) {
  bnc_mem_free(live->mark);
  live->mark = NULL;
}

void bnc_live_rows_free(bnc_live_rows *live, size_t values) {
  for (size_t v = 0; live && v < values; v++) bnc_live_free(&live[v]);
  bnc_mem_free(live);
}

size_t bnc_live_count(const bnc_live_rows *live) {
  size_t n = 0;
  if (live->kind == BNC_LIVE_ALL) return live->rows;
  if (live->kind == BNC_LIVE_LAST) return 1;
  for (size_t r = 0; live->kind == BNC_LIVE_SOME && r < live->rows; r++) n += live->mark[r];
  return n;
}

bool bnc_live_equal(const bnc_live_rows *a, const bnc_live_rows *b) {
  return a->kind == b->kind && a->rows == b->rows && (a->kind != BNC_LIVE_SOME || memcmp(a->mark, b->mark, a->rows) == 0);
}

static void set_all(bnc_live_rows *live) {
  bnc_live_free(live);
  live->kind = BNC_LIVE_ALL;
}

static bool make_some(bnc_live_rows *live) {
  if (live->kind == BNC_LIVE_SOME) return true;
  live->mark = bnc_mem_zalloc(live->rows);
  if (!live->mark) return false;
  live->kind = BNC_LIVE_SOME;
  return true;
}

/* SOME with every row marked is ALL: sets of one content have one form. */
static void normalize(bnc_live_rows *live) {
  if (live->kind == BNC_LIVE_SOME && live->rows > 0 && !memchr(live->mark, 0, live->rows)) set_all(live);
  if (live->kind == BNC_LIVE_SOME && !memchr(live->mark, 1, live->rows)) {
    bnc_live_free(live);
    live->kind = BNC_LIVE_NONE;
  }
}

bnc_status bnc_live_slice(bnc_live_rows *part, const bnc_live_rows *whole, size_t first, size_t rows) {
  *part = (bnc_live_rows){.kind = whole->kind == BNC_LIVE_SOME ? BNC_LIVE_NONE : whole->kind, .rows = rows};
  if (whole->kind != BNC_LIVE_SOME) return BNC_OK;
  if (!make_some(part)) return BNC_ERROR_MEMORY;
  memcpy(part->mark, whole->mark + first, rows);
  normalize(part);
  return BNC_OK;
}

/* live |= more */
static bool add(bnc_live_rows *live, const bnc_live_rows *more) {
  if (live->kind == BNC_LIVE_ALL || more->kind == BNC_LIVE_NONE) return true;
  if (more->kind == BNC_LIVE_ALL) {
    set_all(live);
    return true;
  }
  if (more->kind == BNC_LIVE_LAST) {
    /* LAST goes only with varying values, SOME only with fixed ones. */
    if (live->kind == BNC_LIVE_NONE) live->kind = BNC_LIVE_LAST;
    return true;
  }
  if (!make_some(live)) return false;
  for (size_t r = 0; r < live->rows; r++) live->mark[r] |= more->mark[r];
  normalize(live);
  return true;
}

static bool mark_row(bnc_live_rows *live, size_t row) {
  if (live->kind == BNC_LIVE_ALL) return true;
  if (!make_some(live)) return false;
  live->mark[row] = 1;
  return true;
}

static bool propagate_take(const bnc_taps *taps, const bnc_live_rows *out, bnc_live_rows *in) {
  for (size_t r = 0; r < taps->rows; r++)
    for (uint32_t k = taps->start[r]; bnc_live_has(out, r) && k < taps->start[r + 1]; k++)
      if (!mark_row(in, taps->index[k])) return false;
  normalize(in);
  return true;
}

static bool propagate_concat(const bnc_graph *g, const bnc_node *node, const bnc_live_rows *out, bnc_live_rows *live) {
  size_t at = 0;
  for (uint32_t i = 0; i < node->inputs; i++) {
    bnc_value_id v = bnc_node_input(g, node, i);
    bnc_live_rows part;
    bool ok = bnc_live_slice(&part, out, at, g->value[v].rows) == BNC_OK && add(&live[v], &part);
    bnc_live_free(&part);
    if (!ok) return false;
    at += g->value[v].rows;
  }
  return true;
}

static bool propagate(const bnc_graph *g, const bnc_node *node, bnc_live_rows *live) {
  const bnc_live_rows *out = &live[node->output];
  /* Pictures shrink through their tables of taps alone; a tile is computed whole or not at all. */
  if (node->kind == BNC_NODE_PATCHES || node->kind == BNC_NODE_RESAMPLE) set_all(&live[node->output]);
  if (node->kind == BNC_NODE_GATHER) return propagate_take(&g->constants->taps[node->taps[0]], out, &live[bnc_node_input(g, node, 0)]);
  if (node->kind == BNC_NODE_CONCAT_ROWS) return propagate_concat(g, node, out, live);
  for (uint32_t i = 0; i < node->inputs; i++) {
    bnc_live_rows *in = &live[bnc_node_input(g, node, i)];
    bnc_live_rows need = {.kind = BNC_LIVE_ALL, .rows = in->rows};
    if (node->kind == BNC_NODE_LAST_ROW && g->value[bnc_node_input(g, node, i)].varying) need.kind = BNC_LIVE_LAST;
    if (!add(in, bnc_node_rowwise_input(node->kind, i) ? out : &need)) return false;
  }
  return true;
}

bnc_status bnc_live_rows_compute(const bnc_graph *g, bnc_live_rows **result) {
  bnc_live_rows *live = bnc_mem_array(g->values + 1, sizeof *live);
  *result = live;
  if (!live) return bnc_fail_memory(g->err, g->values * sizeof *live);
  for (size_t v = 0; v < g->values; v++) live[v].rows = g->value[v].rows;
  live[g->program_output].kind = BNC_LIVE_ALL;
  for (size_t n = g->nodes; n-- > 0;) {
    const bnc_node *node = &g->node[n];
    if (node->dead) continue;
    if (node->kind == BNC_NODE_KV_APPEND) live[node->output].kind = BNC_LIVE_ALL;
    if (live[node->output].kind == BNC_LIVE_NONE) continue;
    if (!propagate(g, node, live)) {
      bnc_live_rows_free(live, g->values);
      *result = NULL;
      return bnc_fail_memory(g->err, g->values);
    }
  }
  return BNC_OK;
}
