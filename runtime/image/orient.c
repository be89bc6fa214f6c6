/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/image/decoder.h"

static void swap_pixels(uint8_t *a, uint8_t *b) {
  uint8_t t[3];
  memcpy(t, a, 3);
  memcpy(a, b, 3);
  memcpy(b, t, 3);
}

static void mirror(bnc_image *image) {
  for (size_t y = 0; y < image->height; y++) {
    uint8_t *row = image->rgb + y * image->width * 3;
    for (size_t a = 0, b = image->width - 1; a < b; a++, b--) swap_pixels(row + 3 * a, row + 3 * b);
  }
}

static void rotate_180(bnc_image *image) {
  for (size_t a = 0, b = image->width * image->height - 1; a < b; a++, b--) swap_pixels(image->rgb + 3 * a, image->rgb + 3 * b);
}

/* rows become columns; small blocks, as one side of the copy always walks down a column */
static bnc_status transpose(bnc_image *image, bnc_error *err) {
  enum { BLOCK = 32 };
  const size_t w = image->width, h = image->height;
  uint8_t *out = bnc_mem_alloc(w * h * 3); /* [w, h, 3] */
  if (!out) return bnc_fail_memory(err, w * h * 3);
  for (size_t y0 = 0; y0 < h; y0 += BLOCK)
    for (size_t x0 = 0; x0 < w; x0 += BLOCK)
      for (size_t y = y0; y < h && y < y0 + BLOCK; y++)
        for (size_t x = x0; x < w && x < x0 + BLOCK; x++) memcpy(out + (x * h + y) * 3, image->rgb + (y * w + x) * 3, 3);
  bnc_mem_free(image->rgb);
  *image = (bnc_image){.width = h, .height = w, .rgb = out, .damage = image->damage};
  return BNC_OK;
}

/* EXIF 2.3, tag 0x0112: where the stored picture's row 0 and column 0 are on the upright one: 1 top left, 2 top right, 3 bottom right, 4
 * bottom left, 5 left top, 6 right top, 7 right bottom, 8 left bottom. */
bnc_status bnc_image_orient(bnc_image *image, unsigned orientation, bnc_error *err) {
  if (orientation >= 5 && orientation <= 8) {
    bnc_status s = transpose(image, err);
    if (s != BNC_OK) return s;
  }
  if (orientation == 2 || orientation == 6) mirror(image);
  if (orientation == 3 || orientation == 7) rotate_180(image);
  if (orientation == 4 || orientation == 8) {
    rotate_180(image);
    mirror(image);
  }
  return BNC_OK;
}
