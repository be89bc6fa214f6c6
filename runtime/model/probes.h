/* SPDX-License-Identifier: Apache-2.0 */
/** @file probes.h  Which values of a program can be looked at. */
#ifndef BINOCLE_RUNTIME_MODEL_PROBES_H
#define BINOCLE_RUNTIME_MODEL_PROBES_H

#include "runtime/model/model_file.h"

/** More probes than this make a program invalid: no compiler writes them. */
#define BNC_PROBES_MAX 4096u

/** Indices of a stage's probes in the program's order, each value once: where merging made several values one (the base picture and a
   strided view), the first stands for all. index [head->probes]. Returns how many. This order is that of `vision.live_tiles` and of `encode
   --stage tiles`. */
size_t bnc_program_stage_probes(const bnc_program *program, uint32_t stage, uint32_t *index);

#endif
