/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"
#include "platforms/file/stream.h"

/* Bytes that are written at once, from a multiple of them on: of such writes Linux (ext4 since 6.16, XFS before) makes large pages in its
   cache, through which what was just written is read up to twice as fast (bench/baselines/pages-*.csv); but only of memory that is at hand,
   which a map of a file may not be: so all goes through the buffer. */
#define CHUNK ((size_t)2 << 20)

typedef enum target {
  NAMED,    /* path.PID-N.partial beside path */
  NAMELESS, /* O_TMPFILE: even a killed process leaves nothing */
  STREAM    /* a device, pipe or open descriptor: bytes go straight there */
} target;

struct bnc_file_writer {
  int fd;
  target kind;
  uint64_t size;  /* bytes appended, buffered ones included */
  uint64_t start; /* STREAM: the descriptor's position at open */
  bool can_patch;
  size_t buffered; /* bytes in buffer */
  char *path, *temporary;
  uint8_t *buffer; /* [CHUNK] */
};

static void destroy(bnc_file_writer *w) {
  if (!w) return;
  if (w->fd >= 0) close(w->fd);
  bnc_mem_free(w->path);
  bnc_mem_free(w->temporary);
  bnc_mem_free(w->buffer);
  bnc_mem_free(w);
}

static bnc_status open_stream(bnc_file_writer *w, int descriptor, bnc_error *err) {
  w->kind = STREAM;
  w->fd = descriptor >= 0 ? fcntl(descriptor, F_DUPFD_CLOEXEC, 0) : open(w->path, O_WRONLY | O_CLOEXEC);
  if (w->fd < 0) return bnc_fail_errno(err, "%s: cannot write", w->path);
  int flags = fcntl(w->fd, F_GETFL);
  off_t at = lseek(w->fd, 0, SEEK_CUR);
  w->can_patch = at >= 0 && flags >= 0 && !(flags & O_APPEND);
  w->start = at > 0 ? (uint64_t)at : 0;
  return BNC_OK;
}

static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? bnc_mem_strndup(path, slash == path ? 1 : (size_t)(slash - path)) : bnc_mem_strndup(".", 1);
}

/* A nameless file gets its name through /proc at the end; without it (some containers) a named one is needed from the start. */
static bool open_nameless(bnc_file_writer *w) {
  char link[40];
  char *folder = folder_of(w->path);
  w->fd = folder ? open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0666) : -1;
  bnc_mem_free(folder);
  if (w->fd < 0) return false;
  snprintf(link, sizeof link, "/proc/self/fd/%d", w->fd);
  if (access(link, F_OK) == 0) return true;
  close(w->fd);
  w->fd = -1;
  return false;
}

/* Puts the file under a fresh *.partial name; two writers of one path never share it. A name that is as long as names may be is
 * shortened for that, before a whole UTF-8 character. */
static bool name_temporary(bnc_file_writer *w) {
  char link[40], ending[48];
  const char *slash = strrchr(w->path, '/');
  const size_t folder = slash ? (size_t)(slash + 1 - w->path) : 0, size = strlen(w->path) + sizeof ending;
  snprintf(link, sizeof link, "/proc/self/fd/%d", w->fd);
  for (unsigned attempt = 0; attempt < 100; attempt++) {
    snprintf(ending, sizeof ending, ".%ld-%u.partial", (long)getpid(), attempt);
    size_t base = strlen(w->path) - folder;
    if (base > NAME_MAX - strlen(ending)) base = NAME_MAX - strlen(ending);
    while (base > 0 && ((unsigned char)w->path[folder + base] & 0xC0) == 0x80) base--;
    snprintf(w->temporary, size, "%.*s%s", (int)(folder + base), w->path, ending);
    if (w->kind == NAMELESS) {
      if (linkat(AT_FDCWD, link, AT_FDCWD, w->temporary, AT_SYMLINK_FOLLOW) == 0) return true;
    } else {
      w->fd = open(w->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (w->fd >= 0) return true;
    }
    if (errno != EEXIST) break;
  }
  w->temporary[0] = 0;
  return false;
}

/* A symbolic link stays: what it points to is replaced. */
static bnc_status resolve(bnc_file_writer *w, bnc_error *err) {
  struct stat st;
  if (lstat(w->path, &st) < 0 || !S_ISLNK(st.st_mode)) return BNC_OK;
  char *real = bnc_mem_alloc(PATH_MAX);
  if (!real) return bnc_fail_memory(err, PATH_MAX);
  if (!realpath(w->path, real)) {
    bnc_status s = bnc_fail_errno(err, "%s: a symbolic link to nowhere", w->path);
    bnc_mem_free(real);
    return s;
  }
  bnc_mem_free(w->path);
  w->path = real;
  return BNC_OK;
}

static bnc_status open_target(bnc_file_writer *w, bnc_error *err) {
  struct stat st;
  int descriptor = bnc_stream_named(w->path); /* what stands behind it must not be renamed over */
  if (descriptor >= 0) return open_stream(w, descriptor, err);
  bnc_status s = resolve(w, err);
  if (s != BNC_OK) return s;
  bool exists = stat(w->path, &st) == 0;
  if (!exists && errno != ENOENT) return bnc_fail_errno(err, "%s: cannot create", w->path);
  if (exists && S_ISDIR(st.st_mode)) return bnc_fail(err, BNC_ERROR_IO, "%s: found a directory, expected a file's name", w->path);
  if (exists && !S_ISREG(st.st_mode)) return open_stream(w, -1, err);
  size_t length = strlen(w->path);
  if (w->path[length - 1] == '/') return bnc_fail(err, BNC_ERROR_IO, "%s: found a folder's name, expected a file's name", w->path);
  w->can_patch = true;
  w->temporary = bnc_mem_zalloc(length + 48);
  if (!w->temporary) return bnc_fail_memory(err, length + 48);
  w->kind = open_nameless(w) ? NAMELESS : NAMED;
  if (w->kind == NAMED && !name_temporary(w)) return bnc_fail_errno(err, "%s: cannot create", w->path);
  /* Lets others tell an unfinished file from an abandoned one. */
  if (flock(w->fd, LOCK_EX | LOCK_NB) < 0) errno = 0;
  /* The new content keeps the rights that the old file had. Best effort: some file systems know no rights. */
  if (exists && fchmod(w->fd, st.st_mode & 0777) < 0) errno = 0;
  return BNC_OK;
}

bnc_status bnc_file_writer_open(bnc_file_writer **writer, const char *path, bnc_error *err) {
  *writer = NULL;
  size_t length = strlen(path);
  if (length == 0) return bnc_fail(err, BNC_ERROR_IO, "the output's name is empty");
  bnc_file_writer *w = bnc_mem_zalloc(sizeof *w);
  if (!w) return bnc_fail_memory(err, sizeof *w);
  w->fd = -1;
  w->path = bnc_mem_strndup(path, length);
  w->buffer = bnc_mem_alloc(CHUNK);
  bnc_status s = w->path && w->buffer ? open_target(w, err) : bnc_fail_memory(err, CHUNK);
  if (s != BNC_OK) {
    destroy(w);
    return s;
  }
  *writer = w;
  return BNC_OK;
}

/* The kernel answers a write beyond the process's file size limit with a signal that kills; find out before. */
static bool beyond_limit(const bnc_file_writer *w, uint64_t end) {
  struct rlimit limit;
  if (w->kind == STREAM || getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY || end <= limit.rlim_cur) return false;
  errno = EFBIG;
  return true;
}

static bnc_status write_all(bnc_file_writer *w, const uint8_t *data, size_t size, bnc_error *err) {
  if (size > 0 && beyond_limit(w, w->size)) return bnc_fail_errno(err, "%s: cannot write", w->path);
  while (size > 0) {
    ssize_t n = bnc_stream_write(w->fd, data, size);
    if (n < 0) return bnc_fail_errno(err, "%s: cannot write", w->path);
    data += n;
    size -= (size_t)n;
  }
  return BNC_OK;
}

static bnc_status flush(bnc_file_writer *w, bnc_error *err) {
  bnc_status s = write_all(w, w->buffer, w->buffered, err);
  w->buffered = 0;
  return s;
}

bnc_status bnc_file_writer_make_private(bnc_file_writer *w, bnc_error *err) {
  return w->kind == STREAM || fchmod(w->fd, 0600) == 0 ? BNC_OK : bnc_fail_errno(err, "%s: cannot set its rights", w->path);
}

bnc_status bnc_file_writer_write(bnc_file_writer *w, const void *data, size_t size, bnc_error *err) {
  const uint8_t *bytes = data;
  bnc_status s = BNC_OK;
  while (s == BNC_OK && size > 0) {
    const size_t room = CHUNK - (size_t)(w->size % CHUNK), n = size < room ? size : room;
    memcpy(w->buffer + w->buffered, bytes, n);
    w->buffered += n;
    w->size += n;
    if (n == room) s = flush(w, err);
    bytes += n;
    size -= n;
  }
  return s;
}

bnc_status bnc_file_writer_align(bnc_file_writer *w, size_t alignment, bnc_error *err) {
  static const uint8_t zeros[256];
  size_t pad = (size_t)((0 - w->size) & (alignment - 1));
  while (pad > 0) {
    size_t n = pad < sizeof zeros ? pad : sizeof zeros;
    bnc_status s = bnc_file_writer_write(w, zeros, n, err);
    if (s != BNC_OK) return s;
    pad -= n;
  }
  return BNC_OK;
}

bnc_status bnc_file_writer_patch(bnc_file_writer *w, uint64_t offset, const void *data, size_t size, bnc_error *err) {
  if (offset > w->size || size > w->size - offset) return bnc_fail(err, BNC_ERROR_INTERNAL, "%s: patch behind the end", w->path);
  uint64_t in_buffer = w->size - w->buffered;
  if (offset >= in_buffer) {
    if (size > 0) memcpy(w->buffer + (size_t)(offset - in_buffer), data, size);
    return BNC_OK;
  }
  if (!w->can_patch)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "%s: cannot go back in a pipe or terminal, expected a file's name", w->path);
  bnc_status s = flush(w, err);
  if (s != BNC_OK) return s;
  const uint8_t *bytes = data;
  while (size > 0) {
    ssize_t n = pwrite(w->fd, bytes, size, (off_t)(w->start + offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return bnc_fail_errno(err, "%s: cannot write", w->path);
    bytes += n;
    offset += (uint64_t)n;
    size -= (size_t)n;
  }
  return BNC_OK;
}

bnc_status bnc_file_writer_map(bnc_file_writer *w, bnc_file_map *map, bnc_error *err) {
  static const uint8_t nothing[1];
  *map = (bnc_file_map){nothing, 0, NULL};
  if (w->kind == STREAM)
    return bnc_fail(err, BNC_ERROR_UNSUPPORTED, "%s: cannot read back from a pipe or device, expected a file's name", w->path);
  bnc_status s = flush(w, err);
  if (s != BNC_OK || w->size == 0) return s;
  if (w->size > SIZE_MAX / 2) return bnc_fail(err, BNC_ERROR_LIMIT, "%s: more bytes than this machine can map", w->path);
  void *base = mmap(NULL, (size_t)w->size, PROT_READ, MAP_SHARED, w->fd, 0);
  if (base == MAP_FAILED) return bnc_fail_errno(err, "%s: cannot map", w->path);
  *map = (bnc_file_map){base, (size_t)w->size, base};
  return BNC_OK;
}

uint64_t bnc_file_writer_size(const bnc_file_writer *w) { return w->size; }

void bnc_file_writer_abort(bnc_file_writer *w) {
  if (!w) return;
  if (w->temporary && w->temporary[0]) unlink(w->temporary);
  destroy(w);
}

/* The rename is durable only once the folder is on the disk too. Best effort: some file systems refuse to sync folders. */
static void sync_folder(const char *path) {
  char *folder = folder_of(path);
  int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (fd >= 0) {
    fsync(fd);
    close(fd);
  }
  bnc_mem_free(folder);
}

static bnc_status put_in_place(bnc_file_writer *w, bnc_error *err) {
  if (w->kind == NAMELESS && !name_temporary(w)) return bnc_fail_errno(err, "%s: cannot name the finished file", w->path);
  int fd = w->fd;
  w->fd = -1;
  if (close(fd) < 0) return bnc_fail_errno(err, "%s: cannot write", w->path);
  if (w->kind != STREAM && rename(w->temporary, w->path) < 0) return bnc_fail_errno(err, "%s: cannot rename the finished file", w->path);
  return BNC_OK;
}

bnc_status bnc_file_writer_commit(bnc_file_writer *w, bnc_error *err) {
  bnc_status s = flush(w, err);
  /* Pipes and devices have nothing to sync and say EINVAL or ENOTSUP. */
  if (s == BNC_OK && fsync(w->fd) < 0 && w->kind != STREAM && errno != EINVAL && errno != EROFS)
    s = bnc_fail_errno(err, "%s: cannot write", w->path);
  if (s == BNC_OK) s = put_in_place(w, err);
  if (s != BNC_OK) {
    bnc_file_writer_abort(w);
    return s;
  }
  if (w->kind != STREAM) sync_folder(w->path);
  destroy(w);
  return BNC_OK;
}

bnc_status bnc_file_save(const char *path, const void *data, size_t size, bnc_error *err) {
  bnc_file_writer *out;
  bnc_status s = bnc_file_writer_open(&out, path, err);
  if (s != BNC_OK) return s;
  s = bnc_file_writer_write(out, data, size, err);
  if (s == BNC_OK) return bnc_file_writer_commit(out, err);
  bnc_file_writer_abort(out);
  return s;
}
