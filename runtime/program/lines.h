/* SPDX-License-Identifier: Apache-2.0 */
/** @file lines.h  Lines of a file, one after the other, none longer than a limit. */
#ifndef BINOCLE_RUNTIME_PROGRAM_LINES_H
#define BINOCLE_RUNTIME_PROGRAM_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Room for the words that say what is wrong. */
#define BNC_WHY 320

typedef enum bnc_line { BNC_LINE_READ, BNC_LINE_END, BNC_LINE_WRONG } bnc_line;

/** Zero-initialised but for file and limit. */
typedef struct bnc_lines {
  FILE *file;
  size_t limit; /* bytes of a line at most */
  char *text;   /* [length], then NUL: the line, without its break; free it in the end */
  size_t length, room;
  uint64_t number; /* of the line, from 1 */
  bool complete;   /* a line break stood behind it */
} bnc_lines;

/** WRONG: why says what, beginning with "line N: " where it is about one. */
bnc_line bnc_lines_next(bnc_lines *lines, char why[BNC_WHY]);
/** Nothing but white space. */
bool bnc_lines_blank(const bnc_lines *lines);

#endif
