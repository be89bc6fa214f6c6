/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/schedule/schedule.h"

#include "platforms/mem.h"

bnc_status bnc_schedule_create(bnc_schedule *s, const bnc_graph *graph, uint32_t passes, const uint32_t *slab_cols) {
  *s = (bnc_schedule){.graph = graph, .passes = passes, .slab_cols = slab_cols};
  bnc_status status = bnc_schedule_lower(s);
  if (status == BNC_OK) status = bnc_schedule_alias(s);
  if (status == BNC_OK) status = bnc_schedule_plan(s);
  if (status != BNC_OK) bnc_schedule_free(s);
  return status;
}

void bnc_schedule_free(bnc_schedule *s) {
  bnc_mem_free(s->step);
  bnc_mem_free(s->place);
  *s = (bnc_schedule){0};
}
