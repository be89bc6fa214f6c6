/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/image/decoder.h"

unsigned bnc_image_reduction(uint64_t width, uint64_t height, size_t max_pixels) {
  unsigned factor = 1;
  while (factor < 8 && ((width + factor - 1) / factor) * ((height + factor - 1) / factor) > max_pixels) factor *= 2;
  return factor;
}

bnc_status bnc_reducer_create(bnc_reducer *reducer, bnc_image *image, size_t width, size_t height, unsigned factor, bnc_error *err) {
  *reducer = (bnc_reducer){.image = image, .width = width, .height = height, .factor = factor};
  reducer->sums = bnc_mem_zalloc(image->width * 3 * sizeof *reducer->sums);
  return reducer->sums ? BNC_OK : bnc_fail_memory(err, image->width * 3 * sizeof *reducer->sums);
}

static size_t at_most(size_t value, size_t most) { return value < most ? value : most; }

/* The means of the rows that sums has gathered. */
static void put_row(bnc_reducer *r) {
  const size_t out = r->row / r->factor, rows = r->row - out * r->factor + 1;
  uint8_t *rgb = r->image->rgb + out * r->image->width * 3;
  for (size_t x = 0; x < r->image->width; x++) {
    const uint32_t count = (uint32_t)(rows * at_most(r->factor, r->width - x * r->factor));
    for (size_t c = 0; c < 3; c++) rgb[3 * x + c] = (uint8_t)((r->sums[3 * x + c] + count / 2) / count);
  }
  memset(r->sums, 0, r->image->width * 3 * sizeof *r->sums);
}

void bnc_reducer_add(bnc_reducer *r, const uint8_t *row) {
  for (size_t x = 0; x < r->width; x++)
    for (size_t c = 0; c < 3; c++) r->sums[x / r->factor * 3 + c] += row[3 * x + c];
  if ((r->row + 1) % r->factor == 0 || r->row + 1 == r->height) put_row(r);
  r->row++;
}

void bnc_reducer_free(bnc_reducer *reducer) {
  bnc_mem_free(reducer->sums);
  reducer->sums = NULL;
}
