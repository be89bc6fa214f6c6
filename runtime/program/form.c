/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/form.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/program/text_file.h"

#define SCHEMA_BYTES ((size_t)1 << 18)

static int constrain(bnc_work *work, const char *where, bnc_constraint_kind kind, const char *const *texts, size_t count) {
  const bnc_status s = bnc_session_constrain(work->session, kind, texts, count);
  if (s == BNC_OK) return BNC_EXIT_DONE;
  const int code = bnc_work_fail(work, s, where, bnc_session_error(work->session));
  const bool wrong = s == BNC_ERROR_ARGUMENT || s == BNC_ERROR_FORMAT || s == BNC_ERROR_UNSUPPORTED;
  return wrong && where[0] == '-' && where[1] == '-' ? BNC_EXIT_USAGE : code; /* an option's text, and no file's */
}

static int read_schema(bnc_work *work, const char *path, char **text) {
  size_t size;
  const int code = bnc_text_file_read(work, path, "a schema", SCHEMA_BYTES, text, &size);
  if (code != BNC_EXIT_DONE || !memchr(*text, '\0', size)) return code;
  return bnc_work_refuse(work, "%s: has a zero byte, expected a schema", path);
}

static void set_name(bnc_form *form, const char *kind, const char *text) {
  uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a: forms are told apart, not guarded */
  for (; *text; text++) hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
  snprintf(form->name, sizeof form->name, "%s %016" PRIx64, kind, hash);
}

int bnc_form_load(bnc_work *work, bnc_form *form) {
  const int code = form->schema ? read_schema(work, form->schema, &form->text) : BNC_EXIT_DONE;
  if (code != BNC_EXIT_DONE) return code;
  if (form->schema) set_name(form, "schema", form->text);
  if (form->choice) set_name(form, "choice", form->choice);
  if (form->regex) set_name(form, "regex", form->regex);
  return BNC_EXIT_DONE;
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
  if (form->schema) return constrain(work, form->schema, BNC_CONSTRAINT_JSON_SCHEMA, (const char *const *)&form->text, 1);
  if (form->choice) return apply_choice(work, form->choice);
  return form->regex ? constrain(work, "--regex", BNC_CONSTRAINT_REGEX, &form->regex, 1) : BNC_EXIT_DONE;
}

void bnc_form_free(bnc_form *form) {
  free(form->text);
  form->text = NULL;
}
