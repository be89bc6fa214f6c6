/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/schedule/schedule.h"

#include "platforms/base/mem.h"
#include "quant/passes/passes.h"

#define EVERY_ALIAS (BNC_ALIAS_PARTS | BNC_ALIAS_RANGES | BNC_ALIAS_IN_PLACE)

static bnc_status build(bnc_schedule *s, const bnc_graph *graph, uint32_t passes, uint32_t alias, const uint32_t *slab_cols) {
  *s = (bnc_schedule){.graph = graph, .passes = passes, .alias = alias, .slab_cols = slab_cols};
  bnc_status status = bnc_schedule_lower(s);
  if (status == BNC_OK) status = bnc_passes_run_steps(s);
  if (status == BNC_OK) status = bnc_schedule_plan(s);
  if (status != BNC_OK) bnc_schedule_free(s);
  return status;
}

static bool better(const bnc_schedule *a, const bnc_schedule *b) {
  return a->arena_bytes != b->arena_bytes ? a->arena_bytes < b->arena_bytes : a->steps < b->steps;
}

bnc_status bnc_schedule_create(bnc_schedule *s, const bnc_graph *graph, uint32_t passes, const uint32_t *slab_cols) {
  const bool on = bnc_pass_on(passes, BNC_PASS_ALIAS_PARTS);
  bnc_status status = build(s, graph, passes, on ? EVERY_ALIAS : 0, slab_cols);
  for (uint32_t alias = EVERY_ALIAS; status == BNC_OK && on && alias-- > 0;) {
    bnc_schedule other;
    status = build(&other, graph, passes, alias, slab_cols);
    if (status == BNC_OK && better(&other, s)) {
      bnc_schedule chosen = other;
      other = *s;
      *s = chosen;
    }
    if (status == BNC_OK) bnc_schedule_free(&other);
  }
  if (status != BNC_OK) bnc_schedule_free(s);
  return status;
}

void bnc_schedule_free(bnc_schedule *s) {
  bnc_mem_free(s->step);
  bnc_mem_free(s->place);
  *s = (bnc_schedule){0};
}
