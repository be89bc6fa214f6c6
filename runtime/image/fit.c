/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/mem.h"
#include "runtime/image/image.h"
#include "runtime/image/resample.h"

/* The padded square is read row by row. Each row that the vertical pass asks for is padded and resized horizontally once, and stays in a ring that is as
 * long as the vertical kernel; rows of pure padding are all alike and share one result. */
typedef struct fit {
  const bnc_image *image;
  const bnc_resample *taps;  /* square -> side, the same for both axes */
  size_t square, left, top;  /* pixels: the padded square's side, and where the picture lies in it */
  uint8_t *padded;           /* [square, 3] one row, with the padding already beside the picture's part */
  uint8_t *pad_row;          /* [side, 3] a row of padding, resized */
  uint8_t *ring;             /* [taps, side, 3] resized rows; row y in slot y % taps */
  int32_t *sums;             /* [side, 3] */
} fit;

/* arithmetic shift of a negative sum: gcc and clang define it so */
static uint8_t to_pixel(int32_t sum) {
  const int32_t v = sum >> BNC_RESAMPLE_BITS;
  return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void fill_pixels(uint8_t *row, size_t count, const uint8_t pad[3]) {
  for (size_t x = 0; x < count; x++) memcpy(row + 3 * x, pad, 3);
}

static void resize_row(const bnc_resample *taps, const uint8_t *in /* [taps->in, 3] */, uint8_t *out /* [taps->out, 3] */) {
  const int32_t half = 1 << (BNC_RESAMPLE_BITS - 1);
  for (size_t i = 0; i < taps->out; i++) {
    const int32_t *w = taps->weights + i * taps->taps;
    const uint8_t *p = in + 3 * (size_t)taps->first[i];
    int32_t r = half, g = half, b = half;
    for (size_t t = 0; t < taps->count[i]; t++, p += 3) {
      r += w[t] * p[0];
      g += w[t] * p[1];
      b += w[t] * p[2];
    }
    out[3 * i] = to_pixel(r);
    out[3 * i + 1] = to_pixel(g);
    out[3 * i + 2] = to_pixel(b);
  }
}

static int is_padding(const fit *f, size_t y) { return y < f->top || y >= f->top + f->image->height; }

/* Row y of the horizontally resized square; rows of the picture must be in the ring. */
static const uint8_t *resized_row(const fit *f, size_t y) { return is_padding(f, y) ? f->pad_row : f->ring + y % f->taps->taps * f->taps->out * 3; }

static void make_row(const fit *f, size_t y) {
  const size_t stride = f->image->width * 3;
  memcpy(f->padded + 3 * f->left, f->image->rgb + (y - f->top) * stride, stride);
  resize_row(f->taps, f->padded, f->ring + y % f->taps->taps * f->taps->out * 3);
}

static void combine_rows(const fit *f, size_t i, uint8_t *out /* [side, 3] */) {
  const size_t n = f->taps->out * 3;
  const int32_t *w = f->taps->weights + i * f->taps->taps;
  for (size_t k = 0; k < n; k++) f->sums[k] = 1 << (BNC_RESAMPLE_BITS - 1);
  for (size_t t = 0; t < f->taps->count[i]; t++) {
    const uint8_t *row = resized_row(f, f->taps->first[i] + t);
    for (size_t k = 0; k < n; k++) f->sums[k] += w[t] * row[k];
  }
  for (size_t k = 0; k < n; k++) out[k] = to_pixel(f->sums[k]);
}

static void fit_resized(const fit *f, const uint8_t pad[3], uint8_t *out /* [side, side, 3] */) {
  const size_t side = f->taps->out;
  fill_pixels(f->padded, f->square, pad);
  resize_row(f->taps, f->padded, f->pad_row);
  size_t next = 0; /* rows before it were resized */
  for (size_t i = 0; i < side; i++) {
    const size_t end = (size_t)f->taps->first[i] + f->taps->count[i];
    for (; next < end; next++)
      if (!is_padding(f, next)) make_row(f, next);
    combine_rows(f, i, out + i * side * 3);
  }
}

static void fit_unresized(const bnc_image *image, size_t square, size_t left, size_t top, const uint8_t pad[3], uint8_t *out) {
  fill_pixels(out, square * square, pad);
  for (size_t y = 0; y < image->height; y++) memcpy(out + ((top + y) * square + left) * 3, image->rgb + y * image->width * 3, image->width * 3);
}

bnc_status bnc_image_fit(const bnc_image *image, const uint8_t pad[3], size_t side, uint8_t *out, bnc_error *err) {
  const size_t width = image->width, height = image->height, square = width > height ? width : height;
  if (!image->rgb || width < 1 || height < 1 || square > BNC_IMAGE_MAX_SIDE || side < 1 || side > BNC_IMAGE_MAX_SIDE)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "cannot fit %zu x %zu pixels into %zu x %zu, expected sides of 1 to %u", width, height, side, side,
                    BNC_IMAGE_MAX_SIDE);
  const size_t left = (square - width) / 2, top = (square - height) / 2;
  if (square == side) {
    fit_unresized(image, square, left, top, pad, out);
    return BNC_OK;
  }
  bnc_resample taps;
  bnc_status s = bnc_resample_coefficients(&taps, square, side, err);
  if (s != BNC_OK) return s;
  fit f = {image, &taps, square, left, top, bnc_mem_array(square, 3), bnc_mem_array(side, 3), NULL, bnc_mem_array(side, 3 * sizeof(int32_t))};
  size_t row_bytes;
  if (bnc_mul_size(side, 3, &row_bytes)) f.ring = bnc_mem_array(taps.taps, row_bytes);
  if (f.padded && f.pad_row && f.ring && f.sums)
    fit_resized(&f, pad, out);
  else
    s = bnc_fail_memory(err, (unsigned long long)taps.taps * side * 3);
  bnc_mem_free(f.padded);
  bnc_mem_free(f.pad_row);
  bnc_mem_free(f.ring);
  bnc_mem_free(f.sums);
  bnc_resample_free(&taps);
  return s;
}
