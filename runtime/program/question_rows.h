/* SPDX-License-Identifier: Apache-2.0 */
/** @file question_rows.h  Questions with their pictures as what they put into a text model: what compile --calibration QUESTIONS.jsonl
 * calibrates on. */
#ifndef BINOCLE_RUNTIME_PROGRAM_QUESTION_ROWS_H
#define BINOCLE_RUNTIME_PROGRAM_QUESTION_ROWS_H

#include <binocle/compile.h>
#include <binocle/moments.h>

#include "runtime/program/work.h"

typedef struct bnc_question_rows {
  float *rows;
  size_t *length;
  size_t room;                     /* rows that there is memory for */
  bnc_calibration_prompts prompts; /* the same, for bnc_compile */
  bnc_moments *moments;            /* of what vision's int8 matrices read */
} bnc_question_rows;

/** Files of questions are told by their names: those that end in ".jsonl". */
bool bnc_is_questions(const char *path);

/** Reads questions as `binocle eval` does, at even distances so many as BNC_CALIBRATION_ROWS takes; vision runs on their pictures, in a
 * model of one text layer that is compiled as options say, stands beside its output meanwhile, and gives the rows. Behind a question comes
 * the first of its answers. Returns BNC_EXIT_DONE or the exit code, and says why. Free it either way. */
int bnc_question_rows_read(bnc_work *work, const bnc_compile_options *options, const char *questions, bnc_question_rows *found);
void bnc_question_rows_free(bnc_question_rows *rows);

#endif
