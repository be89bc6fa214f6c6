/* SPDX-License-Identifier: Apache-2.0 */
/** @file question.h  A question with its pictures and the answers that are right, as a line of JSON has it. */
#ifndef BINOCLE_RUNTIME_PROGRAM_EVAL_QUESTION_H
#define BINOCLE_RUNTIME_PROGRAM_EVAL_QUESTION_H

#include "runtime/program/lines.h"

#define BNC_QUESTION_LIMIT ((size_t)1 << 20) /* bytes of a line of questions */
#define BNC_QUESTION_IMAGES 64

/** {"question": text, "image": path or list of paths (or "images"), "answers": list (or "answer": text), "category": text, "id": text or
   whole number}; without an id, it is the number of the line. Other members are not looked at. */
typedef struct bnc_question {
  void *document; /* a yyjson_doc: owns every text */
  uint64_t line;
  const char *id; /* NULL: number */
  int64_t number;
  const char *category; /* NULL: none */
  const char *text;
  const char **image;    /* [images]: as the line has them */
  const char **expected; /* [answers] */
  size_t images, answers;
} bnc_question;

typedef enum bnc_question_kind {
  BNC_QUESTION_ASKED,   /* a line of questions */
  BNC_QUESTION_ANSWERED /* a line of answers: what is expected stands under "expected" */
} bnc_question_kind;

/** line: [length], the number-th of its file. false: why says what is wrong with it, and nothing is to be freed. */
bool bnc_question_parse(bnc_question *question, bnc_question_kind kind, const char *line, size_t length, uint64_t number,
                        char why[BNC_WHY]);
void bnc_question_free(bnc_question *question);

/** The first member in which two questions differ ("id", "image" ...); NULL: none. */
const char *bnc_question_difference(const bnc_question *a, const bnc_question *b);
/** Less than, equal to or greater than 0: orders questions by their pictures. */
int bnc_question_compare_images(const bnc_question *a, const bnc_question *b);

#endif
