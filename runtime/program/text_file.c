/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/program/text_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bnc_text_file_read(bnc_work *work, const char *path, const char *kind, size_t limit, char **text, size_t *length) {
  FILE *file = fopen(bnc_work_input(path), "rb");
  if (!file) return bnc_work_refuse(work, "%s: %s", path, strerror(errno));
  *text = malloc(limit + 1);
  *length = *text ? fread(*text, 1, limit + 1, file) : 0;
  const bool failed = ferror(file) != 0;
  const int problem = errno;
  fclose(file);
  if (!*text) return bnc_work_refuse(work, "out of memory for %s", kind);
  if (failed) return bnc_work_refuse(work, "%s: %s", path, strerror(problem));
  if (*length > limit) return bnc_work_refuse(work, "%s: is larger than %zu bytes, expected %s", path, limit, kind);
  (*text)[*length] = '\0';
  return BNC_EXIT_DONE;
}
