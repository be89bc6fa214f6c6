/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over the files of the folders (or files) that are named: the corpora replay in every build, without libFuzzer. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) {
    perror(path);
    return -1;
  }
  fseek(f, 0, SEEK_END);
  long size = ftell(f);
  rewind(f);
  /* Exactly as large as the input, so that a sanitizer sees a read behind its end. */
  uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
  size_t have = data && size > 0 ? fread(data, 1, (size_t)size, f) : 0;
  fclose(f);
  LLVMFuzzerTestOneInput(data, have);
  free(data);
  return 0;
}

int main(int argc, char **argv) {
  unsigned count = 0;
  for (int i = 1; i < argc; i++) {
    struct stat st;
    if (stat(argv[i], &st) == 0 && !S_ISDIR(st.st_mode)) {
      if (replay(argv[i]) != 0) return 1;
      count++;
      continue;
    }
    DIR *folder = opendir(argv[i]);
    if (!folder) {
      perror(argv[i]);
      return 1;
    }
    for (struct dirent *e; (e = readdir(folder));) {
      char path[4096];
      if (e->d_name[0] == '.') continue;
      snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
      if (replay(path) != 0) return 1;
      count++;
    }
    closedir(folder);
  }
  printf("%u inputs replayed\n", count);
  return count > 0 ? 0 : 1; /* a run that checked nothing fails */
}
