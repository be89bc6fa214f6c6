/* SPDX-License-Identifier: Apache-2.0 */
/** @file assemble.h  What compile and synth share: from a geometry and a source of tensors to a model file. */
#ifndef BINOCLE_QUANT_COMPILE_ASSEMBLE_H
#define BINOCLE_QUANT_COMPILE_ASSEMBLE_H

#include <binocle/compile.h>

#include "platforms/base/context_private.h"
#include "quant/graph/constants.h"
#include "quant/import/geometry.h"
#include "runtime/model/demand.h"

/** Pointers are the caller's. */
typedef struct bnc_assembly {
  const bnc_geometry *geometry;
  const bnc_tensor_source *source;
  const char *name;         /* of the model, as inspect shows it; NULL: none */
  bnc_file_meta meta;       /* bos, stops and prompt_template filled in; the rest follows from geometry and options */
  const uint8_t *tokenizer; /* compact form; NULL: none */
  size_t tokenizer_size;
  const char *system; /* of a conversation that names none; NULL: the prompt template's own */
  bool random;        /* the source's weights are random, and as random when rotated: they are taken as they are */
  bnc_demand *demand; /* not NULL: filled in, and nothing is quantised or written */
} bnc_assembly;

/** A copy of the caller's options with what its version of them lacks at the defaults, checked for what compile and synth have in common;
 * whether there is an output is bnc_assemble_model's to ask. */
bnc_status bnc_compile_options_take(bnc_compile_options *taken, const bnc_compile_options *options, bnc_error *err);
/** Builds, optimises, schedules, quantises and writes options->output (and options->report). */
bnc_status bnc_assemble_model(bnc_context *context, const bnc_compile_options *options, const bnc_assembly *assembly, bnc_error *err);

#endif
