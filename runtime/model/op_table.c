/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/model/op_table.h"

/* Files hold these numbers. */
_Static_assert(BNC_OP_NORMALIZE == 0 && BNC_OP_LINEAR == 6 && BNC_OP_MEAN == 12 && BNC_OP_ATTENTION == 17 && BNC_OP_ATTENTION_I8 == 22 &&
                   BNC_OP_HADAMARD == 23,
               "a kind was put between others: new ones go to the end");

#define ROW(kind, name, family, group, macs, i0, i1, i2, i3, o0, o1, o2)                                                                   \
  [BNC_OP_##kind] = {#name,                                                                                                                \
                     BNC_GROUP_##group,                                                                                                    \
                     BNC_MACS_##macs,                                                                                                      \
                     {BNC_ROLE_##i0, BNC_ROLE_##i1, BNC_ROLE_##i2, BNC_ROLE_##i3},                                                         \
                     {BNC_ROLE_##o0, BNC_ROLE_##o1, BNC_ROLE_##o2}},

const bnc_op_info *bnc_op_info_of(uint32_t kind) {
  static const bnc_op_info rows[BNC_OP_KINDS] = {BNC_OP_TABLE(ROW)}, unknown = {.name = "?", .group = BNC_GROUP_MOVE};
  return kind < BNC_OP_KINDS ? &rows[kind] : &unknown;
}

uint64_t bnc_op_macs(uint32_t kind, const bnc_op_sizes *s) {
  switch (bnc_op_info_of(kind)->macs) {
    case BNC_MACS_NONE: return 0;
    case BNC_MACS_PRODUCT: return s->rows * s->cols * s->depth;
    case BNC_MACS_KEYS: return 2 * s->rows * s->cols * s->depth;
    case BNC_MACS_TAPS: return s->taps[0] * s->cols;
    case BNC_MACS_TAPS_2D: return s->taps[0] * s->taps[1] * s->cols;
  }
  return 0;
}
