/* SPDX-License-Identifier: Apache-2.0 */
/** @file answers_file.h  The file that an evaluation writes: a line per answer, each handed over at once, so that a later run goes on where
   one ended. While it is open nobody else writes it. */
#ifndef BINOCLE_RUNTIME_PROGRAM_EVAL_ANSWERS_FILE_H
#define BINOCLE_RUNTIME_PROGRAM_EVAL_ANSWERS_FILE_H

#include "runtime/program/eval/question_set.h"
#include "runtime/program/eval/tally.h"

typedef struct bnc_answers_file {
  int fd;
  const char *path; /* not owned */
  bool made;        /* was not there before */
  bool regular;     /* no pipe or device: it can be read back and cut */
  uint64_t size;    /* bytes of whole lines */
} bnc_answers_file;

#define BNC_ANSWERS_CLOSED {.fd = -1}

/** Opens it for writing, made where it is not there; "-" is standard output. false: why. */
bool bnc_answers_file_open(bnc_answers_file *file, const char *path, char why[BNC_WHY]);
/** Reads the answers that stand in the file: they must be to the first questions of the set, by the same answerer. They are added to
   results, and a last line that was not written whole is cut away. false: why; the file is as it was. */
bool bnc_answers_file_resume(bnc_answers_file *file, bnc_context *context, const bnc_question_set *set, const bnc_answerer *by,
                             bnc_results *results, char why[BNC_WHY]);
/** Empties it. */
bool bnc_answers_file_clear(bnc_answers_file *file, char why[BNC_WHY]);
/** Appends a line. A line that could not be written whole is taken back where that is possible. */
bool bnc_answers_file_append(bnc_answers_file *file, const char *line, size_t length, char why[BNC_WHY]);
/** An empty file that was not there before stays only where everything is done. false: why; a late error of a file system that buffers. */
bool bnc_answers_file_close(bnc_answers_file *file, bool done, char why[BNC_WHY]);

#endif
