/* SPDX-License-Identifier: Apache-2.0 */
/** @file question_set.h  All questions of a file, those about the same pictures side by side, and one machine's share of them. */
#ifndef BINOCLE_RUNTIME_PROGRAM_EVAL_QUESTION_SET_H
#define BINOCLE_RUNTIME_PROGRAM_EVAL_QUESTION_SET_H

#include "runtime/program/eval/question.h"

typedef struct bnc_question_set {
  bnc_question *question; /* [count] */
  size_t count, room;
} bnc_question_set;

/** Reads every line; blank ones are passed over. false: why says what is wrong, and in which line. Free the set either way. */
bool bnc_question_set_read(bnc_question_set *set, FILE *file, char why[BNC_WHY]);
/** The same of the file of that name; "-" is standard input. */
bool bnc_question_set_load(bnc_question_set *set, const char *path, char why[BNC_WHY]);
/** Paths of pictures count from the folder of the file of questions. Free with free; NULL: out of memory. */
char *bnc_question_picture(const char *questions, const char *image);
/** Puts questions about the same pictures side by side: groups in the order of their first lines, inside them the order of lines. A
   question without a picture is a group of its own. Then keeps group index, index + of, index + 2 of ...; index counts from 0. false: out
   of memory. */
bool bnc_question_set_share(bnc_question_set *set, uint64_t index, uint64_t of);
void bnc_question_set_free(bnc_question_set *set);

#endif
