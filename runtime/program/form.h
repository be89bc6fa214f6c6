/* SPDX-License-Identifier: Apache-2.0 */
/** @file form.h  The form that answers must have, as the command line gives it. */
#ifndef BINOCLE_RUNTIME_PROGRAM_FORM_H
#define BINOCLE_RUNTIME_PROGRAM_FORM_H

#include "runtime/program/work.h"

#define BNC_FORM_NAME 32

/** At most one of the first three is given; the others are NULL. */
typedef struct bnc_form {
  const char *schema, *choice, *regex;
  char *text;               /* of the schema */
  char name[BNC_FORM_NAME]; /* equal for equal forms: "schema 0123456789abcdef"; "" where none is given */
} bnc_form;

#define BNC_FORM_ONE "an answer has one form"
/* Rows of a table of options. */
#define BNC_FORM_OPTIONS(f)                                                                                                                \
  {.name = "json-schema",                                                                                                                  \
   .one = BNC_FORM_ONE,                                                                                                                    \
   .value = "FILE",                                                                                                                        \
   .help = "the answer is JSON of this schema (a subset: see binocle/constrain.h)",                                                        \
   .text = &(f).schema},                                                                                                                   \
      {.name = "choice",                                                                                                                   \
       .one = BNC_FORM_ONE,                                                                                                                \
       .value = "A,B,C",                                                                                                                   \
       .help = "the answer is one of these texts",                                                                                         \
       .text = &(f).choice,                                                                                                                \
       .parts = true},                                                                                                                     \
  {                                                                                                                                        \
    .name = "regex", .one = BNC_FORM_ONE, .value = "RE", .help = "the whole answer matches this regular expression", .text = &(f).regex    \
  }

/** Reads what is given. Exit codes as in work.h. */
int bnc_form_load(bnc_work *work, bnc_form *form);
/** The session's answers have the form from now on. */
int bnc_form_apply(bnc_work *work, const bnc_form *form);
void bnc_form_free(bnc_form *form);

#endif
