/* SPDX-License-Identifier: Apache-2.0 */
/** @file path_argument.h  Names of files as people type or drop them behind a command of chat: quoted, with backslashes, with ~ in front.
 */
#ifndef BINOCLE_RUNTIME_PROGRAM_PATH_ARGUMENT_H
#define BINOCLE_RUNTIME_PROGRAM_PATH_ARGUMENT_H

#include <stdbool.h>
#include <stddef.h>

/** The file that is meant: text as it stands where there is such a file, else what a shell would make of it; a quote that is not closed
 * ends with the text. Free it; NULL: out of memory. */
char *bnc_path_argument(const char *text);

#define BNC_COMPLETION_TEXT 1024

/** What a tab adds. */
typedef struct bnc_completion {
  char insert[BNC_COMPLETION_TEXT]; /* behind the cursor */
  char list[BNC_COMPLETION_TEXT];   /* what it could be, where nothing can be inserted; else empty */
} bnc_completion;

/** Completes a file's name of which text is the beginning. */
void bnc_path_complete(const char *text, bnc_completion *completion);
/** Completes one of the names, which a NULL ends; a space follows it where it is the only one. */
void bnc_name_complete(const char *text, const char *const *names, bnc_completion *completion);

#endif
