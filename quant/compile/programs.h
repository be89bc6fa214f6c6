/* SPDX-License-Identifier: Apache-2.0 */
/** @file programs.h  The three programs of a model, from their reference graphs through all passes to schedules, with a record of what each pass saved. */
#ifndef BINOCLE_QUANT_COMPILE_PROGRAMS_H
#define BINOCLE_QUANT_COMPILE_PROGRAMS_H

#include "platforms/context_private.h"
#include "quant/graph/build.h"
#include "quant/passes/passes.h"
#include "quant/schedule/schedule.h"

#define BNC_PREFILL_ROWS 640u /* a picture's rows and a question fit into one chunk */

/** A program's size before or after a pass. */
typedef struct bnc_program_size {
  size_t nodes;
  uint64_t macs;
} bnc_program_size;

typedef struct bnc_programs {
  bnc_constants constants;
  bnc_graph graph[3];       /* vision, prefill, decode */
  bnc_schedule schedule[3];
  bool present[3];
  uint32_t *slab_cols;      /* [constants.weights] */
  uint32_t passes;          /* bit per pass that is on */
  size_t tile_encodes, tile_encodes_reference;
  bnc_program_size reference[3], after[3][BNC_PASSES + 1]; /* [pass]: behind that pass; [BNC_PASSES]: in the end */
  uint32_t embedding;       /* weight id */
} bnc_programs;

/** Builds and optimises. slab_bytes: what a column slab of a weight matrix may occupy (0: no slabs). Free with bnc_programs_free in any case. */
bnc_status bnc_programs_create(bnc_programs *programs, bnc_context *context, const bnc_geometry *geometry, const bnc_build_options *options,
                               const bnc_tensor_source *source, uint32_t passes, size_t slab_bytes, bnc_error *err);
void bnc_programs_free(bnc_programs *programs);

/** The report: JSON, a bnc_mem string. */
bnc_status bnc_programs_report(const bnc_programs *programs, char **json, bnc_error *err);

#endif
