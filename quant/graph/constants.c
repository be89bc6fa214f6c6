/* SPDX-License-Identifier: Apache-2.0 */
#include "quant/graph/constants.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "platforms/base/array.h"
#include "platforms/base/mem.h"

void bnc_constants_init(bnc_constants *c, const bnc_tensor_source *source) { *c = (bnc_constants){.source = source}; }

void bnc_constants_free(bnc_constants *c) {
  for (size_t i = 0; i < c->constants; i++) bnc_mem_free(c->constant[i].data);
  for (size_t i = 0; i < c->taps_count; i++) bnc_taps_free(&c->taps[i]);
  bnc_mem_free(c->strings);
  bnc_mem_free(c->constant);
  bnc_mem_free(c->taps);
  bnc_mem_free(c->weight);
  *c = (bnc_constants){0};
}

uint32_t bnc_constants_string(bnc_constants *c, const char *format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (n < 0) return UINT32_MAX;
  size_t size = strlen(text) + 1;
  for (size_t at = 0; at < c->strings_size; at += strlen(c->strings + at) + 1)
    if (strcmp(c->strings + at, text) == 0) return (uint32_t)at;
  if (c->strings_size + size > UINT32_MAX - 1 || !bnc_array_reserve(&c->strings, &c->strings_capacity, c->strings_size + size, 1))
    return UINT32_MAX;
  memcpy(c->strings + c->strings_size, text, size);
  c->strings_size += size;
  return (uint32_t)(c->strings_size - size);
}

bnc_status bnc_constants_add(bnc_constants *c, size_t rows, size_t cols, const float *data, uint32_t *id, bnc_error *err) {
  size_t bytes;
  if (!bnc_mul_size(rows, cols, &bytes) || !bnc_mul_size(bytes, sizeof(float), &bytes))
    return bnc_fail(err, BNC_ERROR_LIMIT, "a constant of %zu x %zu is too large", rows, cols);
  for (size_t i = 0; i < c->constants; i++)
    if (c->constant[i].rows == rows && c->constant[i].cols == cols && memcmp(c->constant[i].data, data, bytes) == 0) {
      *id = (uint32_t)i;
      return BNC_OK;
    }
  if (!bnc_array_reserve(&c->constant, &c->constant_capacity, c->constants + 1, sizeof *c->constant)) return bnc_fail_memory(err, bytes);
  float *copy = bnc_mem_alloc(bytes);
  if (!copy) return bnc_fail_memory(err, bytes);
  memcpy(copy, data, bytes);
  c->constant[c->constants] = (bnc_constant){rows, cols, copy};
  *id = (uint32_t)c->constants++;
  return BNC_OK;
}

bnc_status bnc_constants_load(bnc_constants *c, const char *name, size_t rows, size_t cols, uint32_t *id, bnc_error *err) {
  float *data = bnc_mem_array(rows * cols, sizeof *data);
  if (!data) return bnc_fail_memory(err, rows * cols * sizeof *data);
  bnc_status s = c->source->read(c->source->context, name, 0, rows * cols, data, err);
  if (s == BNC_OK) s = bnc_constants_add(c, rows, cols, data, id, err);
  bnc_mem_free(data);
  return s;
}

bnc_status bnc_constants_add_taps(bnc_constants *c, bnc_taps *taps, uint32_t *id, bnc_error *err) {
  for (size_t i = 0; i < c->taps_count; i++)
    if (bnc_taps_equal(&c->taps[i], taps)) {
      bnc_taps_free(taps);
      *id = (uint32_t)i;
      return BNC_OK;
    }
  if (!bnc_array_reserve(&c->taps, &c->taps_capacity, c->taps_count + 1, sizeof *c->taps)) {
    bnc_taps_free(taps);
    return bnc_fail_memory(err, sizeof *c->taps);
  }
  c->taps[c->taps_count] = *taps;
  *taps = (bnc_taps){0};
  *id = (uint32_t)c->taps_count++;
  return BNC_OK;
}

static bool same_weight(const bnc_weight *a, const bnc_weight *b) {
  if (a->dtype != b->dtype || a->n != b->n || a->k != b->k || a->group != b->group || a->parts != b->parts) return false;
  for (size_t i = 0; i < a->parts; i++)
    if (a->part[i].weight != b->part[i].weight || a->part[i].bias != b->part[i].bias || a->part[i].n != b->part[i].n ||
        a->part[i].weight_scale != b->part[i].weight_scale || a->part[i].bias_scale != b->part[i].bias_scale)
      return false;
  return true;
}

bnc_status bnc_constants_add_weight(bnc_constants *c, const bnc_weight *weight, uint32_t *id, bnc_error *err) {
  for (size_t i = 0; i < c->weights; i++)
    if (same_weight(&c->weight[i], weight)) {
      *id = (uint32_t)i;
      return BNC_OK;
    }
  if (!bnc_array_reserve(&c->weight, &c->weight_capacity, c->weights + 1, sizeof *c->weight))
    return bnc_fail_memory(err, sizeof *c->weight);
  c->weight[c->weights] = *weight;
  *id = (uint32_t)c->weights++;
  return BNC_OK;
}

bnc_file_weight bnc_weight_describe(const bnc_weight *w) {
  bnc_file_weight f = {.dtype = w->dtype,
                       .n = (uint32_t)w->n,
                       .k = (uint32_t)w->k,
                       .group = (uint32_t)w->group,
                       .scales = UINT64_MAX,
                       .offsets = UINT64_MAX,
                       .bias = UINT64_MAX,
                       .name = w->part[0].weight};
  for (size_t i = 0; i < w->parts; i++)
    if (w->part[i].bias != BNC_NO_ID) f.bias = 0;
  return f;
}
