/* SPDX-License-Identifier: Apache-2.0 */
/** @file chat.h  A conversation at a keyboard or out of a file, and the lines that steer it. */
#ifndef BINOCLE_RUNTIME_PROGRAM_CHAT_H
#define BINOCLE_RUNTIME_PROGRAM_CHAT_H

#include "runtime/program/answer.h"
#include "runtime/program/joules.h"
#include "runtime/program/path_argument.h"

typedef struct bnc_chat {
  bnc_work work;
  bnc_joules joules; /* that a limit of power looks at */
  bnc_answer_options answer;
  const bnc_arguments *arguments; /* of the command line */
  const char *path;               /* of the model */
  char **shown;                   /* [shown_count] owned: files of the pictures that /image added */
  size_t shown_count, pictures;   /* pictures: added since the last question */
  bool keyboard;                  /* a person types: what goes wrong is said, and the conversation goes on */
} bnc_chat;

#define BNC_CHAT_GO_ON (-1) /* not an exit code: next line */

/** What the steering lines do, a line each, for --help and /help. */
#define BNC_CHAT_COMMANDS                                                                                                                  \
  "/image FILE    a picture for the next question; quotes and ~ as in a shell, Tab completes\n"                                            \
  "/save FILE     writes the conversation as it stands\n"                                                                                  \
  "/restore FILE  goes on with a conversation that was written\n"                                                                          \
  "/stats         pictures, tokens, seconds and rows of the context so far\n"                                                              \
  "/reset         forget the conversation and its pictures\n"                                                                              \
  "/help          this\n"                                                                                                                  \
  "/quit          leave, as the end of input does; Ctrl-C stops an answer or drops a line\n"

/** After a line that came to `code`: one that failed ends a conversation only where nobody is there to see it. */
int bnc_chat_after(const bnc_chat *chat, int code);
/** A line that begins with a slash; changes it. An exit code, or BNC_CHAT_GO_ON. */
int bnc_chat_command(bnc_chat *chat, char *line);
/** Forgets which pictures /image added. */
void bnc_chat_free(bnc_chat *chat);
/** A bnc_complete_line. */
void bnc_chat_complete(const char *line, bnc_completion *completion);

#endif
