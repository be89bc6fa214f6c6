/* SPDX-License-Identifier: Apache-2.0 */
/** @file kv_layout.h  How large a model's KV cache is, and where each layer's part of it lies. */
#ifndef BINOCLE_RUNTIME_MODEL_KV_LAYOUT_H
#define BINOCLE_RUNTIME_MODEL_KV_LAYOUT_H

#include <stdbool.h>

#include "ops/kv_append/kv_append.h"
#include "runtime/model/format.h"

/** Layers follow each other; each has its keys, its values and, in an int8 cache, a scale per head and row for both. All begin at multiples
 * of BNC_ALIGNMENT. */
typedef struct bnc_kv_layout {
  uint64_t capacity; /* rows, whole blocks of them */
  uint64_t values;   /* bytes of a layer's keys, and of its values */
  uint64_t scales;   /* bytes of the scales of either; 0: no int8 cache */
  uint64_t layer;    /* bytes of a layer */
  uint64_t total;    /* bytes of all layers */
} bnc_kv_layout;

/** Bytes of a key's or value's element in a cache of a validated bnc_kv_dtype. */
size_t bnc_kv_element_bytes(uint32_t kv_dtype);

/** For a validated meta and at most its context of rows; nothing overflows. */
bnc_kv_layout bnc_kv_layout_of(const bnc_file_meta *meta, uint64_t rows);
/** One layer's part of a block that the layout's sizes describe. */
bnc_kv_cache bnc_kv_layer(const bnc_file_meta *meta, const bnc_kv_layout *layout, uint8_t *block, size_t layer);

#endif
