/* SPDX-License-Identifier: Apache-2.0 */
/** @file programs.h  The three programs of a model, from their reference graphs through all passes to schedules, with a record of what each
 * pass saved. */
#ifndef BINOCLE_QUANT_COMPILE_PROGRAMS_H
#define BINOCLE_QUANT_COMPILE_PROGRAMS_H

#include "platforms/base/context_private.h"
#include "quant/graph/build.h"
#include "quant/passes/passes.h"
#include "quant/schedule/schedule_cost.h"
#include "runtime/model/model_file.h"

#define BNC_PREFILL_ROWS 640u /* a picture's rows and a question fit into one chunk */

/** What a program takes on the way through its passes: each number is that of a schedule, made as if the passes behind it were off. A pass
   that is off leaves the numbers as they are. */
typedef struct bnc_pass_record {
  uint64_t reference_ops, reference_macs; /* of the graph as the reference computes it, layers whose results it drops included */
  bnc_schedule_cost before;               /* every pass off */
  bnc_schedule_cost after[BNC_PASSES];    /* [pass]: with it and those in front of it */
} bnc_pass_record;

typedef struct bnc_programs {
  bnc_constants constants;
  bnc_graph graph[BNC_PROGRAMS];
  bnc_schedule schedule[BNC_PROGRAMS];
  bool present[BNC_PROGRAMS];
  uint32_t *slab_cols; /* [constants.weights]: 0: whole */
  uint32_t passes;     /* bit per pass that is on */
  bnc_target target;
  size_t slab_matrices; /* matrices that run in slabs, and the largest slab of all */
  uint64_t slab_bytes;
  size_t tile_encodes, tile_encodes_reference;
  bnc_pass_record record[BNC_PROGRAMS];
  uint32_t embedding; /* weight id */
} bnc_programs;

/** Builds and optimises for a target. Free with bnc_programs_free in any case. */
bnc_status bnc_programs_create(bnc_programs *programs, bnc_context *context, const bnc_geometry *geometry, const bnc_build_options *options,
                               const bnc_tensor_source *source, uint32_t passes, const bnc_target *target, bnc_error *err);
void bnc_programs_free(bnc_programs *programs);

/** The report: JSON, a bnc_mem string. */
bnc_status bnc_programs_report(const bnc_programs *programs, char **json, bnc_error *err);

#endif
