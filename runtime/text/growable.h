/* SPDX-License-Identifier: Apache-2.0 */
/** @file growable.h  Growing arrays of bytes and of token ids. Zero-initialised is empty; on failure the content is kept. */
#ifndef BINOCLE_RUNTIME_TEXT_GROWABLE_H
#define BINOCLE_RUNTIME_TEXT_GROWABLE_H

#include <stddef.h>
#include <stdint.h>

#include "platforms/base/error.h"

/** Bytes, not NUL-terminated. */
typedef struct bnc_text {
  char *data; /* [capacity], the first `size` are in use */
  size_t size, capacity;
} bnc_text;

/** Makes room for `more` bytes behind size. */
bnc_status bnc_text_reserve(bnc_text *text, size_t more, bnc_error *err);
bnc_status bnc_text_append(bnc_text *text, const void *data, size_t size, bnc_error *err);
void bnc_text_free(bnc_text *text);

/** Token ids; BNC_IMAGE_TOKEN (prompt.h) stands for a picture. */
typedef struct bnc_ids {
  int32_t *data; /* [capacity], the first `count` are in use */
  size_t count, capacity;
} bnc_ids;

bnc_status bnc_ids_append(bnc_ids *ids, const int32_t *values, size_t count, bnc_error *err);
void bnc_ids_free(bnc_ids *ids);

#endif
