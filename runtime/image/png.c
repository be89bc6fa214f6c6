/* SPDX-License-Identifier: Apache-2.0 */
/* PNG through libpng. Colours as Pillow's convert("RGB") has them: alpha, tRNS, gAMA and background are ignored; fewer than 8 bits are
 * spread over 0 .. 255; 16 bits keep their high byte, but 16-bit grayscale without alpha is clipped, min(value, 255), which is what Pillow
 * does to its mode "I;16". */
#include <png.h>
#include <setjmp.h>
#include <string.h>

#include "platforms/base/mem.h"
#include "runtime/image/png_stream.h"

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
  bnc_image_watch *watch;
  bnc_png_stream stream;
  bnc_reducer reducer; /* used where its factor is above 1 */
  uint8_t *staged;     /* [1, or height where interlaced][width, channels, bytes] rows as libpng gives them; NULL: straight into image */
  uint8_t *line;       /* [width, 3] a staged row as RGB, on its way to the reducer */
  size_t width, height, row_bytes, put; /* of the file; and how many rows have reached the picture */
  bool is_interlaced, is_gray16, is_reading, is_complete;
  bool out_of_memory; /* an allocation failed; libpng itself says so only in words, or goes on without a chunk */
} decoder;

static _Noreturn void leave(decoder *d, bnc_status status) {
  d->status = status;
  longjmp(d->escape, 1);
}

static void ask(decoder *d, double done, double total) {
  const bnc_status s = bnc_image_ask(d->watch, done / total, d->err);
  if (s != BNC_OK) leave(d, s);
}

/* Behind the last row libpng looks for the end of the compressed data, and has counted on by then. */
static bool has_all_rows(const decoder *d) {
  if (!d->is_reading) return false;
  return d->is_interlaced ? png_get_current_pass_number(d->png) >= 7 : png_get_current_row_number(d->png) >= d->height;
}

/* No error where all pixels are there. */
static void on_error(png_structp png, png_const_charp text) {
  decoder *d = png_get_error_ptr(png);
  if (d->is_complete || (!d->out_of_memory && has_all_rows(d))) {
    if (!d->is_complete) d->image->damage = "PNG picture: what follows its pixels is damaged";
    d->is_complete = true;
    longjmp(d->escape, 1);
  }
  const bool is_cut = d->is_reading && d->stream.tail < BNC_PNG_TAIL;
  if (is_cut) leave(d, bnc_fail(d->err, BNC_ERROR_FORMAT, "PNG picture: its data ends early"));
  leave(d, bnc_fail(d->err, d->out_of_memory ? BNC_ERROR_MEMORY : BNC_ERROR_FORMAT, "PNG picture: %s", text));
}

static void on_warning(png_structp png, png_const_charp text) {
  decoder *d = png_get_error_ptr(png);
  if (d->is_reading && strcmp(text, "IDAT: CRC error") == 0) d->image->damage = "PNG picture: its pixels have a wrong checksum";
}

static void on_read(png_structp png, png_bytep out, size_t length) {
  decoder *d = png_get_io_ptr(png);
  if (!bnc_png_stream_read(&d->stream, out, length)) png_error(png, "its data ends early");
}

static void *on_alloc(png_structp png, png_alloc_size_t size) {
  decoder *d = png_get_mem_ptr(png);
  void *block = bnc_mem_alloc(size);
  if (!block) d->out_of_memory = true;
  return block;
}

static void on_free(png_structp png, void *block) {
  (void)png;
  bnc_mem_free(block);
}

/* A row as libpng gives it into the picture. */
static void put_row(decoder *d, const uint8_t *row) {
  uint8_t *out = d->reducer.factor > 1 ? d->line : d->image->rgb + d->put * d->width * 3;
  if (d->is_gray16) { /* libpng has no clipping */
    for (size_t x = 0; x < d->width; x++) memset(out + 3 * x, row[2 * x] ? 255 : row[2 * x + 1], 3);
    row = out;
  }
  if (d->reducer.factor > 1) bnc_reducer_add(&d->reducer, row);
  d->put++;
}

static void stage(decoder *d, unsigned factor) {
  d->row_bytes = d->width * (d->is_gray16 ? 2 : 3);
  d->reducer.factor = factor;
  if (factor > 1) {
    d->status = bnc_reducer_create(&d->reducer, d->image, d->width, d->height, factor, d->err);
    if (d->status != BNC_OK) leave(d, d->status);
    if (!(d->line = bnc_mem_array(d->width, 3))) leave(d, bnc_fail_memory(d->err, d->width * 3));
  }
  if (factor == 1 && !d->is_gray16) return;
  const size_t rows = d->is_interlaced ? d->height : 1;
  if (!(d->staged = bnc_mem_array(rows, d->row_bytes))) leave(d, bnc_fail_memory(d->err, rows * d->row_bytes));
}

static uint8_t *row_of(const decoder *d, size_t y) {
  if (!d->staged) return d->image->rgb + y * d->row_bytes;
  return d->is_interlaced ? d->staged + y * d->row_bytes : d->staged;
}

/* Interlaced pictures arrive in passes, so that rows are whole only after the last. */
static void read_rows(decoder *d, int passes) {
  const size_t channels = d->is_gray16 ? 1 : 3, depth = d->is_gray16 ? 16 : 8;
  if (png_get_channels(d->png, d->info) != channels || png_get_bit_depth(d->png, d->info) != depth)
    leave(d, bnc_fail(d->err, BNC_ERROR_INTERNAL, "PNG picture: libpng did not make it %zu x %zu bits", channels, depth));
  d->is_reading = true;
  for (int pass = 0; pass < passes; pass++)
    for (size_t y = 0; y < d->height; y++) {
      png_read_row(d->png, row_of(d, y), NULL);
      if (!d->is_interlaced) put_row(d, row_of(d, y));
      ask(d, (double)pass * (double)d->height + (double)y, (double)passes * (double)d->height);
    }
  d->is_complete = true;
}

/* Text is taken in the order of the file: the last of a name counts. */
static bnc_status find_orientation(decoder *d, unsigned *orientation) {
  static const struct {
    const char *key;
    bnc_note_source source;
  } keys[] = {{"Raw profile type exif", BNC_NOTE_EXIF_PROFILE},
              {"Raw profile type APP1", BNC_NOTE_APP1_PROFILE},
              {"XML:com.adobe.xmp", BNC_NOTE_XMP},
              {"Raw profile type xmp", BNC_NOTE_XMP_PROFILE}};
  bnc_notes notes = {.of[BNC_NOTE_EXIF] = d->stream.exif};
  png_textp text = NULL;
  const int count = png_get_text(d->png, d->info, &text, NULL);
  for (int i = 0; i < count; i++)
    for (size_t k = 0; text[i].text && k < sizeof keys / sizeof *keys; k++)
      if (strcmp(text[i].key, keys[k].key) == 0) notes.of[keys[k].source] = (bnc_note){(uint8_t *)text[i].text, strlen(text[i].text)};
  return bnc_notes_orientation(&notes, orientation, d->err);
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
  png_set_benign_errors(png, 1);
  png_read_info(png, d->info);
  png_set_crc_action(png, PNG_CRC_WARN_USE, PNG_CRC_NO_CHANGE); /* header and palette must be right, pixels need not */
  png_get_IHDR(png, d->info, &width, &height, &depth, &colour, &interlace, NULL, NULL);
  const unsigned long long least = (unsigned long long)png_get_rowbytes(png, d->info) * height / MAX_DEFLATE_RATIO;
  if (least > d->stream.whole)
    leave(d,
          bnc_fail(d->err, BNC_ERROR_FORMAT, "PNG picture: its data ends early: found %zu bytes, expected at least %llu for %u x %u pixels",
                   d->stream.whole, least, (unsigned)width, (unsigned)height));
  d->width = width;
  d->height = height;
  d->is_gray16 = colour == PNG_COLOR_TYPE_GRAY && depth == 16;
  d->is_interlaced = interlace != PNG_INTERLACE_NONE;
  if (!d->is_gray16) {
    if (colour == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (colour == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (depth == 16) png_set_strip_16(png);
    if (!(colour & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
    png_set_strip_alpha(png);
  }
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, d->info);
  const unsigned factor = bnc_image_reduction(width, height, max_pixels);
  d->status = bnc_image_allocate(d->image, (width + factor - 1) / factor, (height + factor - 1) / factor, max_pixels, d->err);
  if (d->status != BNC_OK) return;
  stage(d, factor);
  read_rows(d, passes);
}

/* What stands behind the pixels is read for its text; damage there does no harm. */
static void finish(decoder *d) {
  unsigned orientation = 1;
  while (d->put < d->height && (d->status = bnc_image_ask(d->watch, 1, d->err)) == BNC_OK) put_row(d, row_of(d, d->put));
  if (d->status != BNC_OK) return;
  if (d->stream.tail < BNC_PNG_TAIL) d->image->damage = "PNG picture: its end is missing, behind the pixels";
  if (setjmp(d->escape) == 0) png_read_end(d->png, d->info);
  if (d->out_of_memory) {
    d->status = bnc_fail(d->err, BNC_ERROR_MEMORY, "PNG picture: out of memory");
    return;
  }
  d->status = find_orientation(d, &orientation);
  if (d->status == BNC_OK) d->status = bnc_image_orient(d->image, orientation, d->err);
}

bnc_status bnc_png_decode(bnc_image *image, const uint8_t *data, size_t size, size_t max_pixels, bnc_image_watch *watch, bnc_error *err) {
  const bnc_status header = check_header(data, size, max_pixels, err);
  if (header != BNC_OK) return header;
  decoder *d = bnc_mem_zalloc(sizeof *d);
  if (!d) return bnc_fail_memory(err, sizeof *d);
  d->err = err;
  d->image = image;
  d->watch = watch;
  bnc_png_stream_open(&d->stream, data, size);
  /* libpng works inside these two calls too, and an error there also ends at on_error. */
  if (setjmp(d->escape) == 0) {
    d->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, d, on_error, on_warning, d, on_alloc, on_free);
    if (d->png) d->info = png_create_info_struct(d->png);
    if (d->info)
      decode(d, max_pixels);
    else
      d->status = bnc_fail_memory(err, sizeof *d);
  }
  if (d->is_complete && d->status == BNC_OK) finish(d);
  if (d->png) png_destroy_read_struct(&d->png, &d->info, NULL);
  const bnc_status s = d->status;
  if (s != BNC_OK) bnc_image_free(image);
  bnc_reducer_free(&d->reducer);
  bnc_mem_free(d->line);
  bnc_mem_free(d->staged);
  bnc_mem_free(d);
  return s;
}
