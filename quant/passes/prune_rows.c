/* SPDX-License-Identifier: Apache-2.0 */
/* Liveness over rows. Backwards from the output: which rows of each value are read. A row-wise op needs the same rows of its inputs,
   attention the same rows of its queries and all keys and values, a table of taps the rows of its taps. Then each value shrinks to its live
   rows; where a value keeps more rows than one of its readers wants, a gather picks them. A varying value, of which only the run's last row
   is read, shrinks to that. */
#include "platforms/base/mem.h"
#include "quant/passes/live_rows.h"
#include "quant/passes/passes.h"

typedef struct pruner {
  bnc_graph *g;
  bnc_live_rows *live; /* [values] */
  size_t values;       /* those that were there when liveness was computed */
} pruner;

static bool is_dead(const pruner *p, const bnc_node *n) {
  return n->kind != BNC_NODE_KV_APPEND && n->kind != BNC_NODE_INPUT && p->live[n->output].kind == BNC_LIVE_NONE &&
         (n->second == BNC_NO_VALUE || p->live[n->second].kind == BNC_LIVE_NONE);
}

/* The value that holds exactly `want` rows of the original value v, which itself shrinks to its live rows. */
static bnc_value_id narrowed(pruner *p, bnc_value_id v, const bnc_live_rows *want) {
  bnc_graph *g = p->g;
  const bnc_live_rows *have = &p->live[v];
  if (bnc_live_equal(have, want) || want->kind == BNC_LIVE_ALL) return v;
  uint32_t name = g->node[g->value[v].producer].name;
  if (want->kind == BNC_LIVE_LAST)
    return bnc_graph_add(g, BNC_NODE_LAST_ROW, name, 1, g->value[v].cols, g->value[v].element, &v, 1)->output;
  bnc_taps taps;
  size_t rows = bnc_live_count(want);
  if (bnc_taps_create(&taps, rows, bnc_live_count(have), rows, g->err) != BNC_OK) {
    g->failed = true;
    return v;
  }
  for (size_t r = 0, in = 0, out = 0; r < want->rows; r++) {
    if (bnc_live_has(want, r)) {
      taps.start[out + 1] = (uint32_t)out + 1;
      taps.index[out] = (uint32_t)in;
      taps.weight[out++] = 1.0f;
    }
    in += bnc_live_has(have, r);
  }
  uint32_t id;
  if (bnc_constants_add_taps(g->constants, &taps, &id, g->err) != BNC_OK) {
    g->failed = true;
    return v;
  }
  bnc_node *node = bnc_graph_add(g, BNC_NODE_GATHER, name, rows, g->value[v].cols, BNC_ELEMENT_F32, &v, 1);
  node->taps[0] = id;
  return node->output;
}

static void prune_take(pruner *p, uint32_t n) {
  bnc_graph *g = p->g;
  const bnc_taps *old = &g->constants->taps[g->node[n].taps[0]];
  const bnc_live_rows *out = &p->live[g->node[n].output], *in = &p->live[bnc_node_input(g, &g->node[n], 0)];
  bnc_taps taps;
  uint32_t *place = bnc_mem_array(old->in_rows + 1, sizeof *place);
  if (!place || bnc_taps_create(&taps, bnc_live_count(out), bnc_live_count(in), old->start[old->rows], g->err) != BNC_OK) {
    bnc_mem_free(place);
    g->failed = true;
    return;
  }
  for (size_t r = 0; r < old->in_rows; r++) place[r + 1] = place[r] + (uint32_t)bnc_live_has(in, r);
  uint32_t k = 0;
  size_t row = 0;
  for (size_t r = 0; r < old->rows; r++) {
    if (!bnc_live_has(out, r)) continue;
    for (uint32_t t = old->start[r]; t < old->start[r + 1]; t++, k++) {
      taps.index[k] = place[old->index[t]];
      taps.weight[k] = old->weight[t];
    }
    taps.start[++row] = k;
  }
  bnc_mem_free(place);
  uint32_t id = BNC_NO_ID;
  if (bnc_constants_add_taps(g->constants, &taps, &id, g->err) != BNC_OK) g->failed = true;
  g->node[n].taps[0] = id;
}

static void prune_constant(pruner *p, uint32_t n) {
  bnc_graph *g = p->g;
  const bnc_live_rows *live = &p->live[g->node[n].output];
  const bnc_constant *c = &g->constants->constant[g->node[n].constant];
  float *data = bnc_mem_array(bnc_live_count(live) * c->cols, sizeof *data);
  size_t k = 0;
  uint32_t id = BNC_NO_ID;
  if (!data) g->failed = true;
  for (size_t r = 0; data && r < c->rows; r++)
    for (size_t i = 0; bnc_live_has(live, r) && i < c->cols; i++) data[k++] = c->data[r * c->cols + i];
  if (data && bnc_constants_add(g->constants, bnc_live_count(live), c->cols, data, &id, g->err) != BNC_OK) g->failed = true;
  bnc_mem_free(data);
  g->node[n].constant = id;
}

static void prune_concat(pruner *p, uint32_t n, bnc_value_id *inputs) {
  bnc_graph *g = p->g;
  size_t at = 0;
  for (uint32_t i = 0; i < g->node[n].inputs; i++) {
    bnc_live_rows want;
    if (bnc_live_slice(&want, &p->live[g->node[n].output], at, p->live[inputs[i]].rows) != BNC_OK) {
      g->failed = true;
      return;
    }
    at += p->live[inputs[i]].rows;
    if (want.kind == BNC_LIVE_NONE)
      inputs[i] = BNC_NO_VALUE;
    else
      inputs[i] = narrowed(p, inputs[i], &want);
    bnc_live_free(&want);
  }
}

/* Rewrites one node; returns without a change where all of its output is live. */
static void prune_node(pruner *p, uint32_t n) {
  bnc_graph *g = p->g;
  bnc_node_kind kind = g->node[n].kind;
  const bnc_live_rows *out = &p->live[g->node[n].output];
  size_t count = g->node[n].inputs;
  bnc_value_id *inputs = bnc_mem_array(count + 1, sizeof *inputs);
  if (!inputs) {
    g->failed = true;
    return;
  }
  for (size_t i = 0; i < count; i++) inputs[i] = bnc_node_input(g, &g->node[n], i);
  if (kind == BNC_NODE_CONCAT_ROWS) {
    prune_concat(p, n, inputs);
  } else if (kind == BNC_NODE_GATHER) {
    prune_take(p, n);
  } else if (kind == BNC_NODE_CONSTANT) {
    if (out->kind == BNC_LIVE_SOME) prune_constant(p, n);
  } else if (kind == BNC_NODE_LAST_ROW) {
    if (p->live[inputs[0]].kind == BNC_LIVE_LAST) {
      bnc_graph_replace(g, g->node[n].output, inputs[0]);
      g->node[n].dead = true;
    }
  } else {
    for (size_t i = 0; i < count; i++)
      if (bnc_node_rowwise_input(kind, i)) inputs[i] = narrowed(p, inputs[i], out);
  }
  size_t kept = 0;
  for (size_t i = 0; i < count; i++)
    if (inputs[i] != BNC_NO_VALUE) inputs[kept++] = inputs[i];
  if (!g->failed && !g->node[n].dead) bnc_graph_set_inputs(g, n, inputs, kept);
  bnc_mem_free(inputs);
}

bnc_status bnc_pass_prune_rows(bnc_graph *g) {
  pruner p = {.g = g, .values = g->values};
  size_t nodes = g->nodes;
  bnc_status s = bnc_live_rows_compute(g, &p.live);
  for (uint32_t n = 0; s == BNC_OK && n < nodes && !g->failed; n++) {
    if (g->node[n].dead) continue;
    if (is_dead(&p, &g->node[n]))
      g->node[n].dead = true;
    else
      prune_node(&p, n);
  }
  for (size_t v = 0; s == BNC_OK && v < p.values; v++) {
    if (p.live[v].kind == BNC_LIVE_SOME) g->value[v].rows = bnc_live_count(&p.live[v]);
    if (p.live[v].kind == BNC_LIVE_LAST) {
      g->value[v].rows = 1;
      g->value[v].varying = false;
    }
  }
  bnc_live_rows_free(p.live, p.values);
  if (s == BNC_OK) s = bnc_graph_status(g);
  if (s == BNC_OK) s = bnc_graph_sort(g);
  return s == BNC_OK ? bnc_pass_remove_dead(g) : s;
}
