/* SPDX-License-Identifier: Apache-2.0 */
/** @file console.h  The program's three streams: results on standard output, checked; single clean lines on standard error; Ctrl-C. */
#ifndef BINOCLE_RUNTIME_PROGRAM_CONSOLE_H
#define BINOCLE_RUNTIME_PROGRAM_CONSOLE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define BNC_EXIT_DONE 0
#define BNC_EXIT_FAILED 1
#define BNC_EXIT_USAGE 2
#define BNC_EXIT_INTERRUPTED 130 /* as shells report Ctrl-C */

/** First thing in main: no later file gets the number of a standard stream that was closed, and a reader that went away is an error
    of the write, not a signal. The standard streams of stdio wait where their descriptors are non-blocking. */
void bnc_console_init(void);

/** All of data, however long a non-blocking descriptor makes us wait; false: errno says why. */
bool bnc_console_write_to(int fd, const char *data, size_t size);
/** Bytes of the byte order mark that some editors put in front of a text: 3 or 0. */
size_t bnc_console_mark(const char *text, size_t length);

/** One line on standard error, "binocle: ...". Control characters, which names of files may hold, are replaced. */
void bnc_console_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Standard output, buffered. Errors are kept until bnc_console_finish or bnc_console_flush. */
void bnc_console_print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void bnc_console_print_list(const char *format, va_list args) __attribute__((format(printf, 1, 0)));
void bnc_console_write(const char *text, size_t length);
/** Text and a line break, unless it ends with one. */
void bnc_console_text(const char *text);
/** Hands over what is buffered. false: standard output does not take it. */
bool bnc_console_flush(void);
/** Flushes and returns `code`, or BNC_EXIT_FAILED where standard output did not take everything; says so, unless its reader went away. */
int bnc_console_finish(int code);

/** Ctrl-C (and SIGTERM) from here on only set a flag. A second one ends the program at once. Call again to arm it anew. */
void bnc_interrupt_arm(void);
bool bnc_interrupted(void);
/** By Ctrl-C, not by SIGTERM. */
bool bnc_interrupted_by_key(void);
/** Waits until standard input can be read, or an interrupt comes: false then, also where it came just before. For a keyboard, whose lines
 * stdio does not hold. */
bool bnc_interrupt_or_input(void);

#endif
