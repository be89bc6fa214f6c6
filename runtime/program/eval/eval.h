/* SPDX-License-Identifier: Apache-2.0 */
/** @file eval.h  The two halves of `binocle eval`: asking a model, and summing up what was answered. */
#ifndef BINOCLE_RUNTIME_PROGRAM_EVAL_EVAL_H
#define BINOCLE_RUNTIME_PROGRAM_EVAL_EVAL_H

#include "runtime/program/eval/answers_file.h"
#include "runtime/program/form.h"
#include "runtime/program/joules.h"

typedef struct bnc_eval {
  bnc_work work;
  const char *model, *questions, *output;
  uint64_t shard, shards; /* this share, from 1, and how many there are */
  uint64_t max_tokens;
  bnc_form form;
  bool force, strict; /* strict: a picture that cannot be read ends the run */
  bnc_joules joules;
  bnc_answerer by;
  bnc_question_set set;
  bnc_answers_file file;
  bnc_results results;
  size_t resumed; /* answers that stood in the file */
} bnc_eval;

/* Exit codes as in work.h. */

/** Asks what is not answered yet. */
int bnc_eval_ask(bnc_eval *eval);
/** The table on standard error, and with --json an object on standard output. */
int bnc_eval_report(bnc_eval *eval);
/** Sums up files of answers: a table or an object on standard output. */
int bnc_eval_summary(bnc_work *work, const bnc_operand_list *files);

#endif
