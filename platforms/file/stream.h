/* SPDX-License-Identifier: Apache-2.0 */
/** @file stream.h  Descriptors that others share with us: a parent may have made them non-blocking, and they are waited for then. */
#ifndef BINOCLE_PLATFORMS_FILE_STREAM_H
#define BINOCLE_PLATFORMS_FILE_STREAM_H

#include <stddef.h>
#include <sys/types.h>

/** As read and write, but never EINTR and never EAGAIN. */
ssize_t bnc_stream_read(int fd, void *data, size_t size);
ssize_t bnc_stream_write(int fd, const void *data, size_t size);

/** The descriptor of this process that a name stands for ("/dev/stdin", "/dev/fd/63"); -1: another name. Opening such a name anew would
 * fail for a socket, begin a file at its start, and need /proc. */
int bnc_stream_named(const char *path);

#endif
