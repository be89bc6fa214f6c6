/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "ops/half.h"
#include "quant/import/checkpoint_private.h"

/* Elements between two looks at the values, and bytes between two releases of pages. */
enum { BLOCK = 4096, RELEASE_BYTES = 4 << 20 };

/* The weights are little-endian (as every machine of ours) and need not be aligned. */
static void convert(bnc_source_dtype dtype, const uint8_t *in, size_t count, float *out) {
  uint16_t h;
  switch (dtype) {
    case BNC_SOURCE_F32: memcpy(out, in, count * sizeof *out); break;
    case BNC_SOURCE_BF16:
      for (size_t i = 0; i < count; i++) {
        memcpy(&h, in + 2 * i, sizeof h);
        out[i] = bnc_f32_from_bf16(h);
      }
      break;
    case BNC_SOURCE_F16:
      for (size_t i = 0; i < count; i++) {
        memcpy(&h, in + 2 * i, sizeof h);
        out[i] = bnc_f32_from_f16(h);
      }
      break;
    case BNC_SOURCE_BLOCKS:       /* read_blocks's */
    case BNC_SOURCE_OTHER: break; /* no such tensor gets this far */
  }
}

/* Elements [first, first + count), which may begin and end inside blocks. */
static void read_blocks(const bnc_block_type *block, const uint8_t *data, size_t first, size_t count, float *out) {
  float part[BNC_SOURCE_BLOCK_MAX];
  for (size_t n; count > 0; first += n, count -= n, out += n) {
    const uint8_t *at = data + first / block->elements * block->bytes;
    const size_t from = first % block->elements;
    if (from == 0 && count >= block->elements) {
      n = count - count % block->elements;
      block->read(at, n / block->elements, out);
    } else {
      n = block->elements - from < count ? block->elements - from : count;
      block->read(at, 1, part);
      memcpy(out, part + from, n * sizeof *out);
    }
  }
}

/* Position of the first NaN or infinity, or count. */
static size_t find_not_finite(const float *x, size_t count) {
  uint32_t any = 0;
  for (size_t i = 0; i < count; i++) any |= (bnc_bits_from_f32(x[i]) & 0x7f800000u) == 0x7f800000u;
  if (!any) return count;
  size_t i = 0;
  while ((bnc_bits_from_f32(x[i]) & 0x7f800000u) != 0x7f800000u) i++;
  return i;
}

/* The place of an element, from the file's begin. */
static size_t place_of(const bnc_source_tensor *t, size_t element) {
  return t->begin + (t->block ? element / t->block->elements * t->block->bytes : element * bnc_source_dtype_size(t->dtype));
}

/* Elements as they are stored, one after the other. */
static bnc_status read_run(const bnc_source_tensor *t, size_t first, size_t count, float *out, bnc_error *err) {
  size_t released = first;
  for (size_t done = 0; done < count; done += BLOCK) {
    const size_t n = count - done < BLOCK ? count - done : BLOCK, end = first + done + n;
    if (t->dtype == BNC_SOURCE_BLOCKS)
      read_blocks(t->block, t->shard->map.data + t->begin, first + done, n, out + done);
    else
      convert(t->dtype, t->shard->map.data + place_of(t, first + done), n, out + done);
    const size_t bad = find_not_finite(out + done, n);
    if (bad < n)
      return bnc_fail(err, BNC_ERROR_FORMAT, "%s: \"%s\": element %zu is %s, expected a finite number", t->shard->path, t->stored,
                      first + done + bad, out[done + bad] != out[done + bad] ? "NaN" : "infinite");
    if (place_of(t, end) - place_of(t, released) >= RELEASE_BYTES || done + n == count) {
      bnc_file_map_release(&t->shard->map, place_of(t, released), place_of(t, end) - place_of(t, released));
      released = end;
    }
  }
  return BNC_OK;
}

/* The stored place of a row of query or key outputs, where pairs that turn together lie side by side. */
static size_t stored_row(const bnc_source_tensor *t, size_t row) {
  const size_t head = t->shape[0] / t->rope_heads, in_head = row % head, half = head / 2;
  return row - in_head + in_head % half * 2 + in_head / half;
}

bnc_status bnc_checkpoint_read_f32(const bnc_source_tensor *tensor, size_t first_element, size_t count, float *out, bnc_error *err) {
  if (first_element > tensor->elements || count > tensor->elements - first_element)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "\"%s\": elements %zu and %zu more, expected to stay within %zu", tensor->name, first_element,
                    count, tensor->elements);
  if (!tensor->rope_heads) return read_run(tensor, first_element, count, out, err);
  const size_t columns = tensor->elements / tensor->shape[0];
  bnc_status s = BNC_OK;
  for (size_t done = 0, n; s == BNC_OK && done < count; done += n) {
    const size_t row = (first_element + done) / columns, column = (first_element + done) % columns;
    n = columns - column < count - done ? columns - column : count - done;
    s = read_run(tensor, stored_row(tensor, row) * columns + column, n, out + done, err);
  }
  return s;
}
