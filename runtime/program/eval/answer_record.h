/* SPDX-License-Identifier: Apache-2.0 */
/** @file answer_record.h  A line of an answers file: the question as it was asked, the model, and what came of it. Lines stand alone, so
   that files of several machines may be joined. */
#ifndef BINOCLE_RUNTIME_PROGRAM_EVAL_ANSWER_RECORD_H
#define BINOCLE_RUNTIME_PROGRAM_EVAL_ANSWER_RECORD_H

#include <binocle/context.h>

#include "runtime/program/eval/question.h"

#define BNC_RECORD_LIMIT (BNC_QUESTION_LIMIT * 16) /* bytes of a line: a question whose every byte was escaped, and a long answer */
#define BNC_MODEL_NAME 17
#define BNC_ANSWER_FORM 32

/** What answered: equal for equal models. */
typedef struct bnc_answerer {
  char model[BNC_MODEL_NAME]; /* the fingerprint, 16 hexadecimal digits */
  uint64_t max_tokens;
  char form[BNC_ANSWER_FORM]; /* that answers had to have, as bnc_form.name; "": none */
} bnc_answerer;

typedef struct bnc_answer_record {
  const bnc_question *question;
  bnc_answerer by;
  const char *answer; /* [length] */
  size_t length;
  const char *finish; /* "stop", "length", "context" or "error" */
  const char *error;  /* why the question could not be asked, which counts as wrong; NULL: it was */
  bool right, cut;    /* cut: the prompt did not fit into the context whole */
  double seconds;
  double joules; /* NaN: no meter */
  uint64_t prompt_tokens, answer_tokens;
} bnc_answer_record;

/** The line, with its break; free with free. NULL: out of memory, or text that is not UTF-8 (bnc_context_error). */
char *bnc_answer_record_line(bnc_context *context, const bnc_answer_record *record, size_t *length);
/** The front of that line, up to what came of the question. */
char *bnc_answer_record_front(bnc_context *context, const bnc_question *question, const bnc_answerer *by, size_t *length);

/** The other way: question holds the texts and is to be freed by the caller. false: why says what is wrong, nothing is to be freed. */
bool bnc_answer_record_parse(bnc_answer_record *record, bnc_question *question, const char *line, size_t length, uint64_t number,
                             char why[BNC_WHY]);

#endif
