/* SPDX-License-Identifier: Apache-2.0 */
/** @file noise_source.h  A checkpoint of noise: what an element is follows from its tensor's name and its place. */
#ifndef BINOCLE_TESTS_NOISE_SOURCE_H
#define BINOCLE_TESTS_NOISE_SOURCE_H

#include "quant/graph/constants.h"

/** Element i of a tensor, in [-0.5, 0.5): exact in float. */
static inline float noise_value(const char *name, size_t i) {
  uint32_t h = 2166136261u;
  for (; *name; name++) h = (h ^ (uint8_t)*name) * 16777619u;
  h = (h ^ (uint32_t)i) * 2654435761u;
  return (float)(h >> 8) * 0x1p-24f - 0.5f;
}

static inline bnc_status noise_read(void *context, const char *name, size_t first, size_t count, float *out, bnc_error *err) {
  (void)context, (void)err;
  for (size_t i = 0; i < count; i++) out[i] = noise_value(name, first + i);
  return BNC_OK;
}

static const bnc_tensor_source noise_source = {.read = noise_read};

#endif
