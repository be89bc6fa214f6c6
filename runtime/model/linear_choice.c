/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/model/linear_choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/matmul/matmul.h"
#include "platforms/cpu/cpu_record.h"

/* Of a machine whose level cannot be told, sessions say why. */
static void choose_by_level(bnc_linear_choice *choice) {
  bnc_cpu_level level;
  bnc_error err;
  if (bnc_cpu_detect_level(&level, &err) != BNC_OK) return;
  choice->own[BNC_WEIGHT_QC8] = bnc_matmul_i8_wins(level, bnc_cpu_probe_features());
  choice->own_vision_f32 = bnc_matmul_f32_wins(level);
}

bnc_status bnc_linear_choose(const char *name, bnc_linear_choice *choice, bnc_error *err) {
  const char *variable = name ? NULL : getenv("BINOCLE_LINEAR");
  if (!name) name = variable && *variable ? variable : "auto";
  const bool own = strcmp(name, "own") == 0, automatic = strcmp(name, "auto") == 0;
  *choice = (bnc_linear_choice){0};
  if (!own && !automatic && strcmp(name, "xnnpack") != 0)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "%s: found '%.64s', expected one of: auto, own, xnnpack",
                    variable ? "BINOCLE_LINEAR" : "linear", name);
  const bool only_own = automatic && !bnc_cpuinfo_start(); /* XNNPACK cannot run */
  choice->own[BNC_WEIGHT_F32] = choice->own[BNC_WEIGHT_QC8] = own || only_own;
  if (automatic && !only_own) choose_by_level(choice);
  choice->own[BNC_WEIGHT_QG4] = choice->own[BNC_WEIGHT_QC4] = choice->own[BNC_WEIGHT_BF16] = own || automatic;
  snprintf(choice->name, sizeof choice->name, "%s", name);
  return BNC_OK;
}
