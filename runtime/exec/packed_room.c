/* SPDX-License-Identifier: Apache-2.0 */
/* Which packed weights are removed to make room for new ones. Removing a file harms no process that has it mapped. Files that a process has
   open are kept all the same, because that process would have to pack its weights again at its next start. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "platforms/base/array.h"
#include "runtime/exec/packed_folder.h"

const bnc_packed_limits bnc_packed_limits_default = {(uint64_t)60 * 24 * 3600, (uint64_t)64 << 30};

typedef struct entry {
  char name[64];
  uint64_t bytes;
  time_t used;
  ino_t inode;
} entry;

typedef struct folder {
  int fd;
  entry *entry; /* longest unused first */
  size_t entries, capacity;
  uint64_t bytes;
} folder;

static int by_use(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->used != y->used) return x->used < y->used ? -1 : 1;
  return strcmp(x->name, y->name);
}

/* Another process has it mapped: a lock that it holds cannot be had. */
static bool in_use(const folder *f, const entry *e) {
  int fd = openat(f->fd, e->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return errno != ENOENT;
  bool locked = flock(fd, LOCK_EX | LOCK_NB) < 0;
  close(fd);
  return locked;
}

/* CONTENT-MACHINE, as bnc_packed_folder_path writes it, and earlier versions did with fewer digits, of the kind that own has. */
static bool is_of_kind(const char *name, const char *own) {
  static const char digits[] = "0123456789abcdef";
  const size_t content = strspn(name, digits);
  if ((content != 16 && content != 32) || name[content] != '-') return false;
  return strspn(name + content + 1, digits) == 16 && strcmp(name + content + 17, strrchr(own, '.')) == 0;
}

static bool list(folder *f, const char *own) {
  int fd = dup(f->fd);
  DIR *entries = fd < 0 ? NULL : fdopendir(fd);
  bool ok = true;
  if (!entries) {
    if (fd >= 0) close(fd);
    return true;
  }
  for (const struct dirent *e; (e = readdir(entries)) != NULL;) {
    struct stat st;
    if (!is_of_kind(e->d_name, own) || strcmp(e->d_name, own) == 0) continue;
    if (fstatat(f->fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) continue;
    ok = bnc_array_reserve(&f->entry, &f->capacity, f->entries + 1, sizeof *f->entry);
    if (!ok) break;
    entry *added = &f->entry[f->entries++];
    *added = (entry){.bytes = (uint64_t)st.st_blocks * 512, .used = st.st_mtime, .inode = st.st_ino};
    memcpy(added->name, e->d_name, strlen(e->d_name) + 1);
    f->bytes += added->bytes;
  }
  closedir(entries);
  if (f->entries) qsort(f->entry, f->entries, sizeof *f->entry, by_use);
  return ok;
}

static void remove_entry(const folder *f, const entry *e, const bnc_context *context, const char *why) {
  struct stat st;
  if (fstatat(f->fd, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_ino != e->inode) return; /* somebody has packed it anew meanwhile */
  if (unlinkat(f->fd, e->name, 0) == 0 && context) bnc_context_log(context, BNC_LOG_INFO, "%s is removed from the cache: %s", e->name, why);
}

static bnc_status make_room(folder *f, uint64_t needed, uint64_t replaced, const bnc_packed_limits *limits, const bnc_context *context,
                            bnc_error *err) {
  struct statvfs disk;
  const time_t now = time(NULL);
  uint64_t free_bytes = UINT64_MAX, movable = 0, left = f->bytes;
  if (fstatvfs(f->fd, &disk) == 0) free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
  for (size_t i = 0; i < f->entries; i++)
    if (in_use(f, &f->entry[i]))
      f->entry[i].name[0] = 0;
    else
      movable += f->entry[i].bytes;
  bool fits = free_bytes >= needed || free_bytes + movable >= needed; /* the file that is replaced goes when its successor is whole */
  for (size_t i = 0; i < f->entries; i++) {
    const entry *e = &f->entry[i];
    const char *why = NULL;
    if (!e->name[0]) continue;
    if (e->used < now && (uint64_t)(now - e->used) > limits->unused_seconds)
      why = "unused for long";
    else if (left > limits->bytes || needed + replaced > limits->bytes - left)
      why = "the folder's limit";
    else if (fits && free_bytes < needed)
      why = "the disk lacks room";
    if (!why) continue;
    remove_entry(f, e, context, why);
    left -= e->bytes;
    if (free_bytes != UINT64_MAX) free_bytes += e->bytes;
  }
  if (fits || free_bytes >= needed) return BNC_OK;
  return bnc_fail(err, BNC_ERROR_IO, "packing needs %llu MB of disk, %llu MB are free", (unsigned long long)(needed / 1000000 + 1),
                  (unsigned long long)(free_bytes / 1000000));
}

bnc_status bnc_packed_folder_make_room(const char *path, uint64_t needed, const bnc_packed_limits *limits, const bnc_context *context,
                                       bnc_error *err) {
  const char *own = strrchr(path, '/') + 1;
  folder f = {.fd = -1};
  struct stat st;
  char *name = bnc_mem_strndup(path, (size_t)(own - path));
  if (!name) return bnc_fail_memory(err, strlen(path));
  f.fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bnc_status s = f.fd < 0 ? bnc_fail_errno(err, "%s", name) : BNC_OK;
  if (s == BNC_OK && !list(&f, own)) s = bnc_fail_memory(err, f.entries * sizeof *f.entry);
  uint64_t replaced = s == BNC_OK && fstatat(f.fd, own, &st, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
  if (s == BNC_OK) s = make_room(&f, needed, replaced, limits, context, err);
  if (s != BNC_OK && f.fd >= 0) bnc_error_prefix(err, "%s", name);
  if (f.fd >= 0) close(f.fd);
  bnc_mem_free(f.entry);
  bnc_mem_free(name);
  return s;
}
