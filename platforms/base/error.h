/* SPDX-License-Identifier: Apache-2.0 */
/** @file error.h  An error is a status and one line for a person: the file, what was found, what was expected. */
#ifndef BINOCLE_PLATFORMS_BASE_ERROR_H
#define BINOCLE_PLATFORMS_BASE_ERROR_H

#include <binocle/status.h>

#define BNC_ERROR_TEXT_SIZE 1024

typedef struct bnc_error {
  bnc_status status;
  char text[BNC_ERROR_TEXT_SIZE]; /* one line, no line break at the end, control characters of outside data replaced by '?' */
} bnc_error;

/** Sets *err (may be NULL) and returns status, so that a caller writes `return bnc_fail(err, BNC_ERROR_FORMAT, "...", ...)`. */
__attribute__((format(printf, 3, 4))) bnc_status bnc_fail(bnc_error *err, bnc_status status, const char *format, ...);

/** Puts "prefix: " in front of err's text: callers that know the file's name add it to errors of those that only saw bytes. Returns err's
 * status. */
__attribute__((format(printf, 2, 3))) bnc_status bnc_error_prefix(bnc_error *err, const char *format, ...);

/** For a failed system call: BNC_ERROR_IO with "WHAT: strerror(errno)". */
__attribute__((format(printf, 2, 3))) bnc_status bnc_fail_errno(bnc_error *err, const char *format, ...);

/** For a failed allocation of size bytes. */
bnc_status bnc_fail_memory(bnc_error *err, unsigned long long size);

#endif
