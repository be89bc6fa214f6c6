/* SPDX-License-Identifier: Apache-2.0 */
/* A residual sum with the norm behind it: the sum's rows are normalised, and quantised where the norm quantises, while they are in the
   cache. The sum itself stays an output, since the next sum reads it. */
#include "quant/passes/passes.h"

static bool is_norm(bnc_op_kind kind) { return kind == BNC_OP_LAYER_NORM || kind == BNC_OP_RMS_NORM; }

static void join(bnc_step *sum, const bnc_step *norm) {
  const bool layer = norm->kind == BNC_OP_LAYER_NORM;
  sum->kind = layer ? BNC_OP_ADD_LAYER_NORM : BNC_OP_ADD_RMS_NORM;
  sum->in[2] = norm->in[1];
  sum->in[3] = layer ? norm->in[2] : BNC_NO_VALUE;
  sum->out[1] = norm->out[0];
  sum->out[2] = norm->out[1];
  sum->attr.norm.eps = norm->attr.norm.eps;
}

bnc_status bnc_pass_fuse_residual(bnc_schedule *s) {
  size_t kept = 0;
  for (size_t i = 0; i < s->steps; i++) {
    const bnc_step *step = &s->step[i];
    bnc_step *last = kept > 0 ? &s->step[kept - 1] : NULL;
    if (last && is_norm(step->kind) && last->kind == BNC_OP_ADD && last->out[0] == step->in[0])
      join(last, step);
    else
      s->step[kept++] = *step;
  }
  s->steps = kept;
  return BNC_OK;
}
