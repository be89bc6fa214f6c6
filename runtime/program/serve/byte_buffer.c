/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/serve/byte_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(bnc_byte_buffer *buffer, size_t count) {
  if (buffer->failed) return false;
  if (count < buffer->room - buffer->length) return true;
  const size_t half = buffer->length / 2, room = buffer->length + count + half + 64;
  char *grown = room > count ? realloc(buffer->data, room) : NULL;
  if (!grown) {
    buffer->failed = true;
    return false;
  }
  buffer->data = grown;
  buffer->room = room;
  return true;
}

void bnc_byte_buffer_add(bnc_byte_buffer *buffer, const void *bytes, size_t count) {
  if (!reserve(buffer, count)) return;
  if (count) memcpy(buffer->data + buffer->length, bytes, count);
  buffer->length += count;
  buffer->data[buffer->length] = '\0';
}

void bnc_byte_buffer_text(bnc_byte_buffer *buffer, const char *text) { bnc_byte_buffer_add(buffer, text, strlen(text)); }

void bnc_byte_buffer_print(bnc_byte_buffer *buffer, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  const int length = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (length < 0)
    buffer->failed = true;
  else if (reserve(buffer, (size_t)length))
    buffer->length += (size_t)vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, again);
  va_end(again);
}

void bnc_byte_buffer_drop(bnc_byte_buffer *buffer, size_t count) {
  if (count == 0) return;
  buffer->length -= count;
  memmove(buffer->data, buffer->data + count, buffer->length + 1);
}

void bnc_byte_buffer_free(bnc_byte_buffer *buffer) {
  free(buffer->data);
  *buffer = (bnc_byte_buffer){0};
}
