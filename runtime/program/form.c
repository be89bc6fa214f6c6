/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/form.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEMA_BYTES ((size_t)1 << 18)

static int constrain(bnc_work *work, const char *where, bnc_constraint_kind kind, const char *const *texts, size_t count) {
  const bnc_status s = bnc_session_constrain(work->session, kind, texts, count);
  return s == BNC_OK ? BNC_EXIT_DONE : bnc_work_fail(work, s, where, bnc_session_error(work->session));
}

static int apply_schema(bnc_work *work, const char *path) {
  FILE *file = fopen(bnc_work_input(path), "rb");
  if (!file) return bnc_work_refuse(work, "%s: %s", path, strerror(errno));
  char *text = malloc(SCHEMA_BYTES + 1);
  const size_t size = text ? fread(text, 1, SCHEMA_BYTES + 1, file) : 0;
  const bool failed = ferror(file) != 0;
  const int problem = errno;
  fclose(file);
  int code = BNC_EXIT_DONE;
  if (!text)
    code = bnc_work_refuse(work, "out of memory for the schema");
  else if (failed)
    code = bnc_work_refuse(work, "%s: %s", path, strerror(problem));
  else if (size > SCHEMA_BYTES)
    code = bnc_work_refuse(work, "%s: is larger than %zu bytes, expected a schema", path, SCHEMA_BYTES);
  else if (memchr(text, '\0', size))
    code = bnc_work_refuse(work, "%s: has a zero byte, expected a schema", path);
  if (code == BNC_EXIT_DONE) {
    text[size] = '\0';
    code = constrain(work, path, BNC_CONSTRAINT_JSON_SCHEMA, (const char *const *)&text, 1);
  }
  free(text);
  return code;
}

/* The list is cut at its commas. */
static int apply_choice(bnc_work *work, const char *list) {
  size_t count = 1;
  for (const char *c = list; *c; c++) count += *c == ',';
  char *copy = strdup(list), **texts = malloc(count * sizeof *texts);
  int code = BNC_EXIT_DONE;
  if (!copy || !texts) code = bnc_work_refuse(work, "out of memory for %zu choices", count);
  if (code == BNC_EXIT_DONE) {
    char *at = copy;
    for (size_t i = 0; i < count; i++) texts[i] = strsep(&at, ",");
    code = constrain(work, "--choice", BNC_CONSTRAINT_CHOICE, (const char *const *)texts, count);
  }
  free(texts);
  free(copy);
  return code;
}

int bnc_form_apply(bnc_work *work, const bnc_form *form) {
  if (!!form->schema + !!form->choice + !!form->regex > 1)
    return bnc_work_refuse(work, "more than one of --json-schema, --choice and --regex is given: an answer has one form");
  if (form->schema) return apply_schema(work, form->schema);
  if (form->choice) return apply_choice(work, form->choice);
  return form->regex ? constrain(work, "--regex", BNC_CONSTRAINT_REGEX, &form->regex, 1) : BNC_EXIT_DONE;
}
