/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/file/sysfs.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/number.h"

static const char *root(void) {
  const char *r = getenv("BINOCLE_SYSFS");
  return r ? r : "";
}

bool bnc_sysfs_relocated(void) { return root()[0] != 0; }

__attribute__((format(printf, 3, 0))) static bool join(char *out, size_t size, const char *format, va_list args) {
  int n = snprintf(out, size, "%s", root());
  if (n < 0 || (size_t)n >= size) return false;
  int m = vsnprintf(out + n, size - (size_t)n, format, args);
  return m >= 0 && (size_t)m < size - (size_t)n;
}

bool bnc_sysfs_path(char *out, size_t size, const char *format, ...) {
  va_list args;
  va_start(args, format);
  bool ok = join(out, size, format, args);
  va_end(args);
  return ok;
}

/* O_NONBLOCK: a FIFO in a relocated tree must not hang us. */
static int open_text(const char *path) { return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); }

static bnc_sysfs_result read_line(const char *path, char *text, size_t size) {
  text[0] = 0;
  int fd = open_text(path);
  if (fd < 0) return errno == EACCES || errno == EPERM ? BNC_SYSFS_DENIED : BNC_SYSFS_ABSENT;
  ssize_t n;
  do n = read(fd, text, size - 1);
  while (n < 0 && errno == EINTR);
  int code = errno;
  close(fd);
  if (n < 0) {
    text[0] = 0;
    return code == EACCES || code == EPERM ? BNC_SYSFS_DENIED : BNC_SYSFS_ABSENT;
  }
  text[n] = 0;
  size_t from = strspn(text, " \t"), length = strcspn(text + from, "\n");
  while (length > 0 && isspace((unsigned char)text[from + length - 1])) length--;
  memmove(text, text + from, length);
  text[length] = 0;
  return BNC_SYSFS_OK;
}

bnc_sysfs_result bnc_sysfs_string(char *text, size_t size, const char *format, ...) {
  char path[BNC_SYSFS_PATH];
  va_list args;
  va_start(args, format);
  bool ok = join(path, sizeof path, format, args);
  va_end(args);
  text[0] = 0;
  return ok ? read_line(path, text, size) : BNC_SYSFS_ABSENT;
}

bnc_sysfs_result bnc_sysfs_int(int64_t *value, const char *format, ...) {
  char path[BNC_SYSFS_PATH], text[64];
  va_list args;
  va_start(args, format);
  bool ok = join(path, sizeof path, format, args);
  va_end(args);
  *value = 0;
  if (!ok) return BNC_SYSFS_ABSENT;
  bnc_sysfs_result r = read_line(path, text, sizeof text);
  if (r != BNC_SYSFS_OK) return r;
  const char *p = text + (text[0] == '-');
  uint64_t v;
  /* Registers are written as 0x...; decimal texts may start with zeros. */
  if (!bnc_number_u64(&p, strncmp(p, "0x", 2) == 0 ? 16 : 10, &v) || *p || v > INT64_MAX) return BNC_SYSFS_MALFORMED;
  *value = text[0] == '-' ? -(int64_t)v : (int64_t)v;
  return BNC_SYSFS_OK;
}

/* Digits compare as numbers, everything else by byte. */
static int natural_order(const void *left, const void *right) {
  const char *a = left, *b = right;
  while (*a && *b) {
    if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
      uint64_t x, y;
      bnc_number_u64(&a, 10, &x);
      bnc_number_u64(&b, 10, &y);
      if (x != y) return x < y ? -1 : 1;
    } else if (*a != *b) {
      return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
    } else {
      a++;
      b++;
    }
  }
  return *a ? 1 : *b ? -1 : 0;
}

size_t bnc_sysfs_list(const char *folder, const char *pattern, char (*names)[BNC_SYSFS_NAME], size_t max) {
  char path[BNC_SYSFS_PATH];
  size_t count = 0;
  DIR *dir = bnc_sysfs_path(path, sizeof path, "%s", folder) ? opendir(path) : NULL;
  if (!dir) return 0;
  for (struct dirent *e; (e = readdir(dir)) != NULL;) {
    if (count == max) break;
    size_t length = strlen(e->d_name);
    if (e->d_name[0] == '.' || length >= BNC_SYSFS_NAME || fnmatch(pattern, e->d_name, 0) != 0) continue;
    memcpy(names[count++], e->d_name, length + 1);
  }
  closedir(dir);
  qsort(names, count, sizeof names[0], natural_order);
  return count;
}

size_t bnc_sysfs_cpu_list(const char *text, uint8_t *set, size_t size) {
  size_t count = 0;
  for (const char *p = text; isdigit((unsigned char)*p);) {
    uint64_t from, to;
    if (!bnc_number_u64(&p, 10, &from)) break;
    to = from;
    if (*p == '-') {
      p++;
      if (!bnc_number_u64(&p, 10, &to)) break;
    }
    for (uint64_t i = from; i <= to && i < size; i++) {
      set[i] = 1;
      count++;
    }
    p += *p == ',';
  }
  return count;
}

bool bnc_sysfs_reader_open(bnc_sysfs_reader *r, const char *path) {
  char full[BNC_SYSFS_PATH];
  r->from = r->to = 0;
  r->fd = bnc_sysfs_path(full, sizeof full, "%s", path) ? open_text(full) : -1;
  return r->fd >= 0;
}

static bool refill(bnc_sysfs_reader *r) {
  ssize_t n;
  do n = read(r->fd, r->buffer, sizeof r->buffer);
  while (n < 0 && errno == EINTR);
  r->from = 0;
  r->to = n > 0 ? (size_t)n : 0;
  return n > 0;
}

bool bnc_sysfs_reader_line(bnc_sysfs_reader *r, char *line, size_t size) {
  size_t have = 0;
  bool any = false;
  for (;;) {
    if (r->from == r->to && !refill(r)) break;
    any = true;
    char c = r->buffer[r->from++];
    if (c == '\n') break;
    if (have + 1 < size) line[have++] = c;
  }
  line[have] = 0;
  return any;
}

void bnc_sysfs_reader_close(bnc_sysfs_reader *r) {
  if (r->fd >= 0) close(r->fd);
  r->fd = -1;
}

bool bnc_sysfs_key_value(char *line, char **key, char **value) {
  char *colon = strchr(line, ':');
  if (!colon) return false;
  char *end = colon;
  while (end > line && isspace((unsigned char)end[-1])) end--;
  *end = 0;
  *key = line;
  *value = colon + 1 + strspn(colon + 1, " \t");
  return true;
}
