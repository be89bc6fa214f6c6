/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/base/mem.h"
#include "quant/passes/passes.h"

/* Steps whose results nobody reads: what fused patches leave behind, and f32 outputs of which only the quantised twin is used. */
bnc_status bnc_pass_drop_unread(bnc_schedule *s) {
  const bnc_graph *g = s->graph;
  uint8_t *read = bnc_mem_array(g->values + 1, 1);
  if (!read) return bnc_fail_memory(g->err, g->values);
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
  return BNC_OK;
}
