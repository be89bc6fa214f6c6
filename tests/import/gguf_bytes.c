/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/import/gguf_bytes.h"

#include <stdlib.h>
#include <string.h>

void gguf_put(struct gguf_block *b, const void *data, size_t size) {
  b->data = realloc(b->data, b->size + size + 1);
  if (!b->data) abort();
  if (size) memcpy(b->data + b->size, data, size);
  b->size += size;
}

void gguf_put_u32(struct gguf_block *b, uint32_t value) { gguf_put(b, &value, 4); }
void gguf_put_u64(struct gguf_block *b, uint64_t value) { gguf_put(b, &value, 8); }

void gguf_put_text(struct gguf_block *b, const char *text) {
  gguf_put_u64(b, strlen(text));
  gguf_put(b, text, strlen(text));
}

void gguf_key(gguf_bytes *g, const char *name, uint32_t type) {
  gguf_put_text(&g->head, name);
  gguf_put_u32(&g->head, type);
  g->keys++;
}

void gguf_u32(gguf_bytes *g, const char *name, uint32_t value) {
  gguf_key(g, name, BNC_GGUF_U32);
  gguf_put_u32(&g->head, value);
}

void gguf_f32(gguf_bytes *g, const char *name, float value) {
  gguf_key(g, name, BNC_GGUF_F32);
  gguf_put(&g->head, &value, 4);
}

void gguf_bool(gguf_bytes *g, const char *name, int value) {
  const uint8_t byte = value != 0;
  gguf_key(g, name, BNC_GGUF_BOOL);
  gguf_put(&g->head, &byte, 1);
}

void gguf_text(gguf_bytes *g, const char *name, const char *value) {
  gguf_key(g, name, BNC_GGUF_STRING);
  gguf_put_text(&g->head, value);
}

void gguf_info(gguf_bytes *g, const char *name, uint32_t rank, const uint64_t *sizes, uint32_t type, uint64_t offset) {
  gguf_put_text(&g->infos, name);
  gguf_put_u32(&g->infos, rank);
  for (uint32_t i = 0; i < rank; i++) gguf_put_u64(&g->infos, sizes[i]);
  gguf_put_u32(&g->infos, type);
  gguf_put_u64(&g->infos, offset);
  g->tensors++;
}

static void pad(struct gguf_block *b, size_t alignment) {
  static const uint8_t zero;
  while (b->size % alignment) gguf_put(b, &zero, 1);
}

void gguf_tensor(gguf_bytes *g, const char *name, uint32_t rank, const uint64_t *sizes, uint32_t type, const void *data, size_t size) {
  pad(&g->data, g->alignment ? g->alignment : 32);
  gguf_info(g, name, rank, sizes, type, g->data.size);
  gguf_put(&g->data, data, size);
}

uint8_t *gguf_finish(gguf_bytes *g, size_t *size) {
  struct gguf_block whole = {NULL, 0};
  gguf_put(&whole, "GGUF", 4);
  gguf_put_u32(&whole, g->version ? g->version : 3);
  gguf_put_u64(&whole, g->tensors);
  gguf_put_u64(&whole, g->keys);
  gguf_put(&whole, g->head.data, g->head.size);
  gguf_put(&whole, g->infos.data, g->infos.size);
  pad(&whole, g->alignment ? g->alignment : 32);
  gguf_put(&whole, g->data.data, g->data.size);
  free(g->head.data);
  free(g->infos.data);
  free(g->data.data);
  *g = (gguf_bytes){0};
  *size = whole.size;
  return whole.data;
}
