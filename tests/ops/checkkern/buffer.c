/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/ops/checkkern/check.h"

enum { CANARY = 0xa5, SLACK = 256 };

tensor tensor_make(size_t rows, size_t cols, size_t stride, size_t size, tensor_side side) {
  tensor t = {.rows = rows, .cols = cols, .stride = stride, .size = size};
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = rows ? ((rows - 1) * stride + cols) * size : 0;
  t.page_bytes = (bytes + SLACK + page - 1) / page * page;
  t.map_bytes = t.page_bytes + 2 * page;
  t.map = mmap(NULL, t.map_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (t.map == MAP_FAILED || mprotect(t.map + page, t.page_bytes, PROT_READ | PROT_WRITE)) {
    fprintf(stderr, "checkkern: no memory for %zu bytes\n", bytes);
    exit(1);
  }
  t.page = t.map + page;
  memset(t.page, CANARY, t.page_bytes);
  t.data = side == SIDE_END ? t.page + t.page_bytes - bytes : t.page;
  return t;
}

tensor tensor_copy(const tensor *t) {
  tensor copy = tensor_make(t->rows, t->cols, t->stride, t->size, (unsigned char *)t->data == t->page ? SIDE_START : SIDE_END);
  memcpy(copy.page, t->page, t->page_bytes);
  return copy;
}

void tensor_free(tensor *t) {
  if (t->map) munmap(t->map, t->map_bytes);
  *t = (tensor){0};
}

void tensor_protect(tensor *t) { mprotect(t->page, t->page_bytes, PROT_READ); }

const char *tensor_damage(const tensor *t) {
  const unsigned char *data = t->data, *end = t->page + t->page_bytes;
  for (const unsigned char *p = t->page; p < data; ++p) {
    if (*p != CANARY) return "wrote before its output";
  }
  for (size_t row = 0; row + 1 < t->rows; ++row) {
    for (size_t i = t->cols * t->size; i < t->stride * t->size; ++i) {
      if (data[row * t->stride * t->size + i] != CANARY) return "wrote between rows of its output";
    }
  }
  for (const unsigned char *p = data + (t->rows ? ((t->rows - 1) * t->stride + t->cols) * t->size : 0); p < end; ++p) {
    if (*p != CANARY) return "wrote behind its output";
  }
  return NULL;
}
