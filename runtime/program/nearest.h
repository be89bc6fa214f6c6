/* SPDX-License-Identifier: Apache-2.0 */
/** @file nearest.h  "Did you mean": the known name that a mistyped one is nearest to. */
#ifndef BINOCLE_RUNTIME_PROGRAM_NEAREST_H
#define BINOCLE_RUNTIME_PROGRAM_NEAREST_H

#include <stddef.h>

/** Zero-initialised but for typed. */
typedef struct bnc_nearest {
  const char *typed;
  const char *name; /* the nearest of those that were offered, or NULL where none is near */
  size_t distance;
} bnc_nearest;

/** How many letters are to be put in, left out, replaced or swapped with their neighbour, capitals being no others; texts beyond 31 letters
 * are far from all. */
size_t bnc_edit_distance(const char *a, const char *b);
/** A known name. Near is what a slip of the fingers explains: one in three letters, one at least, or a beginning of three letters. */
void bnc_nearest_offer(bnc_nearest *nearest, const char *name);
/** "; did you mean 'run'?" or "", in out, with `dashes` in front of the name. */
const char *bnc_nearest_say(const bnc_nearest *nearest, const char *dashes, char out[96]);

#endif
