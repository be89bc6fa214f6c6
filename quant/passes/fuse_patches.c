/* SPDX-License-Identifier: Apache-2.0 */
/* Patches over a gathered (or whole) normalised picture read the 8-bit picture themselves, and quantise what they unfold where
   fuse-quantize is on. What they no longer read, drop_unread removes. */
#include "quant/passes/passes.h"

static bool reads_picture(const bnc_graph *g, const bnc_step *step, const bnc_node **resample, const bnc_node **normalize) {
  *resample = &g->node[g->value[step->in[0]].producer];
  if ((*resample)->kind != BNC_NODE_RESAMPLE) return false;
  *normalize = &g->node[g->value[bnc_node_input(g, *resample, 0)].producer];
  if ((*normalize)->kind != BNC_NODE_NORMALIZE) return false;
  return bnc_taps_is_gather(&g->constants->taps[(*resample)->taps[0]]) && bnc_taps_is_gather(&g->constants->taps[(*resample)->taps[1]]);
}

static void read_picture(const bnc_graph *g, bnc_step *step) {
  const bnc_node *resample, *normalize;
  if (!reads_picture(g, step, &resample, &normalize)) return;
  step->kind = BNC_OP_PATCHES_U8;
  step->in[0] = bnc_node_input(g, normalize, 0);
  step->lut = normalize->constant;
  step->taps[0] = resample->taps[0];
  step->taps[1] = resample->taps[1];
}

bnc_status bnc_pass_fuse_patches(bnc_schedule *s) {
  const bool quantize = bnc_pass_on(s->passes, BNC_PASS_FUSE_QUANTIZE);
  size_t kept = 0;
  for (size_t i = 0; i < s->steps; i++) {
    bnc_step *step = &s->step[i], *last = kept > 0 ? &s->step[kept - 1] : NULL;
    if (step->kind == BNC_OP_PATCHES) read_picture(s->graph, step);
    if (quantize && last && step->kind == BNC_OP_QUANTIZE && last->kind == BNC_OP_PATCHES_U8 && last->out[0] == step->in[0])
      last->out[1] = step->out[0];
    else
      s->step[kept++] = *step;
  }
  s->steps = kept;
  return BNC_OK;
}
