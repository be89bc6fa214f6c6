/* SPDX-License-Identifier: Apache-2.0 */
/** @file profile_saved.h  A profile that `binocle profile --json` printed, as far as comparing needs it. Outside data: everything is
 * checked. */
#ifndef BINOCLE_RUNTIME_PROFILE_PROFILE_SAVED_H
#define BINOCLE_RUNTIME_PROFILE_PROFILE_SAVED_H

#include "platforms/base/json.h"

/** Some runs of one thing: an op, or a program. Names belong to the document. */
typedef struct bnc_saved_runs {
  const char *program, *name, *kind; /* kind "": a program */
  size_t calls;
  double quartile[3]; /* nanoseconds */
} bnc_saved_runs;

typedef struct bnc_saved_profile {
  yyjson_doc *doc;
  const char *fingerprint, *cpu, *level, *version, *date;
  size_t threads;
  double wall, cpu_time; /* nanoseconds */
  bnc_saved_runs *ops;   /* [op_count], in order of program, name, kind */
  size_t op_count;
  bnc_saved_runs programs[3]; /* [program_count] */
  size_t program_count;
} bnc_saved_profile;

/** From a file, or from its text. BNC_ERROR_IO; BNC_ERROR_FORMAT with a line that names what is missing or wrong. Freed also where it
 * fails. */
bnc_status bnc_saved_profile_read(bnc_saved_profile *saved, const char *path, bnc_error *err);
bnc_status bnc_saved_profile_parse(bnc_saved_profile *saved, const char *text, size_t size, bnc_error *err);
void bnc_saved_profile_free(bnc_saved_profile *saved);

/** Order of two ops: by program, name and kind. */
int bnc_saved_order(const bnc_saved_runs *a, const bnc_saved_runs *b);

#endif
