/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/describe/palette.h"

const bnc_palette_entry *bnc_palette_of(unsigned group) {
  static const bnc_palette_entry entries[BNC_GROUPS + 1] = {
      [BNC_GROUP_PICTURE] = {"picture", "#17a2a2", "#2fc4c4"},         [BNC_GROUP_LINEAR] = {"linear", "#4878cf", "#6f9bee"},
      [BNC_GROUP_ATTENTION] = {"attention", "#e8833a", "#f39a57"},     [BNC_GROUP_NORM] = {"norm, quantise", "#58a65c", "#72c276"},
      [BNC_GROUP_ACTIVATION] = {"activation", "#9b6bc9", "#b78be0"},   [BNC_GROUP_SUM] = {"sum", "#c9a227", "#ddb943"},
      [BNC_GROUP_MOVE] = {"copy, take, rotate", "#a8796a", "#c2978a"}, [BNC_GROUPS] = {"input", "#4d4d4d", "#9a9a9a"},
  };
  return &entries[group < BNC_GROUPS ? group : BNC_GROUPS];
}
