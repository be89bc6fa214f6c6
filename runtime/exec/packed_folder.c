/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec/packed_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "platforms/base/mem.h"
#include "platforms/file/file.h"

#define PACKED_SUFFIX ".bncpack"
#define ROWS_SUFFIX ".bncrows"
#define LAID_SUFFIX ".bnclaid"
#define ABANDONED_SECONDS 60 /* a file without a lock that has not grown for so long has no writer */

/* folder + tail; NULL without memory. */
static char *join(const char *folder, const char *tail) {
  size_t n = strlen(folder), m = strlen(tail);
  char *path = bnc_mem_alloc(n + m + 1);
  if (!path) return NULL;
  memcpy(path, folder, n);
  memcpy(path + n, tail, m + 1);
  return path;
}

static bnc_status path_of(const bnc_context *context, const bnc_packed_identity *identity, const char *suffix, char **path,
                          bnc_error *err) {
  char name[96], content[33];
  const char *folder = context->settings.cache_dir, *below = "";
  *path = NULL;
  if (!folder) folder = getenv("BINOCLE_CACHE");
  if (!folder) {
    below = "/binocle";
    folder = getenv("XDG_CACHE_HOME");
    if (folder && folder[0] != '/') folder = NULL; /* the specification ignores relative ones */
  }
  if (!folder) {
    below = "/.cache/binocle";
    folder = getenv("HOME");
  }
  if (!folder || !folder[0]) return BNC_OK;
  bnc_digest_text(&identity->content, 16, content);
  snprintf(name, sizeof name, "%s/%s-%016llx%s", below, content, (unsigned long long)identity->machine_id, suffix);
  *path = join(folder, name);
  return *path ? BNC_OK : bnc_fail_memory(err, strlen(folder));
}

bnc_status bnc_packed_folder_path(const bnc_context *context, const bnc_packed_identity *identity, char **path, bnc_error *err) {
  return path_of(context, identity, PACKED_SUFFIX, path, err);
}

bnc_status bnc_packed_folder_rows_path(const bnc_context *context, const bnc_packed_identity *identity, char **path, bnc_error *err) {
  return path_of(context, identity, ROWS_SUFFIX, path, err);
}

bnc_status bnc_packed_folder_laid_path(const bnc_context *context, const bnc_packed_identity *identity, char **path, bnc_error *err) {
  return path_of(context, identity, LAID_SUFFIX, path, err);
}

bnc_status bnc_packed_folder_prepare(const char *path, bnc_error *err) {
  char *folder = bnc_mem_strndup(path, strlen(path));
  if (!folder) return bnc_fail_memory(err, strlen(path));
  bnc_status s = BNC_OK;
  for (char *at = strchr(folder + 1, '/'); at && s == BNC_OK; at = strchr(at + 1, '/')) {
    *at = 0;
    if (mkdir(folder, 0700) < 0 && errno != EEXIST && access(folder, F_OK) < 0)
      s = bnc_fail_errno(err, "%s: cannot make this folder", folder);
    *at = '/';
  }
  *strrchr(folder, '/') = 0;
  if (s == BNC_OK && access(folder[0] ? folder : "/", W_OK | X_OK) < 0) s = bnc_fail_errno(err, "%s: cannot write", folder);
  bnc_mem_free(folder);
  return s == BNC_OK ? bnc_file_check_own_folder(path, err) : s;
}

static void remove_abandoned(const char *path) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return;
  time_t now = time(NULL);
  /* A writer holds a lock on its file (platforms/file/file.h); the kernel drops it with the process. */
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_mtime + ABANDONED_SECONDS < now && flock(fd, LOCK_EX | LOCK_NB) == 0)
    unlink(path);
  close(fd);
}

void bnc_packed_folder_clean(const char *path) {
  char *folder = bnc_mem_strndup(path, (size_t)(strrchr(path, '/') - path) + 1); /* with its slash */
  DIR *entries = folder ? opendir(folder) : NULL;
  for (const struct dirent *e; (e = entries ? readdir(entries) : NULL) != NULL;) {
    size_t length = strlen(e->d_name);
    if (!strstr(e->d_name, PACKED_SUFFIX ".") && !strstr(e->d_name, ROWS_SUFFIX ".") && !strstr(e->d_name, LAID_SUFFIX ".")) continue;
    if (length < 8 || strcmp(e->d_name + length - 8, ".partial") != 0) continue;
    char *left = join(folder, e->d_name);
    if (left) remove_abandoned(left);
    bnc_mem_free(left);
  }
  if (entries) closedir(entries);
  bnc_mem_free(folder);
}
