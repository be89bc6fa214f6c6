/* SPDX-License-Identifier: Apache-2.0 */
/** @file array.h  Growing arrays: a pointer, a count and a capacity that their owner keeps side by side. */
#ifndef BINOCLE_PLATFORMS_BASE_ARRAY_H
#define BINOCLE_PLATFORMS_BASE_ARRAY_H

#include <stdbool.h>
#include <string.h>

#include "platforms/base/mem.h"

/** Makes room for `count` elements of `size` bytes in the array at *data (a bnc_mem block or NULL), at least doubling it. False without
   memory; the array is then as it was. The pointer is passed as void ** and moved with memcpy, so that any element type may be used. */
static inline bool bnc_array_reserve(void *data, size_t *capacity, size_t count, size_t size) {
  if (count <= *capacity) return true;
  size_t grown = *capacity < 8 ? 8 : *capacity * 2;
  size_t bytes;
  if (grown < count) grown = count;
  if (!bnc_mul_size(grown, size, &bytes)) return false;
  void *old;
  memcpy(&old, data, sizeof old);
  void *block = bnc_mem_realloc(old, bytes);
  if (!block) return false;
  memcpy(data, &block, sizeof block);
  *capacity = grown;
  return true;
}

#endif
