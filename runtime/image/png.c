/* SPDX-License-Identifier: Apache-2.0 */
/* PNG through libpng. Colours as Pillow's convert("RGB") has them: alpha, tRNS, gAMA and background are ignored; fewer than 8 bits are
 * spread over 0 .. 255; 16 bits keep their high byte, but 16-bit grayscale without alpha is clipped, min(value, 255), which is what Pillow
 * does to its mode "I;16". */
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/image/decoder.h"

#define MAX_CHUNK_MEMORY (8u << 20) /* bytes that one ancillary chunk (a profile, a text) may take unpacked */
#define MAX_ANCILLARY_CHUNKS 128
#define MAX_DEFLATE_RATIO 1032u /* bytes out per byte in, the most that deflate can do */

typedef struct decoder {
  png_structp png;
  png_infop info;
  jmp_buf escape;
  bnc_status status;
  bnc_error *err;
  bnc_image *image;
  const uint8_t *data; /* [size] */
  size_t size, offset; /* bytes, and how many of them were read */
  uint8_t *gray16;     /* [height, width, 2] or NULL */
  int out_of_memory;   /* an allocation failed; libpng itself says so only in words, or goes on without a chunk */
} decoder;

static _Noreturn void leave(decoder *d, bnc_status status) {
  d->status = status;
  longjmp(d->escape, 1);
}

static void on_error(png_structp png, png_const_charp text) {
  decoder *d = png_get_error_ptr(png);
  leave(d, bnc_fail(d->err, d->out_of_memory ? BNC_ERROR_MEMORY : BNC_ERROR_FORMAT, "PNG picture: %s", text));
}

static void on_warning(png_structp png, png_const_charp text) { (void)png, (void)text; }

static void on_read(png_structp png, png_bytep out, size_t length) {
  decoder *d = png_get_io_ptr(png);
  if (length > d->size - d->offset)
    leave(d, bnc_fail(d->err, BNC_ERROR_FORMAT, "PNG picture: its data ends early, after %zu bytes", d->size));
  memcpy(out, d->data + d->offset, length);
  d->offset += length;
}

static void *on_alloc(png_structp png, png_alloc_size_t size) {
  decoder *d = png_get_mem_ptr(png);
  void *block = bnc_mem_alloc(size);
  if (!block) d->out_of_memory = 1;
  return block;
}

static void on_free(png_structp png, void *block) {
  (void)png;
  bnc_mem_free(block);
}

/* 16-bit grayscale is read as it is: libpng has no clipping. Interlaced pictures arrive in passes, so that rows are whole only after the
 * last. */
static void read_gray16(decoder *d, int passes) {
  const size_t width = d->image->width, height = d->image->height;
  d->gray16 = bnc_mem_array(height, width * 2);
  if (!d->gray16) leave(d, bnc_fail_memory(d->err, height * width * 2));
  for (int pass = 0; pass < passes; pass++)
    for (size_t y = 0; y < height; y++) png_read_row(d->png, d->gray16 + y * width * 2, NULL);
  for (size_t i = 0; i < width * height; i++) memset(d->image->rgb + 3 * i, d->gray16[2 * i] ? 255 : d->gray16[2 * i + 1], 3);
}

static void read_rgb8(decoder *d, int passes) {
  if (png_get_channels(d->png, d->info) != 3 || png_get_bit_depth(d->png, d->info) != 8)
    leave(d, bnc_fail(d->err, BNC_ERROR_INTERNAL, "PNG picture: libpng did not make it 8-bit RGB"));
  for (int pass = 0; pass < passes; pass++)
    for (size_t y = 0; y < d->image->height; y++) png_read_row(d->png, d->image->rgb + y * d->image->width * 3, NULL);
}

static unsigned orientation_of(decoder *d) {
  png_bytep exif;
  png_uint_32 length;
  return png_get_eXIf_1(d->png, d->info, &length, &exif) ? bnc_exif_orientation(exif, length) : 1;
}

static uint32_t u32(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

/* libpng refuses an empty or huge size too, but says only "Invalid IHDR data". */
static bnc_status check_header(const uint8_t *data, size_t size, size_t max_pixels, bnc_error *err) {
  if (size < 8 + 25 || memcmp(data + 12, "IHDR", 4) != 0)
    return bnc_fail(err, BNC_ERROR_FORMAT, "PNG picture: its header (IHDR) is missing");
  return bnc_image_check_size(u32(data + 16), u32(data + 20), max_pixels, err);
}

/* Runs under setjmp: whatever must outlive an error is in *d. */
static void decode(decoder *d, size_t max_pixels) {
  png_structp png = d->png;
  png_uint_32 width, height;
  int depth, colour, interlace;
  png_set_read_fn(png, d, on_read);
  png_set_user_limits(png, BNC_IMAGE_MAX_SIDE, BNC_IMAGE_MAX_SIDE);
  png_set_chunk_malloc_max(png, MAX_CHUNK_MEMORY);
  png_set_chunk_cache_max(png, MAX_ANCILLARY_CHUNKS);
  png_read_info(png, d->info);
  png_get_IHDR(png, d->info, &width, &height, &depth, &colour, &interlace, NULL, NULL);
  const unsigned long long least = (unsigned long long)png_get_rowbytes(png, d->info) * height / MAX_DEFLATE_RATIO;
  if (least > d->size)
    leave(d,
          bnc_fail(d->err, BNC_ERROR_FORMAT, "PNG picture: its data ends early: found %zu bytes, expected at least %llu for %u x %u pixels",
                   d->size, least, (unsigned)width, (unsigned)height));
  const int is_gray16 = colour == PNG_COLOR_TYPE_GRAY && depth == 16;
  if (!is_gray16) {
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (colour == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (depth == 16) png_set_strip_16(png);
    if (!(colour & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
  }
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, d->info);
  d->status = bnc_image_allocate(d->image, width, height, max_pixels, d->err);
  if (d->status != BNC_OK) return;
  if (is_gray16)
    read_gray16(d, passes);
  else
    read_rgb8(d, passes);
  png_read_end(png, d->info);
  if (d->out_of_memory) leave(d, bnc_fail(d->err, BNC_ERROR_MEMORY, "PNG picture: out of memory"));
  d->status = bnc_image_orient(d->image, orientation_of(d), d->err);
}

bnc_status bnc_png_decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_error *err) {
  const bnc_status header = check_header(data, size, max_pixels, err);
  if (header != BNC_OK) return header;
  decoder *d = bnc_mem_zalloc(sizeof *d);
  if (!d) return bnc_fail_memory(err, sizeof *d);
  d->err = err;
  d->image = image;
  d->data = data;
  d->size = size;
  /* libpng works inside these two calls too, and an error there also ends at on_error. */
  if (setjmp(d->escape) == 0) {
    d->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, d, on_error, on_warning, d, on_alloc, on_free);
    if (d->png) d->info = png_create_info_struct(d->png);
    if (d->info)
      decode(d, max_pixels);
    else
      d->status = bnc_fail_memory(err, sizeof *d);
  }
  if (d->png) png_destroy_read_struct(&d->png, &d->info, NULL);
  const bnc_status s = d->status;
  if (s != BNC_OK) bnc_image_free(image);
  bnc_mem_free(d->gray16);
  bnc_mem_free(d);
  return s;
}
