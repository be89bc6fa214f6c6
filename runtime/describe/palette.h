/* SPDX-License-Identifier: Apache-2.0 */
/** @file palette.h  The colours of groups of ops, the same in every picture that Binocle draws: told apart in greys too, and by those who
   see few colours. */
#ifndef BINOCLE_RUNTIME_DESCRIBE_PALETTE_H
#define BINOCLE_RUNTIME_DESCRIBE_PALETTE_H

#include "runtime/model/op_table.h"

typedef struct bnc_palette_entry {
  const char *name;  /* "norm, quantise" */
  const char *light; /* "#4878cf": on white */
  const char *dark;  /* on a dark page */
} bnc_palette_entry;

/** Of a bnc_op_group; BNC_GROUPS: what no op made, a program's input. */
const bnc_palette_entry *bnc_palette_of(unsigned group);

#endif
