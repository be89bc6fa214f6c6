/* SPDX-License-Identifier: Apache-2.0 */
/** @file byte_buffer.h  Bytes that grow. Memory that cannot be had is noted once and told at the end. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_BYTE_BUFFER_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_BYTE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

/** All zero: an empty one. */
typedef struct bnc_byte_buffer {
  char *data; /* [length], and a NUL behind it unless data is NULL */
  size_t length, room;
  bool failed; /* something could not be added; later additions do nothing */
} bnc_byte_buffer;

void bnc_byte_buffer_add(bnc_byte_buffer *buffer, const void *bytes, size_t count);
void bnc_byte_buffer_text(bnc_byte_buffer *buffer, const char *text);
void bnc_byte_buffer_print(bnc_byte_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Takes the first `count` bytes away. */
void bnc_byte_buffer_drop(bnc_byte_buffer *buffer, size_t count);
/** Frees the bytes; the buffer is empty and may be used again. */
void bnc_byte_buffer_free(bnc_byte_buffer *buffer);

#endif
