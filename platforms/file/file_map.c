/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"

static bnc_status open_regular(const char *path, int *fd, size_t *size, bnc_error *err) {
  struct stat st;
  /* O_NONBLOCK: opening a FIFO by mistake must not hang. */
  int f = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (f < 0) return bnc_fail_errno(err, "%s", path);
  if (fstat(f, &st) < 0) {
    bnc_status s = bnc_fail_errno(err, "%s", path);
    close(f);
    return s;
  }
  if (!S_ISREG(st.st_mode)) {
    close(f);
    return bnc_fail(err, BNC_ERROR_IO, "%s: found %s, expected a regular file", path,
                    S_ISDIR(st.st_mode) ? "a directory" : "something else");
  }
  if ((uint64_t)st.st_size > SIZE_MAX / 2) {
    close(f);
    return bnc_fail(err, BNC_ERROR_LIMIT, "%s: %lld bytes are more than this machine can map", path, (long long)st.st_size);
  }
  *fd = f;
  *size = (size_t)st.st_size;
  return BNC_OK;
}

static bnc_status map_regular(bnc_file_map *map, int *opened, const char *path, bnc_error *err) {
  static const uint8_t nothing[1];
  int fd;
  size_t size;
  *map = (bnc_file_map){nothing, 0, NULL};
  *opened = -1;
  bnc_status s = open_regular(path, &fd, &size, err);
  if (s != BNC_OK) return s;
  if (size > 0) {
    void *base = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (base == MAP_FAILED) {
      s = bnc_fail_errno(err, "%s: cannot map %zu bytes", path, size);
      close(fd);
      return s;
    }
    *map = (bnc_file_map){base, size, base};
  }
  *opened = fd;
  return BNC_OK;
}

bnc_status bnc_file_map_open(bnc_file_map *map, const char *path, bnc_error *err) {
  int fd;
  bnc_status s = map_regular(map, &fd, path, err);
  if (s == BNC_OK) close(fd);
  return s;
}

bnc_status bnc_file_map_open_held(bnc_file_map *map, int *hold, const char *path, bnc_error *err) {
  bnc_status s = map_regular(map, hold, path, err);
  if (s != BNC_OK) return s;
  if (flock(*hold, LOCK_SH | LOCK_NB) < 0) errno = 0; /* its writer is about to let go of it, or a file system without locks */
  if (futimens(*hold, NULL) < 0) errno = 0;           /* somebody else's file */
  return BNC_OK;
}

void bnc_file_map_close(bnc_file_map *map) {
  if (map->base) munmap(map->base, map->size);
  *map = (bnc_file_map){NULL, 0, NULL};
}

static void advise(const bnc_file_map *map, size_t offset, size_t size, int advice) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  if (!map->base || offset >= map->size) return;
  if (size > map->size - offset) size = map->size - offset;
  size_t from = offset & ~(page - 1);
  madvise((char *)map->base + from, offset + size - from, advice);
}

void bnc_file_map_will_need(const bnc_file_map *map, size_t offset, size_t size) { advise(map, offset, size, MADV_WILLNEED); }
void bnc_file_map_release(const bnc_file_map *map, size_t offset, size_t size) { advise(map, offset, size, MADV_DONTNEED); }

bnc_status bnc_file_read(const char *path, size_t limit, char **data, size_t *size, bnc_error *err) {
  int fd;
  size_t total;
  *data = NULL;
  *size = 0;
  bnc_status s = open_regular(path, &fd, &total, err);
  if (s != BNC_OK) return s;
  if (total > limit) {
    close(fd);
    return bnc_fail(err, BNC_ERROR_LIMIT, "%s: %zu bytes, expected at most %zu", path, total, limit);
  }
  char *buffer = bnc_mem_alloc(total + 1);
  if (!buffer) {
    close(fd);
    return bnc_fail_memory(err, total + 1);
  }
  size_t have = 0;
  while (have < total) {
    ssize_t n = read(fd, buffer + have, total - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      s = bnc_fail_errno(err, "%s", path);
      break;
    }
    if (n == 0) break; /* shrank meanwhile: what is there counts */
    have += (size_t)n;
  }
  close(fd);
  if (s != BNC_OK) {
    bnc_mem_free(buffer);
    return s;
  }
  buffer[have] = 0;
  *data = buffer;
  *size = have;
  return BNC_OK;
}
