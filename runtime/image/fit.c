/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/image/image.h"

enum {
  BLOCK = 4, /* rows that are resized at a time: the kernels do so many side by side */
  BAND = 64  /* output rows that a thread takes at least: neighbouring bands both resize the rows at their border */
};

/* The padded square is never built. It is read in bands of output rows: rows of the picture that the vertical pass asks for are resized
 * horizontally once, and stay in a ring that is as long as the vertical kernel; rows of pure padding are all alike and share one result. */
typedef struct fit {
  const bnc_image *image;
  const bnc_resample_ops *ops;
  bnc_resample taps;        /* square -> side, the same for both axes */
  size_t square, left, top; /* pixels: the padded square's side, and where the picture lies in it */
  size_t begin, end;        /* output columns that see any of the picture */
  size_t slots;             /* of a ring */
  uint8_t *pad_row;         /* [side, 3] a row of padding, resized */
  uint8_t *rings;           /* [threads][slots, side, 3] resized rows of the picture; row y in slot y % slots */
  uint8_t *padded;          /* [threads][BLOCK, square, 3] rows with the padding beside them; NULL where there is none */
  const uint8_t **rows;     /* [threads][taps] */
  uint8_t *out;             /* [side, side, 3] */
} fit;

static void fill_pixels(uint8_t *row, size_t count, const uint8_t pad[3]) {
  for (size_t x = 0; x < count; x++) memcpy(row + 3 * x, pad, 3);
}

/* Rows [y, y + count) of the picture into the ring. */
static void resize_rows(const fit *f, size_t thread, uint8_t *ring, size_t y, size_t count) {
  const size_t bytes = f->image->width * 3, side = f->taps.out * 3;
  bnc_resample_rows_args a = {.taps = &f->taps,
                              .in = f->image->rgb,
                              .out = ring,
                              .in_stride = bytes,
                              .out_stride = side,
                              .slots = f->slots,
                              .begin = f->begin,
                              .end = f->end};
  if (f->padded) {
    uint8_t *block = f->padded + thread * BLOCK * f->square * 3;
    for (size_t r = 0; r < count; r++) memcpy(block + (r * f->square + f->left) * 3, f->image->rgb + (y + r) * bytes, bytes);
    a.in = block;
    a.in_stride = f->square * 3;
    a.first_row = y;
  }
  f->ops->rows_u8(&a, y, y + count);
}

static void fit_band(void *context, size_t thread, size_t from, size_t to) {
  const fit *f = context;
  const size_t side = f->taps.out * 3, height = f->image->height;
  uint8_t *ring = f->rings + thread * f->slots * side;
  const uint8_t **rows = f->rows + thread * f->taps.taps;
  size_t next =
      f->taps.first[from] > f->top ? f->taps.first[from] - f->top : 0; /* rows of the picture before it are not needed, or were resized */
  for (size_t i = from; i < to; i++) {
    const size_t first = f->taps.first[i], count = f->taps.count[i];
    while (next < height && next + f->top < first + count) {
      const size_t block = height - next < BLOCK ? height - next : BLOCK;
      resize_rows(f, thread, ring, next, block);
      next += block;
    }
    for (size_t t = 0; t < f->taps.taps; t++) {
      const size_t y = first + t; /* behind count, any row will do */
      rows[t] = t < count && y >= f->top && y < f->top + height ? ring + (y - f->top) % f->slots * side : f->pad_row;
    }
    const bnc_resample_columns_args a = {&f->taps, i, rows, f->out + i * side};
    f->ops->columns_u8(&a, 0, side);
  }
}

/* What all bands share: output columns without any of the picture in them are the padding's, in every slot of the rings, from the start. */
static void prepare(fit *f, size_t threads, const uint8_t pad[3], uint8_t *pad_pixels /* [square, 3] */) {
  const size_t side = f->taps.out;
  fill_pixels(pad_pixels, f->square, pad);
  const bnc_resample_rows_args a = {.taps = &f->taps, .in = pad_pixels, .out = f->pad_row, .slots = 1, .end = side};
  f->ops->rows_u8(&a, 0, 1);
  while (f->begin < side && f->taps.first[f->begin] + f->taps.count[f->begin] <= f->left) f->begin++;
  f->end = side;
  while (f->end > f->begin && f->taps.first[f->end - 1] >= f->left + f->image->width) f->end--;
  for (size_t slot = 0; slot < threads * f->slots; slot++) memcpy(f->rings + slot * side * 3, f->pad_row, side * 3);
  for (size_t row = 0; f->padded && row < threads * BLOCK; row++) memcpy(f->padded + row * f->square * 3, pad_pixels, f->square * 3);
}

static bnc_status fit_resized(fit *f, bnc_pool *pool, const uint8_t pad[3], bnc_error *err) {
  const size_t side = f->taps.out, threads = pool ? bnc_pool_threads(pool) : 1, grain = (side + 2 * threads - 1) / (2 * threads);
  f->slots = f->taps.taps + BLOCK;
  uint8_t *pad_pixels = bnc_mem_array(f->square, 3);
  f->pad_row = bnc_mem_array(side, 3);
  f->rows = bnc_mem_array(threads * f->taps.taps, sizeof *f->rows);
  f->rings = bnc_mem_array(threads * f->slots, side * 3); /* sides and slots are below 2^18 */
  if (f->image->width < f->square) f->padded = bnc_mem_array(threads * BLOCK, f->square * 3);
  const bool enough = pad_pixels && f->pad_row && f->rows && f->rings && (f->padded || f->image->width == f->square);
  if (enough) {
    prepare(f, threads, pad, pad_pixels);
    if (threads == 1)
      fit_band(f, 0, 0, side);
    else
      bnc_pool_run_threads(pool, fit_band, f, side, grain > BAND ? grain : BAND);
  }
  bnc_mem_free(pad_pixels);
  bnc_mem_free(f->pad_row);
  bnc_mem_free(f->rows);
  bnc_mem_free(f->rings);
  bnc_mem_free(f->padded);
  return enough ? BNC_OK : bnc_fail_memory(err, (unsigned long long)threads * f->slots * side * 3);
}

static void fit_unresized(const fit *f, const uint8_t pad[3]) {
  const size_t bytes = f->image->width * 3;
  fill_pixels(f->out, f->square * f->square, pad);
  for (size_t y = 0; y < f->image->height; y++) memcpy(f->out + ((f->top + y) * f->square + f->left) * 3, f->image->rgb + y * bytes, bytes);
}

bnc_status bnc_image_fit(const bnc_image *image, const uint8_t pad[3], size_t side, const bnc_resample_ops *ops, bnc_pool *pool,
                         uint8_t *out, bnc_error *err) {
  const size_t width = image->width, height = image->height, square = width > height ? width : height;
  if (!image->rgb || width < 1 || height < 1 || square > BNC_IMAGE_MAX_SIDE || side < 1 || side > BNC_IMAGE_MAX_SIDE)
    return bnc_fail(err, BNC_ERROR_ARGUMENT, "cannot fit %zu x %zu pixels into %zu x %zu, expected sides of 1 to %u", width, height, side,
                    side, BNC_IMAGE_MAX_SIDE);
  fit f = {.image = image, .ops = ops, .square = square, .left = (square - width) / 2, .top = (square - height) / 2, .out = out};
  if (square == side) {
    fit_unresized(&f, pad);
    return BNC_OK;
  }
  bnc_status s = bnc_resample_create(&f.taps, square, side, err);
  if (s == BNC_OK) s = fit_resized(&f, pool, pad, err);
  bnc_resample_free(&f.taps);
  return s;
}
