/* SPDX-License-Identifier: Apache-2.0 */
/** @file gguf_bytes.h  Writes GGUF files, right and wrong ones, into memory. */
#ifndef BINOCLE_TESTS_GGUF_BYTES_H
#define BINOCLE_TESTS_GGUF_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "quant/import/gguf/gguf.h"

/** Zero-initialised is an empty file of version 3 and an alignment of 32. */
typedef struct gguf_bytes {
  uint32_t version; /* 0: 3 */
  size_t alignment; /* 0: 32 */
  uint64_t keys, tensors;
  struct gguf_block {
    uint8_t *data;
    size_t size;
  } head, infos, data; /* keys; descriptions of tensors; their values */
} gguf_bytes;

void gguf_put(struct gguf_block *block, const void *data, size_t size);
void gguf_put_u32(struct gguf_block *block, uint32_t value);
void gguf_put_u64(struct gguf_block *block, uint64_t value);
void gguf_put_text(struct gguf_block *block, const char *text);

/** A key and its type; the value is for the caller to put into head. */
void gguf_key(gguf_bytes *g, const char *name, uint32_t type);
void gguf_u32(gguf_bytes *g, const char *name, uint32_t value);
void gguf_f32(gguf_bytes *g, const char *name, float value);
void gguf_bool(gguf_bytes *g, const char *name, int value);
void gguf_text(gguf_bytes *g, const char *name, const char *value);
/** Describes a tensor: its sizes innermost first. */
void gguf_info(gguf_bytes *g, const char *name, uint32_t rank, const uint64_t *sizes, uint32_t type, uint64_t offset);
/** Describes the next tensor and appends its values, aligned. */
void gguf_tensor(gguf_bytes *g, const char *name, uint32_t rank, const uint64_t *sizes, uint32_t type, const void *data, size_t size);

/** The whole file, [*size], for free; g is empty again. */
uint8_t *gguf_finish(gguf_bytes *g, size_t *size);

#endif
