/* SPDX-License-Identifier: Apache-2.0 */
/** @file calibrate.h  compile --calibration: a text, or prompts with pictures, run through the model, layer by layer; each layer's matrices
   are balanced against the inputs that they really get (balance.h), int4 ones rounded for them (gptq.h), and the next layer sees what the
   rounded ones make of it.

    In memory are one layer's activations of all rows, one second moment, and some rows of a matrix. The result does not depend on the
   number of threads. What is rounded goes to rounded_files.h; an interrupted run goes on behind its last whole layer. */
#ifndef BINOCLE_QUANT_CALIBRATE_CALIBRATE_H
#define BINOCLE_QUANT_CALIBRATE_CALIBRATE_H

#include <binocle/compile.h>

#include "platforms/base/context_private.h"
#include "quant/calibrate/balance.h"
#include "quant/graph/precision.h"
#include "quant/import/geometry.h"
#include "quant/rotate/rotation.h"

enum { BNC_CALIBRATE_WINDOW = 256, BNC_CALIBRATE_LEAST = 64 /* rows */ };

typedef struct bnc_calibration {
  const bnc_text_geometry *text;
  bnc_balance *balance;                   /* over the checkpoint; zeros, then what is chosen */
  const bnc_rotation *rotation;           /* what the balance is over, or NULL */
  const bnc_calibration_prompts *prompts; /* NULL: ids */
  const int32_t *ids; /* [count], inside the vocabulary; whole windows of them are taken, as many as BNC_CALIBRATION_ROWS */
  size_t count;
  size_t group;                        /* int4; 0: the weights will be int8, and are balanced alone */
  const bnc_text_precision *precision; /* int4: of each matrix; NULL: groups are alike */
  bool head;                           /* the head is rounded too, to QC4 */
  const char *folder;
} bnc_calibration;

/** BNC_ERROR_ARGUMENT: fewer than BNC_CALIBRATE_LEAST ids or rows of prompts; prompts of another width. */
bnc_status bnc_calibrate(bnc_context *context, const bnc_calibration *calibration, bnc_error *err);

#endif
