/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/text/growable.h"

#include <string.h>

#include "platforms/base/mem.h"

/* Doubles, so that n appends copy O(n) bytes. */
static bnc_status grow(void **data, size_t *capacity, size_t used, size_t more, size_t item, bnc_error *err) {
  size_t need, bytes;
  if (!bnc_add_size(used, more, &need)) return bnc_fail_memory(err, SIZE_MAX);
  if (need <= *capacity && *data) return BNC_OK;
  size_t target = *capacity < SIZE_MAX / 2 ? *capacity * 2 : need;
  if (target < need) target = need;
  if (target < 64) target = 64;
  if (!bnc_mul_size(target, item, &bytes)) return bnc_fail_memory(err, SIZE_MAX);
  void *grown = bnc_mem_realloc(*data, bytes);
  if (!grown) return bnc_fail_memory(err, bytes);
  *data = grown;
  *capacity = target;
  return BNC_OK;
}

bnc_status bnc_text_reserve(bnc_text *text, size_t more, bnc_error *err) {
  void *data = text->data;
  bnc_status status = grow(&data, &text->capacity, text->size, more, 1, err);
  text->data = data;
  return status;
}

bnc_status bnc_text_append(bnc_text *text, const void *data, size_t size, bnc_error *err) {
  bnc_status status = bnc_text_reserve(text, size, err);
  if (status != BNC_OK) return status;
  if (size) memcpy(text->data + text->size, data, size);
  text->size += size;
  return BNC_OK;
}

void bnc_text_free(bnc_text *text) {
  bnc_mem_free(text->data);
  *text = (bnc_text){0};
}

bnc_status bnc_ids_append(bnc_ids *ids, const int32_t *values, size_t count, bnc_error *err) {
  void *data = ids->data;
  bnc_status status = grow(&data, &ids->capacity, ids->count, count, sizeof *values, err);
  ids->data = data;
  if (status != BNC_OK) return status;
  if (count) memcpy(ids->data + ids->count, values, count * sizeof *values);
  ids->count += count;
  return BNC_OK;
}

void bnc_ids_free(bnc_ids *ids) {
  bnc_mem_free(ids->data);
  *ids = (bnc_ids){0};
}
