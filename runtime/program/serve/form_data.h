/* SPDX-License-Identifier: Apache-2.0 */
/** @file form_data.h  The parts of a multipart/form-data body (RFC 7578), as browsers and `curl -F` send uploads. */
#ifndef BINOCLE_RUNTIME_PROGRAM_SERVE_FORM_DATA_H
#define BINOCLE_RUNTIME_PROGRAM_SERVE_FORM_DATA_H

#include <stdbool.h>
#include <stddef.h>

#define BNC_FORM_BOUNDARY 70
#define BNC_FORM_NAME 32

/** What is left of a body. */
typedef struct bnc_form {
  const char *at, *end;
  char delimiter[BNC_FORM_BOUNDARY + 5]; /* "\r\n--boundary" */
} bnc_form;

/** One part; data points into the body. */
typedef struct bnc_form_part {
  char name[BNC_FORM_NAME];
  const char *data; /* [length] */
  size_t length;
} bnc_form_part;

/** content_type: "multipart/form-data; boundary=...". false: it is none, or the body does not begin so. */
bool bnc_form_begin(bnc_form *form, const char *content_type, const char *body, size_t length);
/** 1: the next part; 0: that was the last; -1: the body is broken. */
int bnc_form_next(bnc_form *form, bnc_form_part *part);

#endif
