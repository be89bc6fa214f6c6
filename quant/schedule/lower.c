/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes become steps. Views (column slices, ranges of rows) become none; concatenations become copies of those parts that are not written
   in place. */
#include "platforms/base/array.h"
#include "quant/passes/passes.h"
#include "quant/schedule/schedule.h"

bool bnc_take_is_range(const bnc_graph *g, const bnc_node *node, size_t *first) {
  const bnc_taps *taps = &g->constants->taps[node->taps[0]];
  if (!bnc_taps_is_gather(taps) || taps->rows == 0) return false;
  for (size_t r = 0; r < taps->rows; r++)
    if (taps->index[r] != taps->index[0] + r) return false;
  *first = taps->index[0];
  return true;
}

static bnc_step *add_step(bnc_schedule *s, bnc_op_kind kind, const bnc_node *node) {
  if (!bnc_array_reserve(&s->step, &s->step_capacity, s->steps + 1, sizeof *s->step)) return NULL;
  bnc_step *step = &s->step[s->steps++];
  *step = (bnc_step){.kind = kind, .name = node->name, .weight = BNC_NO_ID, .lut = BNC_NO_ID, .taps = {BNC_NO_ID, BNC_NO_ID}};
  for (int i = 0; i < BNC_OP_INPUTS; i++) step->in[i] = i < (int)node->inputs ? bnc_node_input(s->graph, node, (size_t)i) : BNC_NO_VALUE;
  for (int i = 0; i < BNC_OP_OUTPUTS; i++) step->out[i] = BNC_NO_VALUE;
  step->out[0] = node->output;
  return step;
}

static bool lower_linear(bnc_schedule *s, const bnc_node *node) {
  size_t n = s->graph->value[node->output].cols, slab = s->slab_cols ? s->slab_cols[node->weight] : 0;
  if (slab == 0) slab = n;
  for (size_t from = 0, cols; from < n; from += cols) {
    bnc_step *step = add_step(s, BNC_OP_LINEAR, node);
    if (!step) return false;
    /* A narrow rest goes with the last slab. */
    cols = n - from < slab + BNC_NARROW_COLUMNS ? n - from : slab;
    step->weight = node->weight;
    step->first_col = step->attr.linear.from = (uint32_t)from;
    step->cols = step->attr.linear.count = (uint32_t)cols;
  }
  return true;
}

static bool lower_concat(bnc_schedule *s, const bnc_node *node) {
  const bnc_graph *g = s->graph;
  uint32_t row = 0, col = 0;
  for (uint32_t i = 0; i < node->inputs; i++) {
    bnc_value_id part = bnc_node_input(g, node, i);
    /* Whether a part already lies in its place is known after aliasing; the copy is dropped there. */
    bnc_step *step = add_step(s, BNC_OP_COPY, node);
    if (!step) return false;
    step->in[0] = part;
    for (int k = 1; k < BNC_OP_INPUTS; k++) step->in[k] = BNC_NO_VALUE;
    step->first_row = row;
    step->first_col = col;
    if (node->kind == BNC_NODE_CONCAT_ROWS)
      row += (uint32_t)g->value[part].rows;
    else
      col += (uint32_t)g->value[part].cols;
  }
  return true;
}

static bool lower_plain(bnc_schedule *s, const bnc_node *node) {
  bnc_step *step = add_step(s, bnc_node_op(node->kind), node);
  if (!step) return false;
  step->out[1] = node->second;
  switch (node->kind) {
    case BNC_NODE_NORMALIZE: step->lut = node->constant; break;
    case BNC_NODE_RESAMPLE: step->taps[1] = node->taps[1]; /* fall through */
    case BNC_NODE_GATHER: step->taps[0] = node->taps[0]; break;
    case BNC_NODE_PATCHES:
      step->attr.patches.patch = node->patch;
      step->taps[0] = node->taps[0];
      step->taps[1] = node->taps[1];
      break;
    case BNC_NODE_LAYER_NORM:
    case BNC_NODE_RMS_NORM: step->attr.norm.eps = node->eps; break;
    case BNC_NODE_ATTENTION:
      if (node->int8) step->kind = BNC_OP_ATTENTION_I8;
      step->attr.attention.heads = node->heads;
      step->attr.attention.kv_heads = node->kv_heads;
      step->attr.attention.scale = node->scale;
      break;
    case BNC_NODE_ROPE: step->attr.rope.heads = node->heads; break;
    case BNC_NODE_KV_APPEND:
      step->attr.kv_append.layer = node->layer;
      step->attr.kv_append.kv_heads = node->kv_heads;
      step->out[0] = BNC_NO_VALUE;
      break;
    case BNC_NODE_CACHE_ATTENTION:
      step->attr.attention.heads = node->heads;
      step->attr.attention.kv_heads = node->kv_heads;
      step->attr.attention.layer = node->layer;
      step->attr.attention.scale = node->scale;
      step->in[1] = BNC_NO_VALUE;
      break;
    default: break;
  }
  return true;
}

bnc_status bnc_schedule_lower(bnc_schedule *s) {
  const bnc_graph *g = s->graph;
  size_t first;
  for (size_t n = 0; n < g->nodes; n++) {
    const bnc_node *node = &g->node[n];
    bool ok = true;
    switch (node->kind) {
      case BNC_NODE_INPUT:
      case BNC_NODE_CONSTANT:
      case BNC_NODE_SLICE_COLS: break;
      case BNC_NODE_LINEAR: ok = lower_linear(s, node); break;
      case BNC_NODE_CONCAT_ROWS:
      case BNC_NODE_CONCAT_COLS: ok = lower_concat(s, node); break;
      case BNC_NODE_GATHER:
        if (!(s->alias & BNC_ALIAS_RANGES) || !bnc_take_is_range(g, node, &first)) ok = lower_plain(s, node);
        break;
      default: ok = lower_plain(s, node); break;
    }
    if (!ok) return bnc_fail_memory(g->err, (s->steps + 1) * sizeof *s->step);
  }
  return BNC_OK;
}
