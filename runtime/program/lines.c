/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/console.h"

static bool put(bnc_lines *lines, char c) {
  if (lines->length + 1 >= lines->room) {
    const size_t room = lines->room ? 2 * lines->room : 256;
    char *text = realloc(lines->text, room);
    if (!text) return false;
    lines->text = text;
    lines->room = room;
  }
  lines->text[lines->length++] = c;
  lines->text[lines->length] = '\0';
  return true;
}

bnc_line bnc_lines_next(bnc_lines *lines, char why[BNC_WHY]) {
  int c;
  lines->length = 0;
  lines->number++;
  errno = 0;
  while ((c = getc(lines->file)) != EOF && c != '\n') {
    if (lines->length == lines->limit) {
      snprintf(why, BNC_WHY, "line %llu: is longer than %zu bytes", (unsigned long long)lines->number, lines->limit);
      return BNC_LINE_WRONG;
    }
    if (!put(lines, (char)c)) {
      snprintf(why, BNC_WHY, "line %llu: out of memory", (unsigned long long)lines->number);
      return BNC_LINE_WRONG;
    }
  }
  if (ferror(lines->file)) {
    snprintf(why, BNC_WHY, "cannot be read: %s", errno ? strerror(errno) : "unknown error");
    return BNC_LINE_WRONG;
  }
  lines->complete = c == '\n';
  const size_t mark = lines->number == 1 && lines->length ? bnc_console_mark(lines->text, lines->length) : 0;
  if (mark) memmove(lines->text, lines->text + mark, (lines->length -= mark) + 1);
  return c == EOF && lines->length == 0 ? BNC_LINE_END : BNC_LINE_READ;
}

bool bnc_lines_blank(const bnc_lines *lines) {
  for (size_t i = 0; i < lines->length; i++)
    if (!strchr(" \t\r", lines->text[i]) || lines->text[i] == '\0') return false;
  return true;
}
