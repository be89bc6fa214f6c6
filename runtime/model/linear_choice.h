/* SPDX-License-Identifier: Apache-2.0 */
/** @file linear_choice.h  Which of the two backends multiplies with which weights: our kernels (ops/matmul), straight from the model file,
 * or XNNPACK's operators (ops/xnn), from weights packed for them. */
#ifndef BINOCLE_RUNTIME_MODEL_LINEAR_CHOICE_H
#define BINOCLE_RUNTIME_MODEL_LINEAR_CHOICE_H

#include <stdbool.h>

#include "platforms/base/error.h"
#include "runtime/model/format.h"

/** All zeros: XNNPACK multiplies with every weight. */
typedef struct bnc_linear_choice {
  bool own[BNC_WEIGHT_DTYPES]; /* by bnc_weight_dtype */
  bool own_vision_f32;         /* f32 that no text multiplies with: its rows come in hundreds */
  char name[8];                /* "auto", "own", "xnnpack" */
} bnc_linear_choice;

/**
 * "own" and "xnnpack" mean every linear layer; "auto" means whichever a committed row of bench/baselines shows to be the faster: XNNPACK
 * for f32 (linear_f32-*.csv) but for vision's where bnc_matmul_f32_wins, ours for int8 where bnc_matmul_i8_wins (int8_*.csv), ours for int4
 * (int4_*.csv) and bf16 (bf16-*.csv); ours for all where XNNPACK cannot run. NULL: what BINOCLE_LINEAR says, else auto. BNC_ERROR_ARGUMENT
 * for any other name.
 */
bnc_status bnc_linear_choose(const char *name, bnc_linear_choice *choice, bnc_error *err);

#endif
