/* SPDX-License-Identifier: Apache-2.0 */
/** @file made_case.h  Small checkpoints of many geometries, made from seeds, for comparisons with reference.py. */
#ifndef BINOCLE_TESTS_MADE_CASE_H
#define BINOCLE_TESTS_MADE_CASE_H

#include "tests/import/make_checkpoint.h"

#define MADE_CASES 8
#define MADE_FORCED 5

typedef struct made_case {
  const char *name; /* the checkpoint's folder; a tower apart lies in NAME_tower */
  make_spec spec;
  int64_t ids[16]; /* the prompt, -200 for the picture */
  size_t count;
  int64_t forced[MADE_FORCED];
  size_t tiles; /* that the compiled program runs; 0: no vision */
} made_case;

made_case made_case_at(size_t index);
/** Writes the checkpoint into the working directory. */
void made_case_write(const made_case *c);
/** Random pixels [side, side, 3]; free with free. */
uint8_t *made_case_pixels(const made_case *c);

#endif
