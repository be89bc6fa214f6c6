/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/eval/answer_match.h"

#include <string.h>

typedef struct folded {
  const char *at, *end;
} folded;

static bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_mark(char c) { return c && strchr(".,;:!?", c) != NULL; }

static folded fold(const char *text, size_t length) {
  folded f = {text, text + length};
  while (f.at < f.end && is_space(*f.at)) f.at++;
  while (f.end > f.at && is_space(f.end[-1])) f.end--;
  const char *end = f.end;
  while (end > f.at && (is_mark(end[-1]) || is_space(end[-1]))) end--;
  if (end > f.at) f.end = end;
  return f;
}

/* -1 at the end. */
static int next(folded *f) {
  if (f->at == f->end) return -1;
  const char c = *f->at++;
  if (is_space(c)) {
    while (is_space(*f->at)) f->at++; /* the last character is none */
    return ' ';
  }
  return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool bnc_answer_matches(const char *answer, size_t length, const char *expected) {
  folded a = fold(answer, length), b = fold(expected, strlen(expected));
  int c;
  do {
    c = next(&a);
    if (c != next(&b)) return false;
  } while (c >= 0);
  return true;
}

bool bnc_answer_matches_any(const char *answer, size_t length, const char *const *expected, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (bnc_answer_matches(answer, length, expected[i])) return true;
  return false;
}
