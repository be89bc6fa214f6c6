/* SPDX-License-Identifier: Apache-2.0 */
/** @file text_file.h  A file of text, whole. */
#ifndef BINOCLE_RUNTIME_PROGRAM_TEXT_FILE_H
#define BINOCLE_RUNTIME_PROGRAM_TEXT_FILE_H

#include "runtime/program/work.h"

/** Of `limit` bytes at most, with a zero behind them; kind: what it should be, "a schema". *text, NULL before, is to be freed whatever
 * comes of it. Exit codes as in work.h. */
int bnc_text_file_read(bnc_work *work, const char *path, const char *kind, size_t limit, char **text, size_t *length);

#endif
