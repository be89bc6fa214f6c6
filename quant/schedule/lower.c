/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes become steps. Views (column slices, ranges of rows) become none; concatenations become copies of those parts that are not written
   in place; a residual sum and the norm behind it, and the way from the picture to patches, quantised or not, become one step each. */
#include "platforms/base/array.h"
#include "quant/passes/passes.h"
#include "quant/schedule/schedule.h"

bool bnc_schedule_on(const bnc_schedule *s, unsigned pass) { return (s->passes >> pass) & 1u; }

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

/* PATCHES over a gathered (or whole) normalised picture reads the 8-bit picture itself. */
static bool patches_from_u8(bnc_schedule *s, const bnc_node *node, bnc_step *step) {
  const bnc_graph *g = s->graph;
  const bnc_node *source = &g->node[g->value[bnc_node_input(g, node, 0)].producer];
  if (!bnc_schedule_on(s, BNC_PASS_FUSE_PATCHES) || source->kind != BNC_NODE_RESAMPLE) return false;
  const bnc_node *normalize = &g->node[g->value[bnc_node_input(g, source, 0)].producer];
  if (normalize->kind != BNC_NODE_NORMALIZE) return false;
  for (int i = 0; i < 2; i++)
    if (!bnc_taps_is_gather(&g->constants->taps[source->taps[i]])) return false;
  step->kind = BNC_OP_PATCHES_U8;
  step->in[0] = bnc_node_input(g, normalize, 0);
  step->lut = normalize->constant;
  step->taps[0] = source->taps[0];
  step->taps[1] = source->taps[1];
  return true;
}

static bool joins_sum(const bnc_schedule *s, const bnc_node *norm) {
  if (!bnc_schedule_on(s, BNC_PASS_FUSE_RESIDUAL) || s->steps == 0) return false;
  const bnc_step *last = &s->step[s->steps - 1];
  return last->kind == BNC_OP_ADD && last->out[0] == bnc_node_input(s->graph, norm, 0);
}

static bool joins_patches(const bnc_schedule *s, const bnc_node *quantize) {
  if (!bnc_schedule_on(s, BNC_PASS_FUSE_QUANTIZE) || s->steps == 0) return false;
  const bnc_step *last = &s->step[s->steps - 1];
  return last->kind == BNC_OP_PATCHES_U8 && last->out[0] == bnc_node_input(s->graph, quantize, 0);
}

static bool lower_plain(bnc_schedule *s, const bnc_node *node) {
  bool layer = node->kind == BNC_NODE_LAYER_NORM;
  if ((layer || node->kind == BNC_NODE_RMS_NORM) && joins_sum(s, node)) {
    bnc_step *sum = &s->step[s->steps - 1];
    sum->kind = layer ? BNC_OP_ADD_LAYER_NORM : BNC_OP_ADD_RMS_NORM;
    sum->in[2] = bnc_node_input(s->graph, node, 1);
    sum->in[3] = layer ? bnc_node_input(s->graph, node, 2) : BNC_NO_VALUE;
    sum->out[1] = node->output;
    sum->out[2] = node->second;
    sum->attr.norm.eps = node->eps;
    return true;
  }
  if (node->kind == BNC_NODE_QUANTIZE && joins_patches(s, node)) {
    s->step[s->steps - 1].out[1] = node->output;
    return true;
  }
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
      patches_from_u8(s, node, step);
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

/* Steps whose results nobody reads: what fused patches leave behind, and f32 outputs of which only the quantised twin is used. */
static bool drop_unread(bnc_schedule *s) {
  const bnc_graph *g = s->graph;
  uint8_t *read = bnc_mem_array(g->values + 1, 1);
  if (!read) return false;
  read[g->program_output] = 1;
  for (size_t p = 0; p < g->probes; p++) read[g->probe[p].value] = 1;
  for (size_t n = 0; n < g->nodes; n++) /* views hand their readers on: what they view counts as read */
    if (g->node[n].kind == BNC_NODE_SLICE_COLS || g->node[n].kind == BNC_NODE_GATHER) read[bnc_node_input(g, &g->node[n], 0)] = 1;
  size_t kept = s->steps;
  for (size_t i = s->steps; i-- > 0;) {
    bnc_step *step = &s->step[i];
    bool any = step->kind == BNC_OP_KV_APPEND;
    for (int o = 0; o < BNC_OP_OUTPUTS; o++) {
      if (step->out[o] == BNC_NO_VALUE) continue;
      if (read[step->out[o]])
        any = true;
      else if (bnc_op_info_of(step->kind)->out[o] != BNC_ROLE_SUM)
        step->out[o] = BNC_NO_VALUE;
    }
    for (int k = 0; any && k < BNC_OP_INPUTS; k++)
      if (step->in[k] != BNC_NO_VALUE) read[step->in[k]] = 1;
    s->step[--kept] = *step;
    if (!any) kept++;
  }
  for (size_t i = kept; i < s->steps; i++) s->step[i - kept] = s->step[i];
  s->steps -= kept;
  bnc_mem_free(read);
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
  return drop_unread(s) ? BNC_OK : bnc_fail_memory(g->err, g->values);
}
