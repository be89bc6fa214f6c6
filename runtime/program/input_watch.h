/* SPDX-License-Identifier: Apache-2.0 */
/** @file input_watch.h  What vision's int8 matrices read, on its way from a session to moments. */
#ifndef BINOCLE_RUNTIME_PROGRAM_INPUT_WATCH_H
#define BINOCLE_RUNTIME_PROGRAM_INPUT_WATCH_H

#include <binocle/fidelity.h>
#include <binocle/moments.h>

/** Zero-initialised but for moments. */
typedef struct bnc_input_watch {
  bnc_moments *moments;
  float *rows; /* those of a matrix that are taken; freed by the owner */
  size_t room; /* elements */
  bnc_status status;
} bnc_input_watch;

/** A bnc_on_inputs with such a watch: takes some 64 rows of what a matrix reads, at even distances. */
void bnc_input_watch_add(void *watch, const bnc_matrix_inputs *inputs);

#endif
