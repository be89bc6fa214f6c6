/* SPDX-License-Identifier: Apache-2.0 */
/** @file sized.h  The rule of binocle.h for public structs that begin with `size`: as many bytes are read or written as the caller's
 * header knew of. */
#ifndef BINOCLE_PLATFORMS_BASE_SIZED_H
#define BINOCLE_PLATFORMS_BASE_SIZED_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/** The caller's struct: NULL and one whose size was not set are refused. */
static inline bool bnc_sized_is_set(const void *from) { return from && *(const size_t *)from >= sizeof(size_t); }

/** Takes over a caller's settings; `to` holds the defaults of this build, `bytes` of them, and keeps its own size. */
static inline void bnc_sized_read(void *to, size_t bytes, const void *from) {
  const size_t known = *(const size_t *)from;
  memcpy(to, from, known < bytes ? known : bytes);
  *(size_t *)to = bytes;
}

/** Fills in a caller's struct from one of this build, `bytes` long; its size stays as the caller set it. */
static inline void bnc_sized_write(void *to, const void *from, size_t bytes) {
  const size_t known = *(size_t *)to;
  memcpy(to, from, known < bytes ? known : bytes);
  *(size_t *)to = known;
}

#endif
