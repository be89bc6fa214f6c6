/* SPDX-License-Identifier: Apache-2.0 */
/** @file file.h  Files: read-only maps, whole small files, and output that appears complete or not at all. */
#ifndef BINOCLE_PLATFORMS_FILE_FILE_H
#define BINOCLE_PLATFORMS_FILE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"

/** A regular file mapped read-only. data stays valid when the file is deleted or replaced (not when it is truncated). */
typedef struct bnc_file_map {
  const uint8_t *data; /* [size]; never NULL after success, also for an empty file */
  size_t size;
  void *base; /* what munmap gets; NULL for an empty file */
} bnc_file_map;

/** A file as it was when it was opened: its length and when it was last written. */
typedef struct bnc_file_watch {
  int fd; /* -1: nothing is watched, and nothing changes */
  int64_t size, seconds, nanoseconds;
} bnc_file_watch;
#define BNC_FILE_WATCH_NONE ((bnc_file_watch){.fd = -1})

bnc_status bnc_file_map_open(bnc_file_map *map, const char *path, bnc_error *err);
void bnc_file_map_close(bnc_file_map *map);
/** The same, with a watch that tells later whether somebody wrote to the file or cut it. */
bnc_status bnc_file_map_open_watched(bnc_file_map *map, bnc_file_watch *watch, const char *path, bnc_error *err);
bool bnc_file_watch_changed(const bnc_file_watch *watch);
void bnc_file_watch_close(bnc_file_watch *watch);
/** The same for a file that is believed because nobody else can have written it: it and its folder belong to this user, neither its group
   nor others may write to them, and it is no symbolic link. BNC_ERROR_UNSUPPORTED where that does not hold; the line says what does. Other
   programs may want to remove it when nobody uses it: *hold is a descriptor that keeps a shared lock (flock) as long as it is open,
   and the file's modification time becomes now. Both are best effort. */
bnc_status bnc_file_map_open_own(bnc_file_map *map, int *hold, const char *path, bnc_error *err);
/** Whether path's folder is such a folder. BNC_ERROR_UNSUPPORTED where it is not, BNC_ERROR_IO where it cannot be read. */
bnc_status bnc_file_check_own_folder(const char *path, bnc_error *err);
/** Tells the system that a range will be read soon / not again: streaming readers keep the resident set small with it. Best effort. */
void bnc_file_map_will_need(const bnc_file_map *map, size_t offset, size_t size);
void bnc_file_map_release(const bnc_file_map *map, size_t offset, size_t size);

/** Reads a whole file of at most limit bytes into a block of its own (bnc_mem_free), NUL-terminated behind *size bytes. */
bnc_status bnc_file_read(const char *path, size_t limit, char **data, size_t *size, bnc_error *err);

/** The same for whatever can be read once, from its front to its end: a pipe, a FIFO, a standard stream ("/dev/stdin", "/dev/fd/N").
 * While that is waited for, `stop` (NULL: never) is asked every 50 ms and at signals; where it says true: BNC_ERROR_CANCELLED. */
bnc_status bnc_file_read_once(const char *path, size_t limit, bool (*stop)(void *context), void *context, char **data, size_t *size,
                              bnc_error *err);

/**
 * Output that appears complete or not at all: commit makes it durable (fsync) and renames it to path, abort removes it. Until then it
 * has no name where the file system can do that (nothing is left even after a kill), else path.PID-N.partial, which is locked (flock)
 * as long as its writer lives. An existing file keeps
 * its rights; a symbolic link stays and its target is replaced. A device, FIFO or descriptor (/dev/null, /dev/stdout) is written
 * directly, in order: there patch fails with BNC_ERROR_UNSUPPORTED for bytes that are gone already.
 */
typedef struct bnc_file_writer bnc_file_writer;
bnc_status bnc_file_writer_open(bnc_file_writer **writer, const char *path, bnc_error *err);
/** Appends. Buffered; an error may surface at a later call. */
bnc_status bnc_file_writer_write(bnc_file_writer *writer, const void *data, size_t size, bnc_error *err);
/** Appends zeros up to the next multiple of alignment (a power of two). */
bnc_status bnc_file_writer_align(bnc_file_writer *writer, size_t alignment, bnc_error *err);
/** The file will be this user's alone to read and write, whatever the umask. */
bnc_status bnc_file_writer_make_private(bnc_file_writer *writer, bnc_error *err);
/** Overwrites bytes that were already written. */
bnc_status bnc_file_writer_patch(bnc_file_writer *writer, uint64_t offset, const void *data, size_t size, bnc_error *err);
/** Maps what was appended so far, to read it back; later changes may show. BNC_ERROR_UNSUPPORTED where the bytes are gone. Close it with
    bnc_file_map_close, before or after the writer. */
bnc_status bnc_file_writer_map(bnc_file_writer *writer, bnc_file_map *map, bnc_error *err);
/** Bytes appended so far. */
uint64_t bnc_file_writer_size(const bnc_file_writer *writer);
/** Both free the writer. */
bnc_status bnc_file_writer_commit(bnc_file_writer *writer, bnc_error *err);
void bnc_file_writer_abort(bnc_file_writer *writer);

/** All of it at once. */
bnc_status bnc_file_save(const char *path, const void *data, size_t size, bnc_error *err);

#endif
