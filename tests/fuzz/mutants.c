/* SPDX-License-Identifier: Apache-2.0 */
/* mutants [-n COUNT] FOLDER...: changes each model file in the folders in many ways, counts how many still pass validation, and runs them
   all at every level. So the executor meets in every build what a fuzzer would make. Fails where too few pass: then it would not meet it.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "runtime/model/model_file.h"
#include "tests/fuzz/mutate_bnc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUTANTS 400 /* of each file, unless told otherwise */
#define LEAST_SHARE 0.3

static unsigned made, passed;

static int mutate(const char *path, uint32_t count) {
  char *good;
  size_t size;
  bnc_error err;
  if (bnc_file_read(path, (size_t)1 << 30, &good, &size, &err) != BNC_OK) {
    fprintf(stderr, "%s\n", err.text);
    return 1;
  }
  uint8_t *copy = bnc_mem_alloc(size);
  for (uint32_t seed = 1; copy && seed <= count; seed++) {
    bnc_model_file file;
    memcpy(copy, good, size);
    if (!mutate_bnc(copy, size, seed)) break;    /* a seed that is broken on purpose */
    if (memcmp(copy, good, size) == 0) continue; /* what was drawn does not apply here */
    made++;
    if (bnc_model_file_parse(&file, copy, size, &err) == BNC_OK) {
      passed++;
      bnc_model_file_close(&file);
    }
    LLVMFuzzerTestOneInput(copy, size);
  }
  bnc_mem_free(copy);
  bnc_mem_free(good);
  return 0;
}

int main(int argc, char **argv) {
  const bool counted = argc > 2 && strcmp(argv[1], "-n") == 0;
  const uint32_t count = counted ? (uint32_t)strtoul(argv[2], NULL, 10) : MUTANTS;
  for (int i = counted ? 3 : 1; i < argc; i++) {
    DIR *folder = opendir(argv[i]);
    if (!folder) {
      perror(argv[i]);
      return 1;
    }
    for (struct dirent *e; (e = readdir(folder));) {
      char path[4096];
      if (e->d_name[0] == '.') continue;
      snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
      if (mutate(path, count) != 0) return 1;
    }
    closedir(folder);
  }
  const double share = made ? (double)passed / made : 0.0;
  printf("%u of %u mutants pass validation (%.1f %%, expected at least %.0f %%)\n", passed, made, 100 * share, 100 * LEAST_SHARE);
  return share >= LEAST_SHARE ? 0 : 1;
}
