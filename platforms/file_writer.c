/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platforms/file.h"
#include "platforms/mem.h"

#define BUFFER_SIZE (1u << 20)

struct bnc_file_writer {
  int fd;
  uint64_t size;   /* bytes appended, buffered ones included */
  size_t buffered; /* bytes in buffer */
  char *path, *temporary;
  uint8_t *buffer; /* [BUFFER_SIZE] */
};

static void destroy(bnc_file_writer *w) {
  if (!w) return;
  if (w->fd >= 0) close(w->fd);
  bnc_mem_free(w->path);
  bnc_mem_free(w->temporary);
  bnc_mem_free(w->buffer);
  bnc_mem_free(w);
}

bnc_status bnc_file_writer_open(bnc_file_writer **writer, const char *path, bnc_error *err) {
  *writer = NULL;
  size_t length = strlen(path);
  struct stat st;
  if (length == 0) return bnc_fail(err, BNC_ERROR_IO, "the output's name is empty");
  if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return bnc_fail(err, BNC_ERROR_IO, "%s: found a directory, expected a file's name", path);
  bnc_file_writer *w = bnc_mem_zalloc(sizeof *w);
  if (!w) return bnc_fail_memory(err, sizeof *w);
  w->fd = -1;
  w->path = bnc_mem_strndup(path, length);
  w->temporary = bnc_mem_alloc(length + 32);
  w->buffer = bnc_mem_alloc(BUFFER_SIZE);
  if (!w->path || !w->temporary || !w->buffer) {
    destroy(w);
    return bnc_fail_memory(err, BUFFER_SIZE);
  }
  /* A fresh name per attempt: two writers of one path never share a temporary file. */
  for (unsigned attempt = 0; attempt < 100 && w->fd < 0; attempt++) {
    snprintf(w->temporary, length + 32, "%s.%ld-%u.partial", path, (long)getpid(), attempt);
    w->fd = open(w->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (w->fd < 0 && errno != EEXIST) break;
  }
  if (w->fd < 0) {
    bnc_status s = bnc_fail_errno(err, "%s: cannot create", path);
    destroy(w);
    return s;
  }
  *writer = w;
  return BNC_OK;
}

static bnc_status write_all(bnc_file_writer *w, const uint8_t *data, size_t size, bnc_error *err) {
  while (size > 0) {
    ssize_t n = write(w->fd, data, size);
    if (n < 0 && errno == EINTR) continue;
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

bnc_status bnc_file_writer_write(bnc_file_writer *w, const void *data, size_t size, bnc_error *err) {
  const uint8_t *bytes = data;
  w->size += size;
  if (size >= BUFFER_SIZE) {
    bnc_status s = flush(w, err);
    return s != BNC_OK ? s : write_all(w, bytes, size, err);
  }
  while (size > 0) {
    size_t room = BUFFER_SIZE - w->buffered;
    size_t n = size < room ? size : room;
    memcpy(w->buffer + w->buffered, bytes, n);
    w->buffered += n;
    bytes += n;
    size -= n;
    if (w->buffered == BUFFER_SIZE) {
      bnc_status s = flush(w, err);
      if (s != BNC_OK) return s;
    }
  }
  return BNC_OK;
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
  bnc_status s = flush(w, err);
  if (s != BNC_OK) return s;
  const uint8_t *bytes = data;
  while (size > 0) {
    ssize_t n = pwrite(w->fd, bytes, size, (off_t)offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return bnc_fail_errno(err, "%s: cannot write", w->path);
    bytes += n;
    offset += (uint64_t)n;
    size -= (size_t)n;
  }
  return BNC_OK;
}

uint64_t bnc_file_writer_size(const bnc_file_writer *w) { return w->size; }

void bnc_file_writer_abort(bnc_file_writer *w) {
  if (!w) return;
  unlink(w->temporary);
  destroy(w);
}

/* The rename is durable only once the folder is on the disk too. Best effort: some file systems refuse to sync folders. */
static void sync_folder(const char *path) {
  const char *slash = strrchr(path, '/');
  char *folder = slash ? bnc_mem_strndup(path, slash == path ? 1 : (size_t)(slash - path)) : bnc_mem_strndup(".", 1);
  int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (fd >= 0) {
    fsync(fd);
    close(fd);
  }
  bnc_mem_free(folder);
}

bnc_status bnc_file_writer_commit(bnc_file_writer *w, bnc_error *err) {
  bnc_status s = flush(w, err);
  if (s == BNC_OK && fsync(w->fd) < 0 && errno != EINVAL && errno != EROFS) s = bnc_fail_errno(err, "%s: cannot write", w->path);
  if (s == BNC_OK) {
    int fd = w->fd;
    w->fd = -1;
    if (close(fd) < 0) s = bnc_fail_errno(err, "%s: cannot write", w->path);
  }
  if (s == BNC_OK && rename(w->temporary, w->path) < 0) s = bnc_fail_errno(err, "%s: cannot rename the finished file", w->path);
  if (s != BNC_OK) {
    bnc_file_writer_abort(w);
    return s;
  }
  sync_folder(w->path);
  destroy(w);
  return BNC_OK;
}
