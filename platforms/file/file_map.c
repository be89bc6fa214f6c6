/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "platforms/file/stream.h"

/* A descriptor just opened: *size is that of a regular file that can be mapped. Closes it otherwise. */
static bnc_status accept_regular(int fd, const char *path, size_t *size, bnc_error *err) {
  struct stat st;
  bnc_status s = BNC_OK;
  if (fstat(fd, &st) < 0)
    s = bnc_fail_errno(err, "%s", path);
  else if (!S_ISREG(st.st_mode))
    s = bnc_fail(err, BNC_ERROR_IO, "%s: found %s, expected a regular file", path, S_ISDIR(st.st_mode) ? "a directory" : "something else");
  else if ((uint64_t)st.st_size > SIZE_MAX / 2)
    s = bnc_fail(err, BNC_ERROR_LIMIT, "%s: %lld bytes are more than this machine can map", path, (long long)st.st_size);
  if (s != BNC_OK)
    close(fd);
  else
    *size = (size_t)st.st_size;
  return s;
}

static bnc_status open_regular(const char *path, int *fd, size_t *size, bnc_error *err) {
  /* O_NONBLOCK: opening a FIFO by mistake must not hang. */
  *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  return *fd < 0 ? bnc_fail_errno(err, "%s", path) : accept_regular(*fd, path, size, err);
}

/* Closes fd on failure. */
static bnc_status map_descriptor(bnc_file_map *map, int fd, size_t size, const char *path, bnc_error *err) {
  static const uint8_t nothing[1];
  *map = (bnc_file_map){nothing, 0, NULL};
  if (size == 0) return BNC_OK;
  void *base = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (base == MAP_FAILED) {
    bnc_status s = bnc_fail_errno(err, "%s: cannot map %zu bytes", path, size);
    close(fd);
    return s;
  }
  *map = (bnc_file_map){base, size, base};
  return BNC_OK;
}

bnc_status bnc_file_map_open(bnc_file_map *map, const char *path, bnc_error *err) {
  int fd;
  size_t size;
  *map = (bnc_file_map){NULL, 0, NULL};
  bnc_status s = open_regular(path, &fd, &size, err);
  if (s == BNC_OK) s = map_descriptor(map, fd, size, path, err);
  if (s == BNC_OK) close(fd);
  return s;
}

static bool read_watch(int fd, bnc_file_watch *watch) {
  struct stat st;
  if (fstat(fd, &st) != 0) return false;
  *watch = (bnc_file_watch){fd, (int64_t)st.st_size, (int64_t)st.st_mtim.tv_sec, (int64_t)st.st_mtim.tv_nsec};
  return true;
}

bnc_status bnc_file_map_open_watched(bnc_file_map *map, bnc_file_watch *watch, const char *path, bnc_error *err) {
  int fd;
  size_t size;
  *watch = BNC_FILE_WATCH_NONE;
  *map = (bnc_file_map){NULL, 0, NULL};
  bnc_status s = open_regular(path, &fd, &size, err);
  if (s == BNC_OK) s = map_descriptor(map, fd, size, path, err);
  if (s != BNC_OK) return s;
  if (read_watch(fd, watch)) return BNC_OK;
  s = bnc_fail_errno(err, "%s", path);
  close(fd);
  bnc_file_map_close(map);
  return s;
}

bool bnc_file_watch_changed(const bnc_file_watch *watch) {
  bnc_file_watch now;
  if (watch->fd < 0) return false;
  return !read_watch(watch->fd, &now) || now.size != watch->size || now.seconds != watch->seconds || now.nanoseconds != watch->nanoseconds;
}

void bnc_file_watch_close(bnc_file_watch *watch) {
  if (watch->fd >= 0) close(watch->fd);
  *watch = BNC_FILE_WATCH_NONE;
}

static bnc_status check_own(int fd, const char *what, const char *path, bnc_error *err) {
  struct stat st;
  if (fstat(fd, &st) < 0) return bnc_fail_errno(err, "%s", path);
  if (st.st_uid != geteuid())
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "%s: %s belongs to user %lu, expected this user (%lu)", path, what,
                    (unsigned long)st.st_uid, (unsigned long)geteuid());
  if (st.st_mode & (S_IWGRP | S_IWOTH))
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "%s: others can write to %s (mode %03o), expected nobody else", path, what,
                    (unsigned)st.st_mode & 0777);
  return BNC_OK;
}

/* A descriptor of path's folder, which is checked. *name is what follows it in path. */
static bnc_status open_own_folder(const char *path, int *folder, const char **name, bnc_error *err) {
  const char *slash = strrchr(path, '/');
  *name = slash ? slash + 1 : path;
  char *above = slash ? bnc_mem_strndup(path, slash == path ? 1 : (size_t)(slash - path)) : bnc_mem_strndup(".", 1);
  if (!above) return bnc_fail_memory(err, strlen(path));
  *folder = open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bnc_status s = *folder < 0 ? bnc_fail_errno(err, "%s", above) : check_own(*folder, "the folder", above, err);
  bnc_mem_free(above);
  if (s != BNC_OK && *folder >= 0) close(*folder);
  return s;
}

bnc_status bnc_file_check_own_folder(const char *path, bnc_error *err) {
  int folder;
  const char *name;
  bnc_status s = open_own_folder(path, &folder, &name, err);
  if (s == BNC_OK) close(folder);
  return s;
}

bnc_status bnc_file_map_open_own(bnc_file_map *map, int *hold, const char *path, bnc_error *err) {
  int folder;
  size_t size;
  const char *name;
  *map = (bnc_file_map){NULL, 0, NULL};
  bnc_status s = open_own_folder(path, &folder, &name, err);
  if (s != BNC_OK) return s;
  int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0)
    s = errno == ELOOP ? bnc_fail(err, BNC_ERROR_UNSUPPORTED, "%s: found a symbolic link, expected a file", path)
                       : bnc_fail_errno(err, "%s", path);
  close(folder);
  if (s == BNC_OK) s = accept_regular(fd, path, &size, err);
  if (s != BNC_OK) return s;
  s = check_own(fd, "the file", path, err);
  if (s != BNC_OK) {
    close(fd);
    return s;
  }
  s = map_descriptor(map, fd, size, path, err);
  if (s != BNC_OK) return s;
  *hold = fd;
  if (flock(fd, LOCK_SH | LOCK_NB) < 0) errno = 0; /* its writer is about to let go of it, or a file system without locks */
  if (futimens(fd, NULL) < 0) errno = 0;           /* a file system that is mounted read-only */
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
    ssize_t n = bnc_stream_read(fd, buffer + have, total - have);
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

typedef struct stopper {
  bool (*stop)(void *context); /* NULL: never */
  void *context;
} stopper;

/* Until something can be read, or the end is there. */
static bnc_status wait_for_data(int fd, const char *path, const stopper *by, bnc_error *err) {
  struct pollfd one = {.fd = fd, .events = POLLIN};
  for (int ready = 0; ready == 0;) {
    if (by->stop && by->stop(by->context)) return bnc_fail(err, BNC_ERROR_CANCELLED, "%s: cancelled", path);
    ready = poll(&one, 1, by->stop ? 50 : -1);
    if (ready < 0 && errno != EINTR) return bnc_fail_errno(err, "%s", path);
    if (ready < 0) ready = 0;
  }
  return BNC_OK;
}

/* Until the end, or one byte more than limit. */
static bnc_status read_stream(int fd, const char *path, size_t limit, const stopper *by, char **data, size_t *size, bnc_error *err) {
  size_t room = 0, have = 0;
  char *buffer = NULL;
  for (ssize_t n = 1; n > 0 && have <= limit; have += (size_t)n) {
    if (room - have < 2) { /* one is for the NUL */
      const size_t more = room ? 2 * room : (size_t)1 << 16;
      char *grown = bnc_mem_realloc(buffer, more);
      if (!grown) {
        bnc_mem_free(buffer);
        return bnc_fail_memory(err, more);
      }
      buffer = grown;
      room = more;
    }
    bnc_status s = wait_for_data(fd, path, by, err);
    if (s == BNC_OK && (n = bnc_stream_read(fd, buffer + have, room - have - 1)) < 0) s = bnc_fail_errno(err, "%s", path);
    if (s != BNC_OK) {
      bnc_mem_free(buffer);
      return s;
    }
  }
  if (have > limit) {
    bnc_mem_free(buffer);
    return bnc_fail(err, BNC_ERROR_LIMIT, "%s: more than %zu bytes", path, limit);
  }
  buffer[have] = 0;
  *data = buffer;
  *size = have;
  return BNC_OK;
}

bnc_status bnc_file_read_once(const char *path, size_t limit, bool (*stop)(void *context), void *context, char **data, size_t *size,
                              bnc_error *err) {
  struct stat st;
  const stopper by = {stop, context};
  const int shared = bnc_stream_named(path);
  *data = NULL;
  *size = 0;
  if (shared < 0 && (stat(path, &st) < 0 || !S_ISFIFO(st.st_mode))) return bnc_file_read(path, limit, data, size, err);
  const int fd = shared >= 0 ? fcntl(shared, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0 || fstat(fd, &st) < 0) {
    const bnc_status s = bnc_fail_errno(err, "%s", path);
    if (fd >= 0) close(fd);
    return s;
  }
  const bnc_status s = S_ISDIR(st.st_mode) ? bnc_fail(err, BNC_ERROR_IO, "%s: found a directory, expected a file or a pipe", path)
                                           : read_stream(fd, path, limit, &by, data, size, err);
  close(fd);
  return s;
}
