/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/serve/form_data.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The boundary out of the field's parameters, bare or in quotes. */
static bool find_boundary(const char *content_type, char boundary[BNC_FORM_BOUNDARY + 1]) {
  static const char type[] = "multipart/form-data", name[] = "boundary=";
  if (strncasecmp(content_type, type, sizeof type - 1) != 0) return false;
  const char *at = content_type + sizeof type - 1;
  while (*at == ';' || *at == ' ') at++;
  if (strncasecmp(at, name, sizeof name - 1) != 0) return false;
  at += sizeof name - 1;
  const bool quoted = *at == '"';
  at += quoted;
  const size_t length = strcspn(at, quoted ? "\"" : "; ");
  if (length == 0 || length > BNC_FORM_BOUNDARY || (quoted && at[length] != '"')) return false;
  memcpy(boundary, at, length);
  boundary[length] = '\0';
  return true;
}

bool bnc_form_begin(bnc_form *form, const char *content_type, const char *body, size_t length) {
  char boundary[BNC_FORM_BOUNDARY + 1];
  if (!find_boundary(content_type, boundary)) return false;
  snprintf(form->delimiter, sizeof form->delimiter, "\r\n--%s", boundary);
  form->at = body;
  form->end = body + length;
  const size_t first = strlen(form->delimiter) - 2; /* no line stands before the first one */
  if (length < first || memcmp(body, form->delimiter + 2, first) != 0) return false;
  form->at += first;
  return true;
}

/* The value of name="..." in the head of a part, [length]. */
static bool find_name(const char *head, size_t length, char name[BNC_FORM_NAME]) {
  static const char field[] = "content-disposition:", key[] = "; name=\"";
  const char *end = head + length;
  for (const char *line = head; line < end;) {
    const char *stop = memmem(line, (size_t)(end - line), "\r\n", 2);
    if (!stop) stop = end;
    if ((size_t)(stop - line) > sizeof field && strncasecmp(line, field, sizeof field - 1) == 0) {
      const char *value = memmem(line, (size_t)(stop - line), key, sizeof key - 1);
      if (!value) return false;
      value += sizeof key - 1;
      const char *quote = memchr(value, '"', (size_t)(stop - value));
      if (!quote || quote - value >= BNC_FORM_NAME) return false;
      memcpy(name, value, (size_t)(quote - value));
      name[quote - value] = '\0';
      return true;
    }
    line = stop == end ? end : stop + 2;
  }
  return false;
}

int bnc_form_next(bnc_form *form, bnc_form_part *part) {
  if (form->end - form->at < 2) return -1;
  if (form->at[0] == '-' && form->at[1] == '-') return 0;
  if (form->at[0] != '\r' || form->at[1] != '\n') return -1;
  const char *head = form->at + 2;
  const char *body = memmem(head, (size_t)(form->end - head), "\r\n\r\n", 4);
  if (!body || !find_name(head, (size_t)(body - head), part->name)) return -1;
  body += 4;
  /* The line break in front of the delimiter is its own, and where a part is empty, the one that ends the head. */
  const char *stop = memmem(body - 2, (size_t)(form->end - body) + 2, form->delimiter, strlen(form->delimiter));
  if (!stop) return -1;
  part->data = body;
  part->length = stop > body ? (size_t)(stop - body) : 0;
  form->at = stop + strlen(form->delimiter);
  return 1;
}
