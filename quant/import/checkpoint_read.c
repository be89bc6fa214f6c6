/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "quant/import/checkpoint_private.h"

/* Elements between two looks at the values, and bytes between two releases of pages. */
enum { BLOCK = 4096, RELEASE_BYTES = 4 << 20 };

static float from_bits(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static uint32_t to_bits(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits;
}

static uint32_t f16_to_f32_bits(uint32_t h) {
  const uint32_t sign = (h & 0x8000u) << 16, exponent = h >> 10 & 0x1f, mantissa = h & 0x3ff;
  if (exponent == 0x1f) return sign | 0x7f800000u | mantissa << 13;
  if (exponent == 0) return sign | to_bits((float)mantissa * 0x1p-24f); /* zero or subnormal: exact */
  return sign | (exponent + 112) << 23 | mantissa << 13;
}

/* The weights are little-endian (as every machine of ours) and need not be aligned. */
static void convert(bnc_source_dtype dtype, const uint8_t *in, size_t count, float *out) {
  uint16_t h;
  switch (dtype) {
    case BNC_SOURCE_F32: memcpy(out, in, count * sizeof *out); break;
    case BNC_SOURCE_BF16:
      for (size_t i = 0; i < count; i++) {
        memcpy(&h, in + 2 * i, sizeof h);
        out[i] = from_bits((uint32_t)h << 16);
      }
      break;
    case BNC_SOURCE_F16:
      for (size_t i = 0; i < count; i++) {
        memcpy(&h, in + 2 * i, sizeof h);
        out[i] = from_bits(f16_to_f32_bits(h));
      }
      break;
    case BNC_SOURCE_OTHER: break; /* no such tensor gets this far */
  }
}

/* Position of the first NaN or infinity, or count. */
static size_t find_not_finite(const float *x, size_t count) {
  uint32_t any = 0;
  for (size_t i = 0; i < count; i++) any |= (to_bits(x[i]) & 0x7f800000u) == 0x7f800000u;
  if (!any) return count;
  size_t i = 0;
  while ((to_bits(x[i]) & 0x7f800000u) != 0x7f800000u) i++;
  return i;
}

bnc_status bnc_checkpoint_read_f32(const bnc_source_tensor *tensor, size_t first_element, size_t count, float *out, bnc_error *err) {
  if (first_element > tensor->elements || count > tensor->elements - first_element)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "\"%s\": elements %zu and %zu more, expected to stay within %zu", tensor->name, first_element,
                    count, tensor->elements);
  const size_t size = bnc_source_dtype_size(tensor->dtype);
  size_t at = tensor->begin + first_element * size, released = at;
  for (size_t done = 0; done < count; done += BLOCK) {
    const size_t n = count - done < BLOCK ? count - done : BLOCK;
    convert(tensor->dtype, tensor->shard->map.data + at, n, out + done);
    const size_t bad = find_not_finite(out + done, n);
    if (bad < n)
      return bnc_fail(err, BNC_ERROR_FORMAT, "%s: \"%s\": element %zu is %s, expected a finite number", tensor->shard->path, tensor->stored,
                      first_element + done + bad, out[done + bad] != out[done + bad] ? "NaN" : "infinite");
    at += n * size;
    if (at - released >= RELEASE_BYTES || done + n == count) {
      bnc_file_map_release(&tensor->shard->map, released, at - released);
      released = at;
    }
  }
  return BNC_OK;
}
