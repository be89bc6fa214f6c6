/* SPDX-License-Identifier: Apache-2.0 */
/** @file command_line.h  The command line that made a report. */
#ifndef BINOCLE_RUNTIME_PROGRAM_COMMAND_LINE_H
#define BINOCLE_RUNTIME_PROGRAM_COMMAND_LINE_H

#include <stddef.h>

/** Writes "binocle COMMAND ..." as a shell would read it again; what does not fit into size bytes is left out. */
void bnc_command_line(char *text, size_t size, const char *command, int argc, char **argv);

#endif
