/* SPDX-License-Identifier: Apache-2.0 */
#include "platforms/file/stream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "platforms/base/number.h"

/* After a call that failed: whether to call again, once the descriptor is ready. */
static bool wait_for(int fd, short events) {
  struct pollfd one = {.fd = fd, .events = events};
  if (errno == EINTR) return true;
  if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
  return poll(&one, 1, -1) >= 0 || errno == EINTR;
}

ssize_t bnc_stream_read(int fd, void *data, size_t size) {
  ssize_t n;
  do n = read(fd, data, size);
  while (n < 0 && wait_for(fd, POLLIN));
  return n;
}

ssize_t bnc_stream_write(int fd, const void *data, size_t size) {
  ssize_t n;
  do n = write(fd, data, size);
  while (n < 0 && wait_for(fd, POLLOUT));
  return n;
}

int bnc_stream_named(const char *path) {
  static const char *const names[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"}, *const folders[] = {"/dev/fd/", "/proc/self/fd/"};
  for (int i = 0; i < 3; i++)
    if (strcmp(path, names[i]) == 0) return i;
  for (size_t i = 0; i < 2; i++) {
    const size_t n = strlen(folders[i]);
    uint64_t fd;
    if (strncmp(path, folders[i], n) != 0) continue;
    const char *end = path + n;
    if (bnc_number_u64(&end, 10, &fd) && *end == 0 && fd <= INT_MAX) return (int)fd;
  }
  return -1;
}
