/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Names and values out of hostile files end up in messages; a terminal must not obey them. Bytes above 0x7f are UTF-8 and pass. */
static void make_printable(char *text) {
  for (unsigned char *p = (unsigned char *)text; *p; p++)
    if (*p < 0x20 || *p == 0x7f) *p = '?';
}

bnc_status bnc_fail(bnc_error *err, bnc_status status, const char *format, ...) {
  if (err) {
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    make_printable(err->text);
    err->status = status;
  }
  return status;
}

bnc_status bnc_error_prefix(bnc_error *err, const char *format, ...) {
  if (!err) return BNC_ERROR_INTERNAL;
  char text[BNC_ERROR_TEXT_SIZE];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (n < 0 || (size_t)n >= sizeof text) n = (int)strlen(text);
  snprintf(text + n, sizeof text - (size_t)n, ": %s", err->text);
  memcpy(err->text, text, sizeof text);
  make_printable(err->text);
  return err->status;
}

bnc_status bnc_fail_errno(bnc_error *err, const char *format, ...) {
  int code = errno;
  if (err) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof err->text) snprintf(err->text + n, sizeof err->text - (size_t)n, ": %s", strerror(code));
    make_printable(err->text);
    err->status = BNC_ERROR_IO;
  }
  return BNC_ERROR_IO;
}

bnc_status bnc_fail_memory(bnc_error *err, unsigned long long size) {
  return bnc_fail(err, BNC_ERROR_MEMORY, "out of memory: could not get %llu bytes", size);
}
