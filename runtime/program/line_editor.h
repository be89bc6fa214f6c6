/* SPDX-License-Identifier: Apache-2.0 */
/** @file line_editor.h  Lines that a person types, with arrow keys, history and tabs: libedit, found when it is needed. One keyboard, hence
    one editor. */
#ifndef BINOCLE_RUNTIME_PROGRAM_LINE_EDITOR_H
#define BINOCLE_RUNTIME_PROGRAM_LINE_EDITOR_H

#include "runtime/program/path_argument.h"

/** What a tab adds behind the beginning of a line. */
typedef void (*bnc_complete_line)(const char *line, bnc_completion *completion);

/** False where lines are not edited: standard input or error is no terminal, it is a dumb one, or the system has no libedit. */
bool bnc_line_editor_open(const char *prompt, bnc_complete_line complete);
/** Whether the line that the last interrupt took away had text. */
bool bnc_line_editor_had_text(void);
/** A line with its break, valid until the next call; NULL at the end, or where an interrupt came. */
const char *bnc_line_editor_next(size_t *length);
/** Keeps the history, the last 500 lines, in $XDG_STATE_HOME/binocle/history, by default ~/.local/state/binocle/history. */
void bnc_line_editor_close(void);

#endif
