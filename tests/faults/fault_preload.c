/* SPDX-License-Identifier: Apache-2.0 */
/* A library that programs under test preload: it stands between them and the kernel and lets files misbehave, as BINOCLE_FAULT says.
     short      every read and write of files, pipes and terminals does half of what it was asked, at least a byte
     eintr      every second read and write is interrupted before it does anything
     full:N     the N-th write to a regular file and all later ones find the disk full (counted from 1)
     count      nothing; BINOCLE_FAULT_COUNT=FILE gets the number of writes to regular files at the end, in every mode */
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

typedef ssize_t (*read_function)(int, void *, size_t);
typedef ssize_t (*write_function)(int, const void *, size_t);
typedef ssize_t (*pwrite_function)(int, const void *, size_t, off_t);

static _Atomic unsigned calls, writes;
static enum { COUNT, SHORT, INTERRUPTED, FULL } mode;
static unsigned full_from;

/* dlsym gives functions as pointers to objects; C has no cast for that. */
static void next_symbol(const char *name, void *function) {
  void *symbol = dlsym(RTLD_NEXT, name);
  memcpy(function, &symbol, sizeof symbol);
}

__attribute__((constructor)) static void choose(void) {
  const char *fault = getenv("BINOCLE_FAULT");
  if (!fault) return;
  if (strcmp(fault, "short") == 0) mode = SHORT;
  if (strcmp(fault, "eintr") == 0) mode = INTERRUPTED;
  if (strncmp(fault, "full:", 5) == 0) {
    mode = FULL;
    full_from = (unsigned)strtoul(fault + 5, NULL, 10);
  }
}

__attribute__((destructor)) static void tell(void) {
  const char *path = getenv("BINOCLE_FAULT_COUNT");
  FILE *file = path ? fopen(path, "w") : NULL;
  if (!file) return;
  fprintf(file, "%u\n", atomic_load(&writes));
  fclose(file);
}

/* Files that the kernel makes up (/proc, /sys) are left alone: libraries of others read them in one piece. */
static int is_made_up(int fd) {
  struct statfs fs;
  return fstatfs(fd, &fs) == 0 && (fs.f_type == 0x9fa0 || fs.f_type == 0x62656572);
}

/* How much of a call to let through; 0: none of it, errno is set. */
static size_t allow(int fd, size_t size, int is_write) {
  struct stat st;
  if (is_made_up(fd)) return size;
  const unsigned call = atomic_fetch_add(&calls, 1);
  if (is_write && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
    const unsigned number = atomic_fetch_add(&writes, 1) + 1;
    if (mode == FULL && number >= full_from) {
      errno = ENOSPC;
      return 0;
    }
  }
  if (mode == INTERRUPTED && call % 2 == 0) {
    errno = EINTR;
    return 0;
  }
  return mode == SHORT && size > 1 ? size / 2 : size;
}

ssize_t read(int fd, void *data, size_t size) {
  read_function next;
  next_symbol("read", &next);
  if (size == 0) return next(fd, data, size);
  const size_t some = allow(fd, size, 0);
  return some ? next(fd, data, some) : -1;
}

ssize_t write(int fd, const void *data, size_t size) {
  write_function next;
  next_symbol("write", &next);
  if (size == 0) return next(fd, data, size);
  const size_t some = allow(fd, size, 1);
  return some ? next(fd, data, some) : -1;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  pwrite_function next;
  next_symbol("pwrite64", &next);
  if (size == 0) return next(fd, data, size, at);
  const size_t some = allow(fd, size, 1);
  return some ? next(fd, data, some, at) : -1;
}
